"""The readable form of every op: the textbook for students, the referee for the fast twins."""

from tinycnn.ops.numpy.activation import (
    elu,
    elu_backward,
    gelu,
    gelu_backward,
    leaky_relu,
    leaky_relu_backward,
    relu,
    relu_backward,
    sigmoid,
    sigmoid_backward,
    silu,
    silu_backward,
    softmax,
    softmax_backward,
    softplus,
    softplus_backward,
    tanh,
    tanh_backward,
)
from tinycnn.ops.numpy.conv import conv, conv_backward
from tinycnn.ops.numpy.conv_transpose import conv_transpose, conv_transpose_backward
from tinycnn.ops.numpy.dense import dense, dense_backward
from tinycnn.ops.numpy.group_norm import group_norm, group_norm_backward
from tinycnn.ops.numpy.norm import batch_statistics, normalise, normalise_backward
from tinycnn.ops.numpy.pool import average_pool, average_pool_backward, max_pool, max_pool_backward
from tinycnn.ops.numpy.retouch import add_noise, blur, tone
from tinycnn.ops.numpy.update import adadelta_step, adagrad_step, adam_step, rmsprop_step, sgd_step
from tinycnn.ops.numpy.upsample import upsample, upsample_backward
from tinycnn.ops.numpy.warp import warp
from tinycnn.ops.numpy.windows import crop, gather_windows, pad, scatter_windows

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
    "conv_transpose",
    "conv_transpose_backward",
    "crop",
    "dense",
    "dense_backward",
    "elu",
    "elu_backward",
    "gather_windows",
    "gelu",
    "gelu_backward",
    "group_norm",
    "group_norm_backward",
    "leaky_relu",
    "leaky_relu_backward",
    "max_pool",
    "max_pool_backward",
    "normalise",
    "normalise_backward",
    "pad",
    "relu",
    "relu_backward",
    "rmsprop_step",
    "scatter_windows",
    "sgd_step",
    "sigmoid",
    "sigmoid_backward",
    "silu",
    "silu_backward",
    "softmax",
    "softmax_backward",
    "softplus",
    "softplus_backward",
    "tanh",
    "tanh_backward",
    "tone",
    "upsample",
    "upsample_backward",
    "warp",
]
