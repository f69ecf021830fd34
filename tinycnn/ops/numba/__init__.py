"""The fast twins: same names and signatures as `tinycnn.ops.numpy`, compiled by Numba. An op without a twin has no hot loop.

Importing this package imports numba; only `tinycnn.ops.backend` does so, and only when the twins are asked for.
"""

from tinycnn.ops.numba.activation import relu, relu_backward
from tinycnn.ops.numba.conv import conv, conv_backward
from tinycnn.ops.numba.dense import dense, dense_backward
from tinycnn.ops.numba.norm import batch_statistics, normalise, normalise_backward
from tinycnn.ops.numba.pool import average_pool, average_pool_backward, max_pool, max_pool_backward
from tinycnn.ops.numba.update import adam_step
from tinycnn.ops.numba.windows import scatter_windows

__all__ = [
    "adam_step",
    "average_pool",
    "average_pool_backward",
    "batch_statistics",
    "conv",
    "conv_backward",
    "dense",
    "dense_backward",
    "max_pool",
    "max_pool_backward",
    "normalise",
    "normalise_backward",
    "relu",
    "relu_backward",
    "scatter_windows",
]
