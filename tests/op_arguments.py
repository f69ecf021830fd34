"""Arguments for every op, and what an op gives for them."""

import numpy as np

from tinycnn.ops import numpy as reference
from tinycnn.ops import place_window
from tinycnn.ops.shapes import place_transposed

# (x's shape, kernel, stride, dilation, padding): one, two and three spatial axes, odd and even sizes, single pixels
WINDOWS = [
    ((3, 9, 4), (3,), (2,), (1,), "same"),
    ((2, 10, 2), (4,), (1,), (2,), 3),
    ((2, 7, 6, 4), (3, 3), (1, 1), (1, 1), "same"),
    ((1, 8, 5, 2), (2, 4), (2, 3), (1, 1), "same"),
    ((2, 9, 9, 4), (3, 2), (2, 1), (2, 3), 1),
    ((2, 6, 7, 4), (3, 3), (3, 2), (1, 1), "valid"),
    ((2, 1, 1, 2), (3, 3), (1, 1), (1, 1), "same"),
    ((3, 1, 1, 6), (1, 1), (1, 1), (1, 1), "valid"),
    ((2, 30, 1, 2), (3, 1), (2, 1), (1, 1), (1, 0)),
    ((2, 4, 5, 6, 2), (2, 3, 2), (2, 1, 3), (1, 2, 1), 1),
    ((1, 3, 3, 3, 4), (3, 3, 3), (1, 1, 1), (1, 1, 1), "same"),
]


def draw(rng, shape, dtype):
    return rng.standard_normal(shape).astype(dtype)


def window_of(case):
    shape, kernel, stride, dilation, padding = case
    return place_window(shape[1:-1], kernel, stride, dilation, padding)


