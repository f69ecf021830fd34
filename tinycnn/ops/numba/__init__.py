"""The fast twins: same names and signatures as `tinycnn.ops.numpy`, compiled by Numba. An op without a twin has no hot loop.

Importing this package imports numba; only `tinycnn.ops.backend` does so, and only when the twins are asked for.
"""

from tinycnn.ops.numba.conv import conv_backward, scatter_windows
from tinycnn.ops.numba.norm import batch_statistics, normalise, normalise_backward
from tinycnn.ops.numba.pool import average_pool, average_pool_backward, max_pool, max_pool_backward
from tinycnn.ops.numba.update import adam_step

__all__ = [
    "adam_step",
    "average_pool",
    "average_pool_backward",
    "batch_statistics",
    "conv_backward",
    "max_pool",
    "max_pool_backward",
    "normalise",
    "normalise_backward",
    "scatter_windows",
]
