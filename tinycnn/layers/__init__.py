"""The layers, one kind a file."""

from tinycnn.layers.activations import ReLU, Sigmoid, Softmax
from tinycnn.layers.base import Layer, walk
from tinycnn.layers.conv import Conv2D
from tinycnn.layers.dense import Dense
from tinycnn.layers.dropout import Dropout
from tinycnn.layers.norm import BatchNorm
from tinycnn.layers.pool import AvgPool2D, GlobalAvgPool, MaxPool2D
from tinycnn.layers.reshape import Flatten

__all__ = [
    "AvgPool2D",
    "BatchNorm",
    "Conv2D",
    "Dense",
    "Dropout",
    "Flatten",
    "GlobalAvgPool",
    "Layer",
    "MaxPool2D",
    "ReLU",
    "Sigmoid",
    "Softmax",
    "walk",
]