def windowed(name, rng, dtype):
    """Arguments for an op over windows, for each of WINDOWS."""
    for case in WINDOWS:
        shape, window = case[0], window_of(case)
        x, size = draw(rng, shape, dtype), shape[1:-1]
        grad = draw(rng, (shape[0], *window.output_size(size), shape[-1]), dtype)
        if name == "gather_windows":
            yield x, window
        elif name == "pad":
            yield from ((x, window), (x, window, 2.0))
        elif name == "crop":
            yield draw(rng, (shape[0], *window.padded_size(size), shape[-1]), dtype), size, window
        elif name == "scatter_windows":
            yield draw(rng, reference.gather_windows(x, window).shape, dtype), size, window
        elif name == "max_pool":
            yield x, window
        elif name == "max_pool_backward":
            yield grad, reference.max_pool(x, window)[1], size, window
        elif name == "average_pool":
            yield from ((x, window, count) for count in (False, True))
        elif name == "average_pool_backward":
            yield from ((grad, size, window, count) for count in (False, True))
        else:
            for groups, filters in ((1, 6), (2, 6), (shape[-1], shape[-1]), (shape[-1], 2 * shape[-1])):  # depthwise too
                weight = draw(rng, (*window.kernel, shape[-1] // groups, filters), dtype)
                if name == "conv":
                    yield x, weight, draw(rng, filters, dtype), window, groups
                    yield x, weight, None, window, groups
                else:
                    yield draw(rng, (*grad.shape[:-1], filters), dtype), x, weight, window, groups


def transposed(name, rng, dtype):
    """Arguments for the transposed convolution: each of WINDOWS, its padding such as it may be."""
    for shape, kernel, stride, _, padding in WINDOWS:
        if padding not in ("same", "valid"):
            padding = 0 if min(kernel) == 1 else padding // 3
        window, size = place_transposed(shape[1:-1], kernel, stride, padding)
        x, weight = draw(rng, shape, dtype), draw(rng, (*kernel, shape[-1], 6), dtype)
        if name == "conv_transpose":
            yield from ((x, weight, bias, window, size) for bias in (None, draw(rng, 6, dtype)))
        else:
            yield draw(rng, (shape[0], *size, 6), dtype), x, weight, window


def plain(name, rng, dtype):
    """Arguments for all other ops."""
    for shape in ((1, 1), (2, 3), (5, 4, 3), (3, 4, 2, 6), (2, 2, 3, 2, 3)):
        x, grad, channels = draw(rng, shape, dtype), draw(rng, shape, dtype), shape[-1]
        mean, scale, gamma, beta = (draw(rng, channels, dtype) for _ in range(4))
        if name in ("relu", "sigmoid", "softmax", "elu", "gelu", "silu", "softplus", "tanh"):
            yield (3 * x,)
        elif name in (
            "relu_backward",
            "sigmoid_backward",
            "softmax_backward",
            "elu_backward",
            "softplus_backward",
            "tanh_backward",
        ):
            yield grad, getattr(reference, name.removesuffix("_backward"))(x)
        elif name in ("gelu_backward", "silu_backward"):
            yield grad, 3 * x
        elif name in ("leaky_relu", "leaky_relu_backward"):
            yield (x, 0.2) if name == "leaky_relu" else (grad, x, 0.2)
        elif name == "group_norm":
            yield from ((x + 3, gamma, beta, groups, 1e-3) for groups in (1, channels))
        elif name == "group_norm_backward":
            yield from ((grad, *reference.group_norm(x, gamma, beta, groups, 1e-3)[1:], gamma) for groups in (1, channels))
        elif name in ("upsample", "upsample_backward"):
            factor = (3, 1, 2)[: len(shape) - 2]
            larger = (shape[0], *(n * f for n, f in zip(shape[1:-1], factor, strict=True)), channels)
            yield (x if name == "upsample" else draw(rng, larger, dtype)), factor
        elif name == "batch_statistics":
            yield (x + 3,)
        elif name == "normalise":
            yield x, mean, abs(scale), gamma, beta
        elif name == "normalise_backward":
            yield from ((grad, x, mean, abs(scale), gamma, of_batch) for of_batch in (False, True))
        elif name in ("dense", "dense_backward") and len(shape) == 2:
            weight = draw(rng, (channels, 4), dtype)
            yield (x, weight, beta[:1].repeat(4)) if name == "dense" else (draw(rng, (len(x), 4), dtype), x, weight)
        elif name == "warp" and len(shape) == 4:
            maps, field = np.eye(2, 3) + 0.3 * draw(rng, (len(x), 2, 3), dtype), draw(rng, (len(x), 5, 4, 2), dtype)
            yield from ((x, maps, *others) for others in ((), (field,), (field, "edge"), (None, "zero"), (field, "zero")))
        elif name == "blur" and len(shape) == 4:
            yield x, np.arange(len(x)) / 2
        elif name == "tone" and len(shape) == 4:
            ends, of_image = draw(rng, (2, len(x), channels), dtype), draw(rng, (3, len(x)), dtype)
            yield x, ends[0] - 5, ends[1] + 5, 1 + abs(of_image[0]), of_image[1], of_image[2]
        elif name == "add_noise":
            yield x, abs(draw(rng, len(x), dtype)), rng.integers(2**64, size=(len(x), 2), dtype=np.uint64)
        elif name == "sgd_step":
            yield from ((x.ravel(), grad.ravel(), abs(grad.ravel()), 0.1, 0.9, nesterov) for nesterov in (False, True))
        elif name == "adagrad_step":
            yield x.ravel(), grad.ravel(), abs(grad.ravel()), 0.1, 1e-10
        elif name == "adadelta_step":
            yield x.ravel(), grad.ravel(), abs(grad.ravel()), abs(x.ravel()), 1.0, 0.9, 1e-6
        elif name == "rmsprop_step":
            means = None, grad.ravel() / 3
            yield from ((x.ravel(), grad.ravel(), np.square(grad.ravel()), m, x.ravel(), 0.01, 0.9, 1e-8, 0.8) for m in means)
        elif name == "adam_step":
            yield x.ravel(), grad.ravel(), grad.ravel() / 3, abs(grad.ravel()), 0.01, (0.9, 0.99), 1e-8, 7


WINDOWED = {"average_pool", "average_pool_backward", "conv", "conv_backward", "gather_windows", "max_pool", "max_pool_backward"}
WINDOWED |= {"scatter_windows", "pad", "crop"}
IN_PLACE = {
    "sgd_step": (0, 2),
    "adagrad_step": (0, 2),
    "adadelta_step": (0, 2, 3),
    "rmsprop_step": (0, 2, 4),
    "adam_step": (0, 2, 3),
}


def arguments(name, rng, dtype):
    if name.startswith("conv_transpose"):
        return list(transposed(name, rng, dtype))
    return list(windowed(name, rng, dtype) if name in WINDOWED else plain(name, rng, dtype))


def results(function, name, args):
    """What the op returns, or the arrays that it changes; all its other arrays must stay as they are."""
    args = [a.copy() if isinstance(a, np.ndarray) else a for a in args]
    before = [a.copy() if isinstance(a, np.ndarray) else a for a in args]
    out = function(*args)
    changed = IN_PLACE.get(name, ())
    changed = (*changed, 3) if name == "rmsprop_step" and args[3] is not None else changed  # the centred form's mean
    for i, (a, b) in enumerate(zip(args, before, strict=True)):
        assert not isinstance(a, np.ndarray) or i in changed or np.array_equal(a, b), f"argument {i} was modified"
    out = [args[i] for i in changed] if changed else out
    return out if isinstance(out, (tuple, list)) else (out,)
