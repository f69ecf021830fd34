"""The mathematics: pure functions on arrays, each with a readable NumPy form and, where a loop is hot, a fast twin.

`ops.numpy` is the textbook and the referee; `ops.numba` has the same names and signatures; `backend` chooses.
"""

from tinycnn.ops.backend import backend, backend_for, chosen, is_cold, op, runs_on, trains_on, warmup
from tinycnn.ops.shapes import Window, place_window

conv = op("conv")
conv_backward = op("conv_backward")
conv_transpose = op("conv_transpose")
conv_transpose_backward = op("conv_transpose_backward")
dense = op("dense")
dense_backward = op("dense_backward")
max_pool = op("max_pool")
max_pool_backward = op("max_pool_backward")
average_pool = op("average_pool")
average_pool_backward = op("average_pool_backward")
batch_statistics = op("batch_statistics")
normalise = op("normalise")
normalise_backward = op("normalise_backward")
group_norm = op("group_norm")
group_norm_backward = op("group_norm_backward")
upsample = op("upsample")
upsample_backward = op("upsample_backward")
pad = op("pad")
crop = op("crop")
relu = op("relu")
relu_backward = op("relu_backward")
sigmoid = op("sigmoid")
sigmoid_backward = op("sigmoid_backward")
softmax = op("softmax")
softmax_backward = op("softmax_backward")
elu = op("elu")
elu_backward = op("elu_backward")
gelu = op("gelu")
gelu_backward = op("gelu_backward")
leaky_relu = op("leaky_relu")
leaky_relu_backward = op("leaky_relu_backward")
silu = op("silu")
silu_backward = op("silu_backward")
softplus = op("softplus")
softplus_backward = op("softplus_backward")
tanh = op("tanh")
tanh_backward = op("tanh_backward")
sgd_step = op("sgd_step")
adagrad_step = op("adagrad_step")
adadelta_step = op("adadelta_step")
rmsprop_step = op("rmsprop_step")
adam_step = op("adam_step")
warp = op("warp")
blur = op("blur")
tone = op("tone")
add_noise = op("add_noise")

__all__ = [
    "Window",
    "adadelta_step",
    "adagrad_step",
    "adam_step",
    "add_noise",
    "average_pool",
    "average_pool_backward",
    "backend",
    "backend_for",
    "batch_statistics",
    "blur",
    "chosen",
    "conv",
    "conv_backward",
    "conv_transpose",
    "conv_transpose_backward",
    "crop",
    "dense",
    "dense_backward",
    "elu",
    "elu_backward",
    "gelu",
    "gelu_backward",
    "group_norm",
    "group_norm_backward",
    "is_cold",
    "leaky_relu",
    "leaky_relu_backward",
    "max_pool",
    "max_pool_backward",
    "normalise",
    "normalise_backward",
    "pad",
    "place_window",
    "relu",
    "relu_backward",
    "rmsprop_step",
    "runs_on",
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
    "trains_on",
    "upsample",
    "upsample_backward",
    "warmup",
    "warp",
]
