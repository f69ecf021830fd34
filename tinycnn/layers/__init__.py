"""The layers, one kind a file."""

from tinycnn.layers.activations import ELU, GELU, LeakyReLU, ReLU, Sigmoid, SiLU, Softmax, Softplus, Tanh
from tinycnn.layers.base import Layer, walk
from tinycnn.layers.conv import Conv1D, Conv2D, Conv3D
from tinycnn.layers.conv_transpose import ConvTranspose2D
from tinycnn.layers.dense import Dense
from tinycnn.layers.dropout import Dropout
from tinycnn.layers.group_norm import GroupNorm, LayerNorm
from tinycnn.layers.norm import BatchNorm
from tinycnn.layers.pool import AvgPool1D, AvgPool2D, AvgPool3D, GlobalAvgPool, GlobalMaxPool, MaxPool1D, MaxPool2D, MaxPool3D
from tinycnn.layers.reshape import Flatten, Pad, Reshape, Upsample

__all__ = [
    "ELU",
    "GELU",
    "AvgPool1D",
    "AvgPool2D",
    "AvgPool3D",
    "BatchNorm",
    "Conv1D",
    "Conv2D",
    "Conv3D",
    "ConvTranspose2D",
    "Dense",
    "Dropout",
    "Flatten",
    "GlobalAvgPool",
    "GlobalMaxPool",
    "GroupNorm",
    "Layer",
    "LayerNorm",
    "LeakyReLU",
    "MaxPool1D",
    "MaxPool2D",
    "MaxPool3D",
    "Pad",
    "ReLU",
    "Reshape",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "Tanh",
    "Upsample",
    "walk",
]
