"""The fast twins: same names and signatures as `tinycnn.ops.numpy`, on kernels compiled by Numba. Other ops have no hot loop.

    vectors                                            how wide a register is, arithmetic on registers
    tile  passes  winograd_transforms                  the three inner loops, as LLVM instructions
    kernel  cache                                      how kernels are compiled, kept on disk, and run on threads
    lines                                              how pixels come in and what happens to them on their way out
    direct  weight_gradient  winograd  depthwise         the convolutions; `convolution` chooses among them
    norm  pool  elementwise  updates  random  warps  retouch    everything else
    twins                                              the ops

Importing this package imports numba; only `tinycnn.ops.backend` and `tinycnn.plan` do so, and only when the twins are asked for.
"""

from tinycnn.ops.numba.twins import (
    adadelta_step,
    adagrad_step,
    adam_step,
    add_noise,
    average_pool,
    average_pool_backward,
    batch_statistics,
    blur,
    conv,
    conv_backward,
    conv_transpose,
    conv_transpose_backward,
    dense,
    dense_backward,
    max_pool,
    max_pool_backward,
    normalise,
    normalise_backward,
    relu,
    relu_backward,
    rmsprop_step,
    sgd_step,
    tone,
    warp,
)

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
    "dense",
    "dense_backward",
    "max_pool",
    "max_pool_backward",
    "normalise",
    "normalise_backward",
    "relu",
    "relu_backward",
    "rmsprop_step",
    "sgd_step",
    "tone",
    "warp",
]
