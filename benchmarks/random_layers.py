"""Random layers of every kind, and what PyTorch makes of each: for `random_configurations.py`.

DRAWN draws a layer, not built yet, and the shape of an input with its batch axis; MIRRORS says in PyTorch's words what such a
layer computes. Both take numbers in our layout: x (N, H, W, C), weight (KH, KW, C / groups, OC). A new kind needs an entry in
each.
"""

import math

import numpy as np
import torch
from torch.nn import functional as f

import tinycnn as tc

ELEMENTWISE = ("ReLU", "ELU", "GELU", "SiLU", "Tanh", "Sigmoid", "Softmax", "Softplus")
NAMES = ("1D", "2D", "3D")
MOST = {1: 16, 2: 9, 3: 5}  # positions along an axis, by the number of axes


class Twin:
    """A built layer in PyTorch: `values` by path, as tensors that take gradients, and `buffers`, which a batch norm moves."""

    def __init__(self, layer, training):
        self.training = training
        state = {p.name: p.value for p in layer.parameters()}
        self.values = {name: torch.tensor(value.astype(float), requires_grad=True) for name, value in state.items()}
        self.buffers = {}
        for path, inner in tc.layers.walk(layer):
            self.buffers |= {
                f"{path}.{key}".lstrip("."): torch.tensor(array.astype(float)) for key, array in inner.buffers.items()
            }

    def forward(self, layer, x, path=""):
        """What PyTorch computes for `layer`, which stands at `path`; x and the result in our layout."""
        at = {name.removeprefix(f"{path}."): value for name, value in (self.values | self.buffers).items()}
        return MIRRORS[type(layer).__name__](self, layer, x, at, path)


# Drawing


def some(rng, low, high, rank):
    """One int an axis, or one for all."""
    values = tuple(int(n) for n in rng.integers(low, high + 1, rank))
    return values[0] if rng.random() < 0.4 else values


def of(rng, *values):
    """One of the values."""
    return values[rng.integers(len(values))]


def batch(rng):
    """A number of rows, one to five."""
    return of(rng, 1, 1, 2, 3, 5)


def size(rng, rank):
    """An int an axis, from 1 to what MOST allows for so many axes."""
    return tuple(int(n) for n in rng.integers(1, MOST[rank] + 1, rank))


def any_shape(rng):
    """With zero to three axes of space."""
    rank = int(rng.integers(0, 4))
    return (batch(rng), *(size(rng, rank) if rank else ()), int(rng.integers(1, 7)))


def spatial_shape(rng, least=1):
    """With one to three axes of space, and at least so many channels."""
    rank = int(rng.integers(1, 4))
    return (batch(rng), *size(rng, rank), int(rng.integers(least, 7)))


def conv(rank):
    """What draws a convolution of this rank, and an input shape."""
    kind = getattr(tc, f"Conv{NAMES[rank - 1]}")

    def draw(rng):
        groups = int(of(rng, 1, 1, 2, 3, 4))
        channels = groups * of(rng, 1, 1, 2, 3)
        filters = channels if rng.random() < 0.3 else groups * int(rng.integers(1, 4))
        layer = kind(
            filters, some(rng, 1, 4 if rank < 3 else 3, rank), stride=some(rng, 1, 3, rank),
            padding=of(rng, "same", "valid", some(rng, 0, 3, rank)), dilation=some(rng, 1, 3, rank) if rng.random() < 0.5 else 1,
            groups=groups, bias=bool(rng.random() < 0.7),
        )  # fmt: skip
        return layer, (batch(rng), *size(rng, rank), channels)

    return draw


def transposed(rng):
    """A transposed convolution, and an input shape."""
    layer = tc.ConvTranspose2D(
        int(rng.integers(1, 5)), some(rng, 1, 5, 2), stride=some(rng, 1, 4, 2),
        padding=of(rng, "same", "valid", some(rng, 0, 3, 2)), bias=bool(rng.random() < 0.7),
    )  # fmt: skip
    return layer, (batch(rng), *(int(n) for n in rng.integers(1, 7, 2)), int(rng.integers(1, 5)))


def pool(what, rank):
    """What draws a pooling ("Max" or "Avg") of this rank, and an input shape."""
    kind = getattr(tc, f"{what}Pool{NAMES[rank - 1]}")

    def draw(rng):
        more = {"count_padding": bool(rng.random() < 0.5)} if what == "Avg" else {}
        stride = None if rng.random() < 0.3 else some(rng, 1, 3, rank)
        layer = kind(some(rng, 1, 4, rank), stride=stride, padding=of(rng, "same", "valid", some(rng, 0, 2, rank)), **more)
        return layer, (batch(rng), *size(rng, rank), int(rng.integers(1, 5)))

    return draw


