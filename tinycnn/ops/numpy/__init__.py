"""The readable form of every op: the textbook for students, the referee for the fast twins."""

from tinycnn.ops.numpy.activation import (
    relu,
    relu_backward,
    sigmoid,
    sigmoid_backward,
    softmax,
    softmax_backward,
)
from tinycnn.ops.numpy.conv import conv, conv_backward
from tinycnn.ops.numpy.dense import dense, dense_backward
from tinycnn.ops.numpy.norm import batch_statistics, normalise, normalise_backward
from tinycnn.ops.numpy.pool import average_pool, average_pool_backward, max_pool, max_pool_backward
from tinycnn.ops.numpy.retouch import add_noise, blur, tone
from tinycnn.ops.numpy.update import adadelta_step, adagrad_step, adam_step, rmsprop_step, sgd_step
from tinycnn.ops.numpy.warp import warp
from tinycnn.ops.numpy.windows import gather_windows, scatter_windows

__all__ = [
    "adadelta_step",
    "adagrad_step",
    "adam_step",
    "add_noise",
    "average_pool",
    "average_pool_backward",
    "batch_statistics",
    "blur",
    "conv",
    "conv_backward",
    "dense",
    "dense_backward",
    "gather_windows",
    "max_pool",
    "max_pool_backward",
    "normalise",
    "normalise_backward",
    "relu",
    "relu_backward",
    "rmsprop_step",
    "scatter_windows",
    "sgd_step",
    "sigmoid",
    "sigmoid_backward",
    "softmax",
    "softmax_backward",
    "tone",
    "warp",
]
