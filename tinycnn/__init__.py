"""A from-scratch CNN engine: NumPy to read, Numba to run fast, every gradient proven by a test.

import tinycnn as tc
model = tc.Sequential(tc.Conv2D(16, 3), tc.ReLU(), tc.GlobalAvgPool(), tc.Dense(1)).build((64, 64, 1), seed=0)
"""

from tinycnn import init, ops, schedules
from tinycnn.blocks import Branches, Residual, SqueezeExcite
from tinycnn.bundle import BundleError, load, save
from tinycnn.divergence import DivergenceError
from tinycnn.ema import EMA
from tinycnn.gradcheck import GradientError, gradcheck
from tinycnn.layers import (
    ELU,
    GELU,
    AvgPool1D,
    AvgPool2D,
    AvgPool3D,
    BatchNorm,
    Conv1D,
    Conv2D,
    Conv3D,
    ConvTranspose2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAvgPool,
    GlobalMaxPool,
    GroupNorm,
    Layer,
    LayerNorm,
    LeakyReLU,
    MaxPool1D,
    MaxPool2D,
    MaxPool3D,
    Pad,
    ReLU,
    Reshape,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
    Upsample,
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
    "ELU",
    "EMA",
    "GELU",
    "MSE",
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "AvgPool1D",
    "AvgPool2D",
    "AvgPool3D",
    "BCEWithLogits",
    "BatchNorm",
    "Branches",
    "BundleError",
    "Checkpoint",
    "Conv1D",
    "Conv2D",
    "Conv3D",
    "ConvTranspose2D",
    "CosineWarmup",
    "Dense",
    "DivergenceError",
    "Dropout",
    "Flatten",
    "FocalLoss",
    "GlobalAvgPool",
    "GlobalMaxPool",
    "GradientError",
    "GroupNorm",
    "Layer",
    "LayerNorm",
    "LeakyReLU",
    "Loss",
    "MaxPool1D",
    "MaxPool2D",
    "MaxPool3D",
    "OneCycle",
    "Optimizer",
    "Pad",
    "Parameter",
    "RMSprop",
    "ReLU",
    "ReduceOnPlateau",
    "Reshape",
    "Residual",
    "Sequential",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "SoftmaxCrossEntropy",
    "Softplus",
    "SqueezeExcite",
    "StepDecay",
    "Tanh",
    "Upsample",
    "backend",
    "gradcheck",
    "init",
    "load",
    "lr_range_test",
    "ops",
    "save",
    "schedules",
]