def plain(make, shape=any_shape):
    """What draws a layer by `make(rng)`, and an input shape by `shape(rng)`."""
    return lambda rng: (make(rng), shape(rng))


def batch_norm(rng):
    """A batch norm, and an input shape."""
    return tc.BatchNorm(float(rng.uniform(0, 1)), float(10 ** rng.uniform(-6, -1))), any_shape(rng)


def group_norm(rng):
    """A group norm, and an input shape whose channels its groups divide."""
    shape, groups = spatial_shape(rng), int(rng.integers(1, 5))
    return tc.GroupNorm(groups, float(10 ** rng.uniform(-6, -1))), (*shape[:-1], groups * shape[-1])


def reshape(rng):
    """A reshape into one or two axes, or one more of length 1, sizes told or left open; and an input shape."""
    shape = any_shape(rng)
    values = math.prod(shape[1:])
    first = of(rng, *(n for n in range(1, values + 1) if values % n == 0))
    return tc.Reshape(of(rng, (first, values // first), (-1, first), (first, -1, 1), -1)), shape


def pad(rng):
    """A padding, the same all round or for every side its own, and an input shape."""
    shape = spatial_shape(rng)
    rank = len(shape) - 2
    pairs = tuple(tuple(int(n) for n in rng.integers(0, 4, 2)) for _ in range(rank))
    return tc.Pad(of(rng, int(rng.integers(0, 4)), pairs)), shape


def upsample(rng):
    """An upsampling, and an input shape."""
    shape = spatial_shape(rng)
    return tc.Upsample(some(rng, 1, 4, len(shape) - 2)), shape


def body(rng, channels):
    """Three layers that keep the size and give so many channels: a convolution, an activation, a norm."""
    return [tc.Conv2D(channels, some(rng, 1, 3, 2)), of(rng, tc.ReLU, tc.SiLU, tc.GELU)(), of(rng, tc.BatchNorm, tc.LayerNorm)()]


def image_shape(rng):
    """With two axes of space, two rows at least."""
    return (int(rng.integers(2, 4)), *(int(n) for n in rng.integers(2, 8, 2)), int(rng.integers(2, 5)))


def residual(rng):
    """A residual block, without a shortcut or with a convolution for one, and an input shape."""
    shape, stride = image_shape(rng), some(rng, 1, 2, 2)
    if rng.random() < 0.5:
        return tc.Residual(*body(rng, shape[-1])), shape
    return tc.Residual(*body(rng, 3), tc.Conv2D(4, 3, stride=stride), shortcut=tc.Conv2D(4, 1, stride=stride)), shape


def branches(rng):
    """Branches of one to three bodies and a convolution, concatenated or added, and an input shape."""
    merge = of(rng, "concat", "add")
    filters = [3] * 3 if merge == "add" else [int(n) for n in rng.integers(1, 5, 3)]
    paths = [tc.Sequential(*body(rng, n)) for n in filters[: rng.integers(1, 4)]]
    return tc.Branches(*paths, tc.Conv2D(filters[-1], 1), merge=merge), image_shape(rng)


def sequential(rng):
    """A small network with most of what there is in a row, and an input shape."""
    wide = of(rng, tc.ConvTranspose2D(3, 3, stride=2), tc.Upsample(2), tc.Pad(1))
    end = of(rng, [tc.Flatten()], [tc.GlobalMaxPool()], [tc.GlobalAvgPool()])
    layers = [*body(rng, 4), wide, tc.SqueezeExcite(2), tc.GroupNorm(1), tc.MaxPool2D(2), *end, tc.Dense(2)]
    return tc.Sequential(*layers), image_shape(rng)


def checkpoint(rng):
    """Two bodies behind a checkpoint, and an input shape."""
    return tc.Checkpoint(*body(rng, 3), *body(rng, int(rng.integers(1, 5)))), image_shape(rng)


DRAWN = {
    **{f"Conv{name}": conv(rank) for rank, name in enumerate(NAMES, 1)},
    "ConvTranspose2D": transposed,
    **{f"{what}Pool{name}": pool(what, rank) for what in ("Max", "Avg") for rank, name in enumerate(NAMES, 1)},
    "GlobalAvgPool": plain(lambda rng: tc.GlobalAvgPool(), spatial_shape),
    "GlobalMaxPool": plain(lambda rng: tc.GlobalMaxPool(), spatial_shape),
    "BatchNorm": batch_norm,
    "LayerNorm": plain(lambda rng: tc.LayerNorm(float(10 ** rng.uniform(-6, -1))), lambda rng: spatial_shape(rng, least=2)),
    "GroupNorm": group_norm,
    "Dense": plain(lambda rng: tc.Dense(int(rng.integers(1, 9)), bias=bool(rng.random() < 0.7)), lambda rng: (batch(rng), 7)),
    "Dropout": plain(lambda rng: tc.Dropout(float(rng.uniform(0, 0.9)), channels=bool(rng.random() < 0.5))),
    "Flatten": plain(lambda rng: tc.Flatten()),
    "Reshape": reshape,
    "Pad": pad,
    "Upsample": upsample,
    "LeakyReLU": plain(lambda rng: tc.LeakyReLU(float(rng.uniform(0, 1.5)))),
    **{name: plain(lambda rng, name=name: getattr(tc, name)()) for name in ELEMENTWISE},
    "SqueezeExcite": plain(lambda rng: tc.SqueezeExcite(int(rng.integers(1, 4)), of(rng, None, 1, 3)), spatial_shape),
    "Residual": residual,
    "Branches": branches,
    "Checkpoint": checkpoint,
    "Sequential": sequential,
}  # fmt: skip


# PyTorch's words


def first(x):
    """Channels second, as PyTorch has them."""
    return x.movedim(-1, 1)


def last(y):
    """Channels last, as ours are."""
    return y.movedim(1, -1)


def around(layer, x, kernel, dilation):
    """What padding puts before and after each axis, in the order of `functional.pad`: the rule of the README, written anew."""
    widths = []
    for axis, n in enumerate(x.shape[1:-1]):
        k, s, d = kernel[axis], layer.stride[axis], dilation[axis]
        if layer.padding == "same":
            total = max(0, (math.ceil(n / s) - 1) * s + d * (k - 1) + 1 - n)
            pair = (total // 2, (total + 1) // 2)
        elif layer.padding == "valid":
            pair = (0, 0)
        else:
            pair = (layer.padding,) * 2 if isinstance(layer.padding, int) else (layer.padding[axis],) * 2
        widths = [*pair, *widths]
    return widths


def weight_of(value):
    """(KH, KW, C, OC) as (OC, C, KH, KW)."""
    return value.movedim((-1, -2), (0, 1)).contiguous()


def mirror_conv(twin, layer, x, at, path):
    """The padding by hand, then the convolution without any."""
    x, how = first(x), around(layer, x, layer.kernel_size, layer.dilation)
    function = getattr(f, f"conv{layer.rank}d")
    y = function(f.pad(x, how), weight_of(at["weight"]), at.get("bias"), layer.stride, 0, layer.dilation, layer.groups)
    return last(y)


def mirror_transposed(twin, layer, x, at, path):
    """Without padding, then cut; where a stride leaves gaps at the end that "same" asks for, with zeros there."""
    y = f.conv_transpose2d(first(x), at["weight"].movedim((-2, -1), (0, 1)).contiguous(), None, layer.stride)
    for axis, (n, k, s) in enumerate(zip(x.shape[1:-1], layer.kernel_size, layer.stride, strict=True), 2):
        if layer.padding == "same":
            short = max(0, s - k)
            y = f.pad(y, [0, short] if axis == 3 else [0, 0, 0, short]).narrow(axis, max(0, k - s) // 2, n * s)
        elif layer.padding != "valid":
            p = layer.padding if isinstance(layer.padding, int) else layer.padding[axis - 2]
            y = y.narrow(axis, p, y.shape[axis] - 2 * p)
    y = last(y)
    return y if "bias" not in at else y + at["bias"]


def mirror_max(twin, layer, x, at, path):
    """Padding is minus infinity, which never is the largest."""
    how = around(layer, x, layer.size, (1,) * layer.rank)
    y = f.pad(first(x), how, value=-torch.inf)
    return last(getattr(f, f"max_pool{layer.rank}d")(y, layer.size, layer.stride))


def mirror_average(twin, layer, x, at, path):
    """The mean over the whole padded window, over the share of the window that counts."""
    how = around(layer, x, layer.size, (1,) * layer.rank)
    function = getattr(f, f"avg_pool{layer.rank}d")
    share = function(f.pad(torch.ones_like(first(x)), how, value=float(layer.count_padding)), layer.size, layer.stride)
    return last(function(f.pad(first(x), how), layer.size, layer.stride) / share)


def mirror_batch_norm(twin, layer, x, at, path):
    """In training the batch's statistics, which also move the running ones; else those."""
    running = at["running_mean"], at["running_var"]
    return last(f.batch_norm(first(x), *running, at["gamma"], at["beta"], twin.training, layer.momentum, layer.eps))


def mirror_dropout(twin, layer, x, at, path):
    """The mask is ours, and must be one: zeros, and the same factor elsewhere; whole channels where asked."""
    if layer.mask is None:
        assert not twin.training or layer.rate == 0
        return x
    assert set(np.unique(layer.mask)) <= {0, layer.mask.dtype.type(1 / (1 - layer.rate))}
    assert layer.mask.size == (x.shape[0] * x.shape[-1] if layer.channels else math.prod(x.shape))
    return x * torch.tensor(layer.mask)


def mirror_pad(twin, layer, x, at, path):
    """`functional.pad` names the last axis first; channels get nothing."""
    widths = ((layer.widths,) * 2,) * (x.ndim - 2) if isinstance(layer.widths, int) else layer.widths
    return f.pad(x, [0, 0, *(n for pair in reversed(widths) for n in pair)])


def mirror_upsample(twin, layer, x, at, path):
    """Every number repeated: nearest neighbours."""
    factor = (layer.factor,) * (x.ndim - 2) if isinstance(layer.factor, int) else layer.factor
    return last(f.interpolate(first(x), scale_factor=tuple(map(float, factor)), mode="nearest"))


def mirror_squeeze(twin, layer, x, at, path):
    """The gate written out: means, two dense layers, and a weight a channel."""
    w = x.mean(dim=tuple(range(1, x.ndim - 1)))
    w = torch.relu(w @ at["gate.dense_1.weight"] + at["gate.dense_1.bias"])
    w = torch.sigmoid(w @ at["gate.dense_2.weight"] + at["gate.dense_2.bias"])
    return x * w.reshape(len(x), *(1,) * (x.ndim - 2), -1)


def mirror_sequential(twin, layer, x, at, path):
    """Layer after layer."""
    for name, inner in layer.layers.items():
        x = twin.forward(inner, x, f"{path}.{name}".lstrip("."))
    return x


def mirror_residual(twin, layer, x, at, path):
    """The body plus the shortcut, or plus the input itself."""
    body, shortcut = (f"{path}.{name}".lstrip(".") for name in ("body", "shortcut"))
    return twin.forward(layer.body, x, body) + (x if layer.shortcut is None else twin.forward(layer.shortcut, x, shortcut))


def mirror_branches(twin, layer, x, at, path):
    """Every path of the same input, one behind the other or added up."""
    outputs = [twin.forward(inner, x, f"{path}.path_{i}".lstrip(".")) for i, inner in enumerate(layer.paths, 1)]
    return torch.cat(outputs, dim=-1) if layer.merge == "concat" else sum(outputs[1:], outputs[0])


def mirror_checkpoint(twin, layer, x, at, path):
    """The body: what is kept and what is computed twice changes no number."""
    return twin.forward(layer.body, x, f"{path}.body".lstrip("."))


def elementwise(function):
    """A mirror of a function of the input alone."""
    return lambda twin, layer, x, at, path: function(x)


MIRRORS = {
    **{f"Conv{name}": mirror_conv for name in NAMES},
    "ConvTranspose2D": mirror_transposed,
    **{f"MaxPool{name}": mirror_max for name in NAMES},
    **{f"AvgPool{name}": mirror_average for name in NAMES},
    "GlobalAvgPool": elementwise(lambda x: x.mean(dim=tuple(range(1, x.ndim - 1)))),
    "GlobalMaxPool": elementwise(lambda x: x.flatten(1, -2).amax(dim=1)),
    "BatchNorm": mirror_batch_norm,
    "LayerNorm": lambda t, layer, x, at, path: f.layer_norm(x, x.shape[-1:], at["gamma"], at["beta"], layer.eps),
    "GroupNorm": lambda t, layer, x, at, path: last(f.group_norm(first(x), layer.groups, at["gamma"], at["beta"], layer.eps)),
    "Dense": lambda twin, layer, x, at, path: f.linear(x, at["weight"].T, at.get("bias")),
    "Dropout": mirror_dropout,
    "Flatten": elementwise(lambda x: x.flatten(1)),
    "Reshape": lambda twin, layer, x, at, path: x.reshape(len(x), *layer.shape),
    "Pad": mirror_pad,
    "Upsample": mirror_upsample,
    "LeakyReLU": lambda twin, layer, x, at, path: f.leaky_relu(x, layer.slope),
    "ReLU": elementwise(torch.relu),
    "ELU": elementwise(f.elu),
    "GELU": elementwise(lambda x: f.gelu(x, approximate="tanh")),
    "SiLU": elementwise(f.silu),
    "Tanh": elementwise(torch.tanh),
    "Sigmoid": elementwise(torch.sigmoid),
    "Softmax": elementwise(lambda x: f.softmax(x, dim=-1)),
    "Softplus": elementwise(lambda x: f.softplus(x, threshold=40)),  # its default is linear from 20 on: 2e-9 off
    "SqueezeExcite": mirror_squeeze,
    "Sequential": mirror_sequential,
    "Residual": mirror_residual,
    "Branches": mirror_branches,
    "Checkpoint": mirror_checkpoint,
}
