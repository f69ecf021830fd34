"""A from-scratch CNN engine: NumPy to read, Numba to run fast, every gradient proven by a test.

import tinycnn as tc
model = tc.Sequential(tc.Conv2D(16, 3), tc.ReLU(), tc.GlobalAvgPool(), tc.Dense(1)).build((64, 64, 1), seed=0)
"""

from tinycnn import init, ops, schedules
from tinycnn.blocks import Branches, Residual
from tinycnn.bundle import BundleError, load, save
from tinycnn.divergence import DivergenceError
from tinycnn.ema import EMA
from tinycnn.gradcheck import GradientError, gradcheck
from tinycnn.layers import (
    AvgPool2D,
    BatchNorm,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAvgPool,
    Layer,
    MaxPool2D,
    ReLU,
    Sigmoid,
    Softmax,
)
from tinycnn.losses import MSE, BCEWithLogits, FocalLoss, Loss, SoftmaxCrossEntropy
from tinycnn.lr_range import lr_range_test
from tinycnn.model import Sequential
from tinycnn.ops import backend
from tinycnn.optim import SGD, Adadelta, Adagrad, Adam, AdamW, Optimizer, RMSprop
from tinycnn.parameters import Parameter
from tinycnn.recompute import Checkpoint
from tinycnn.schedules import CosineWarmup, OneCycle, ReduceOnPlateau, StepDecay

__all__ = [
    "EMA",
    "MSE",
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "AvgPool2D",
    "BCEWithLogits",
    "BatchNorm",
    "Branches",
    "BundleError",
    "Checkpoint",
    "Conv2D",
    "CosineWarmup",
    "Dense",
    "DivergenceError",
    "Dropout",
    "Flatten",
    "FocalLoss",
    "GlobalAvgPool",
    "GradientError",
    "Layer",
    "Loss",
    "MaxPool2D",
    "OneCycle",
    "Optimizer",
    "Parameter",
    "RMSprop",
    "ReLU",
    "ReduceOnPlateau",
    "Residual",
    "Sequential",
    "Sigmoid",
    "Softmax",
    "SoftmaxCrossEntropy",
    "StepDecay",
    "backend",
    "gradcheck",
    "init",
    "load",
    "lr_range_test",
    "ops",
    "save",
    "schedules",
]
