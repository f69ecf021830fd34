"""The fast twins: each op of `ops.numpy` under its own name and signature, as one or two steps of the kernels.

A twin takes float32; other types, and what no kernel serves, go the NumPy road. `tinycnn.plan` runs the same kernels for a whole
model, over memory that is laid out once.
"""

from __future__ import annotations

from math import prod

import numpy as np

from tinycnn.ops import numpy as reference
from tinycnn.ops.numba import elementwise as e
from tinycnn.ops.numba import norm as n
from tinycnn.ops.numba import pool as p
from tinycnn.ops.numba import updates as u
from tinycnn.ops.numba.convolution import Convolution, convolution
from tinycnn.ops.numba.kernel import aligned, run
from tinycnn.ops.numba.lift import lift
from tinycnn.ops.numba.lines import NORM_GRADIENT, NORMALISE, End, Source
from tinycnn.ops.numba.random import noise_step
from tinycnn.ops.numba.retouch import blur_step, tone_step
from tinycnn.ops.numba.warps import warp_step
from tinycnn.ops.numpy.pool import window_counts
from tinycnn.ops.numpy.retouch import NOISE_DEVIATION, gaussian_weights, tone_lines
from tinycnn.ops.numpy.warp import check_outside, spline_basis
from tinycnn.ops.shapes import POINT, Window


def conv(x: np.ndarray, weight: np.ndarray, bias: np.ndarray | None, window: Window, groups: int) -> np.ndarray:
    """See `ops.numpy.conv.conv`."""
    c = _convolution(x, weight, window, groups)
    if not c.road or not _fast(x, weight, *([] if bias is None else [bias])):
        return reference.conv(x, weight, bias, window, groups)
    y = memory((len(x), *c.window.output, c.outputs))
    end = End(bias=0 if bias is None else np.ascontiguousarray(bias))
    run(*c.forward(_source(x, c.window.size), np.ascontiguousarray(weight), y, end, memory))
    return y.reshape(len(x), *window.output_size(x.shape[1:-1]), c.outputs)


def conv_backward(
    grad_output: np.ndarray,
    x: np.ndarray,
    weight: np.ndarray,
    window: Window,
    groups: int,
    wants_input: bool = True,
    wants_bias: bool = True,
    wants_weight: bool = True,
) -> tuple[np.ndarray | None, np.ndarray | None, np.ndarray | None]:
    """See `ops.numpy.conv.conv_backward`."""
    c = _convolution(x, weight, window, groups)
    if not c.road or not _fast(grad_output, x, weight):
        return reference.conv_backward(grad_output, x, weight, window, groups, wants_input, wants_bias, wants_weight)
    grad, source, weight = _source(grad_output, c.window.output), _source(x, c.window.size), np.ascontiguousarray(weight)
    grad_input = grad_weight = None
    if wants_input:
        grad_input = memory((len(x), *c.window.size, c.channels))
        run(*c.input_gradient(grad, weight, grad_input, End(), memory))
        grad_input = grad_input.reshape(x.shape)
    if wants_weight:
        grad_weight = memory(weight.shape)
        run(*c.weight_gradient(source, grad, grad_weight, memory))
    return grad_input, grad_weight, _column_sums(grad) if wants_bias else None


def conv_transpose(
    x: np.ndarray, weight: np.ndarray, bias: np.ndarray | None, window: Window, size: tuple[int, ...]
) -> np.ndarray:
    """See `ops.numpy.conv_transpose.conv_transpose`."""
    c = convolution(size, window, weight.shape[-1], x.shape[-1], 1)
    if not _fast(x, weight, *([] if bias is None else [bias])):
        return reference.conv_transpose(x, weight, bias, window, size)
    y = memory((len(x), *c.window.size, c.channels))
    end = End(bias=0 if bias is None else np.ascontiguousarray(bias))
    run(*c.input_gradient(_source(x, c.window.output), np.ascontiguousarray(weight.swapaxes(-1, -2)), y, end, memory))
    return y.reshape(len(x), *size, c.channels)


def conv_transpose_backward(
    grad_output: np.ndarray,
    x: np.ndarray,
    weight: np.ndarray,
    window: Window,
    wants_input: bool = True,
    wants_bias: bool = True,
    wants_weight: bool = True,
) -> tuple[np.ndarray | None, np.ndarray | None, np.ndarray | None]:
    """See `ops.numpy.conv_transpose.conv_transpose_backward`."""
    if not _fast(grad_output, x, weight):
        return reference.conv_transpose_backward(grad_output, x, weight, window, wants_input, wants_bias, wants_weight)
    flipped = weight.swapaxes(-1, -2)
    c = _convolution(grad_output, flipped, window, 1)
    grad, grad_weight = _source(grad_output, c.window.size), None
    if wants_weight:
        grad_weight = memory(flipped.shape)
        run(*c.weight_gradient(grad, _source(x, c.window.output), grad_weight, memory))
        grad_weight = grad_weight.swapaxes(-1, -2)
    grad_input = conv(grad_output, flipped, None, window, 1) if wants_input else None
    return grad_input, grad_weight, _column_sums(grad) if wants_bias else None


def dense(x: np.ndarray, weight: np.ndarray, bias: np.ndarray | None) -> np.ndarray:
    """See `ops.numpy.dense.dense`."""
    if not _fast(x, weight, *([] if bias is None else [bias])):
        return reference.dense(x, weight, bias)
    return conv(x[:, None], weight[None], bias, POINT, 1)[:, 0]


def dense_backward(
    grad_output: np.ndarray, x: np.ndarray, weight: np.ndarray, wants_input: bool = True, wants_weight: bool = True
) -> tuple[np.ndarray | None, np.ndarray | None, np.ndarray | None]:
    """See `ops.numpy.dense.dense_backward`."""
    if not _fast(grad_output, x, weight):
        return reference.dense_backward(grad_output, x, weight, wants_input, wants_weight)
    wants = wants_input, wants_weight, wants_weight
    grad_input, grad_weight, grad_bias = conv_backward(grad_output[:, None], x[:, None], weight[None], POINT, 1, *wants)
    return (
        None if grad_input is None else grad_input[:, 0],
        None if grad_weight is None else grad_weight[0],
        grad_bias,
    )


def batch_statistics(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """See `ops.numpy.norm.batch_statistics`."""
    if not _fast(x):
        return reference.batch_statistics(x)
    x, channels = np.ascontiguousarray(x), x.shape[-1]
    tasks = n.sums_tasks(x.shape)
    moments, pivots = memory((tasks, n.TABLE, channels), np.float64), memory((tasks, channels))
    mean, variance, *others = (np.ones(channels, np.float32) for _ in range(7))
    names = ("inverse", "scale", "shift", "gamma", "beta")
    run(
        n.sums_step(x, End(moments=moments, pivots=pivots)),
        n.settle_step(
            tasks, channels, moments=moments, pivots=pivots, mean=mean, variance=variance, running_mean=0, running_var=0,
            settings=np.zeros(2), **dict(zip(names, others, strict=True)),
        ),
    )  # fmt: skip
    return mean, variance


def normalise(x: np.ndarray, mean: np.ndarray, inverse_std: np.ndarray, gamma: np.ndarray, beta: np.ndarray) -> np.ndarray:
    """See `ops.numpy.norm.normalise`."""
    if not _fast(x, mean, inverse_std, gamma, beta):
        return reference.normalise(x, mean, inverse_std, gamma, beta)
    y, scale = memory(x.shape), inverse_std * gamma
    run(e.write_step(Source(np.ascontiguousarray(x), NORMALISE, scale=scale, shift=beta - mean * scale), y))
    return y


def normalise_backward(
    grad_output: np.ndarray,
    x: np.ndarray,
    mean: np.ndarray,
    inverse_std: np.ndarray,
    gamma: np.ndarray,
    of_batch: bool,
    wants_weight: bool = True,
) -> tuple[np.ndarray, np.ndarray | None, np.ndarray | None]:
    """See `ops.numpy.norm.normalise_backward`."""
    if not _fast(grad_output, x, mean, inverse_std, gamma):
        return reference.normalise_backward(grad_output, x, mean, inverse_std, gamma, of_batch, wants_weight)
    grad, x, channels = np.ascontiguousarray(grad_output), np.ascontiguousarray(x), x.shape[-1]
    if not (of_batch or wants_weight):
        grad_input, nothing = memory(x.shape), np.zeros(channels, np.float32)
        run(e.write_step(Source(grad, NORM_GRADIENT, x, gamma * inverse_std, nothing, nothing), grad_input))
        return grad_input, None, None
    tasks = n.sums_tasks(x.shape)
    sums = memory((tasks, n.TABLE, channels), np.float64)
    grad_gamma, grad_beta, a, b, c = (memory((channels,)) for _ in range(5))
    grad_input = memory(x.shape)
    run(
        n.sums_step(grad, End(sums=sums, x=x, mean=np.ascontiguousarray(mean))),
        n.settle_gradient_step(
            tasks, channels, sums=sums, gamma=np.ascontiguousarray(gamma), mean=np.ascontiguousarray(mean),
            inverse=np.ascontiguousarray(inverse_std), grad_gamma=grad_gamma, grad_beta=grad_beta, a=a, b=b, c=c,
            of_batch=int(of_batch),
        ),
        e.write_step(Source(grad, NORM_GRADIENT, x, a, b, c), grad_input),
    )  # fmt: skip
    return grad_input, *((grad_gamma, grad_beta) if wants_weight else (None, None))


def relu(x: np.ndarray) -> np.ndarray:
    """See `ops.numpy.activation.relu`."""
    if not _fast(x):
        return reference.relu(x)
    y = memory(x.shape)
    run(e.combine_step(e.RECTIFY, np.ascontiguousarray(x), 0, y))
    return y


def relu_backward(grad_output: np.ndarray, y: np.ndarray) -> np.ndarray:
    """See `ops.numpy.activation.relu_backward`."""
    if not _fast(grad_output, y):
        return reference.relu_backward(grad_output, y)
    grad_input = memory(y.shape)
    run(e.combine_step(e.WHERE_POSITIVE, np.ascontiguousarray(grad_output), np.ascontiguousarray(y), grad_input))
    return grad_input


def max_pool(x: np.ndarray, window: Window) -> tuple[np.ndarray, np.ndarray]:
    """See `ops.numpy.pool.max_pool`."""
    if not _fast(x) or prod(window.kernel) > 256:  # the winner would not fit a byte
        return reference.max_pool(x, window)
    w = lift(x.shape[1:-1], window)
    y = memory((len(x), *w.output, x.shape[-1]))
    winner = np.empty(y.shape, np.uint8)
    run(p.pool_step(_source(x, w.size), y, winner, 0, w))
    shape = (len(x), *window.output_size(x.shape[1:-1]), x.shape[-1])
    return y.reshape(shape), winner.reshape(shape)


def max_pool_backward(grad_output: np.ndarray, winner: np.ndarray, size: tuple[int, ...], window: Window) -> np.ndarray:
    """See `ops.numpy.pool.max_pool_backward`."""
    if not _fast(grad_output) or winner.dtype != np.uint8:
        return reference.max_pool_backward(grad_output, winner, size, window)
    w = lift(size, window)
    x = memory((len(grad_output), *w.size, grad_output.shape[-1]))
    run(p.pool_gradient_step(np.ascontiguousarray(grad_output), np.ascontiguousarray(winner), 0, x, End(), w))
    return x.reshape(len(x), *size, -1)


def average_pool(x: np.ndarray, window: Window, count_padding: bool) -> np.ndarray:
    """See `ops.numpy.pool.average_pool`."""
    if not _fast(x):
        return reference.average_pool(x, window, count_padding)
    w = lift(x.shape[1:-1], window)
    y = memory((len(x), *w.output, x.shape[-1]))
    run(p.pool_step(_source(x, w.size), y, 0, shares(x.shape[1:-1], window, count_padding), w))
    return y.reshape(len(x), *window.output_size(x.shape[1:-1]), -1)


def average_pool_backward(grad_output: np.ndarray, size: tuple[int, ...], window: Window, count_padding: bool) -> np.ndarray:
    """See `ops.numpy.pool.average_pool_backward`."""
    if not _fast(grad_output):
        return reference.average_pool_backward(grad_output, size, window, count_padding)
    w = lift(size, window)
    x = memory((len(grad_output), *w.size, grad_output.shape[-1]))
    run(p.pool_gradient_step(np.ascontiguousarray(grad_output), 0, shares(size, window, count_padding), x, End(), w))
    return x.reshape(len(x), *size, -1)


def sgd_step(
    value: np.ndarray, grad: np.ndarray, velocity: np.ndarray, lr: float, momentum: float, nesterov: bool = False
) -> None:
    """See `ops.numpy.update.sgd_step`."""
    if not u.can_move(value, velocity) or not _fast(grad):
        reference.sgd_step(value, grad, velocity, lr, momentum, nesterov)
        return
    u.move(u.NESTEROV if nesterov else u.SGD, (momentum, lr), value, np.ascontiguousarray(grad), velocity)


def adagrad_step(value: np.ndarray, grad: np.ndarray, total: np.ndarray, lr: float, eps: float) -> None:
    """See `ops.numpy.update.adagrad_step`."""
    if not u.can_move(value, total) or not _fast(grad):
        reference.adagrad_step(value, grad, total, lr, eps)
        return
    u.move(u.ADAGRAD, (lr, eps), value, np.ascontiguousarray(grad), total)


def adadelta_step(
    value: np.ndarray, grad: np.ndarray, square: np.ndarray, moved: np.ndarray, lr: float, rho: float, eps: float
) -> None:
    """See `ops.numpy.update.adadelta_step`."""
    if not u.can_move(value, square, moved) or not _fast(grad):
        reference.adadelta_step(value, grad, square, moved, lr, rho, eps)
        return
    u.move(u.ADADELTA, (rho, 1 - rho, lr, eps), value, np.ascontiguousarray(grad), square, moved)


def rmsprop_step(
    value: np.ndarray,
    grad: np.ndarray,
    square: np.ndarray,
    mean: np.ndarray | None,
    velocity: np.ndarray,
    lr: float,
    alpha: float,
    eps: float,
    momentum: float,
) -> None:
    """See `ops.numpy.update.rmsprop_step`; the centred form, which few ask for, goes the NumPy road."""
    if mean is not None or not u.can_move(value, square, velocity) or not _fast(grad):
        reference.rmsprop_step(value, grad, square, mean, velocity, lr, alpha, eps, momentum)
        return
    u.move(u.RMSPROP, (alpha, 1 - alpha, lr, eps, momentum), value, np.ascontiguousarray(grad), square, velocity)


def adam_step(
    value: np.ndarray,
    grad: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    lr: float,
    betas: tuple[float, float],
    eps: float,
    step: int,
) -> None:
    """See `ops.numpy.update.adam_step`."""
    if not u.can_move(value, first, second) or not _fast(grad):
        reference.adam_step(value, grad, first, second, lr, betas, eps, step)
        return
    beta1, beta2 = betas
    settings = beta1, 1 - beta1, beta2, 1 - beta2, lr / (1 - beta1**step), (1 - beta2**step) ** -0.5, eps
    u.move(u.ADAM, settings, value, np.ascontiguousarray(grad), first, second)


def warp(x: np.ndarray, maps: np.ndarray, field: np.ndarray | None = None, outside: str = "edge") -> np.ndarray:
    """See `ops.numpy.warp.warp`."""
    if not _fast(x):
        return reference.warp(x, maps, field, outside)
    check_outside(outside)
    points = (0, 0) if field is None else field.shape[1:3]
    field = np.empty((len(x), 0, 0, 2)) if field is None else _each(x, field, *points, 2)
    y, bases = memory(x.shape), _warp_bases(points, x.shape[1:3])
    limits = np.array([x.shape[1] - 1, x.shape[2] - 1, 0 if outside == "edge" else -1], np.float32)
    run(warp_step(np.ascontiguousarray(x), _each(x, maps, 2, 3), field, *bases, limits, y))
    return y


def blur(x: np.ndarray, sigma: np.ndarray) -> np.ndarray:
    """See `ops.numpy.retouch.blur`."""
    if not _fast(x):
        return reference.blur(x, sigma)
    y, weights = memory(x.shape), gaussian_weights(sigma)
    run(blur_step(np.ascontiguousarray(x), _each(x, weights, weights.shape[1]), y))
    return y


def tone(
    x: np.ndarray, black: np.ndarray, white: np.ndarray, gamma: np.ndarray, contrast: np.ndarray, brightness: np.ndarray
) -> np.ndarray:
    """See `ops.numpy.retouch.tone`."""
    if not _fast(x):
        return reference.tone(x, black, white, gamma, contrast, brightness)
    black, extent, base, factor = tone_lines(black, white, contrast, brightness)
    y, lines = memory(x.shape), memory((len(x), 4, *x.shape[2:]))
    lines[:] = np.stack([black, 1 / extent, base, factor], axis=1)[:, :, None]
    run(tone_step(np.ascontiguousarray(x), lines, _each(x, gamma), y))
    return y


def add_noise(x: np.ndarray, deviation: np.ndarray, keys: np.ndarray) -> np.ndarray:
    """See `ops.numpy.retouch.add_noise`."""
    if not _fast(x):
        return reference.add_noise(x, deviation, keys)
    y, unit = memory(x.shape), _each(x, np.asarray(deviation) / NOISE_DEVIATION)
    run(noise_step(np.ascontiguousarray(x), unit, _each(x, keys, 2, dtype=np.uint64), y))
    return y


def _each(x: np.ndarray, values: np.ndarray, *shape: int, dtype=np.float32) -> np.ndarray:
    """Values for each image, as a kernel reads them. Raises ValueError where their shape is another."""
    return np.ascontiguousarray(np.broadcast_to(np.asarray(values, dtype), (len(x), *shape)))


def _warp_bases(points: tuple[int, int], size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """See `warp_step`."""
    down, across = (spline_basis(*sizes) if sizes[0] else np.empty(sizes) for sizes in zip(points, size, strict=True))
    lines = [np.ones((1, size[1])), np.arange(size[1])[None], across]
    return down.astype(np.float32), np.concatenate(lines).astype(np.float32)


def shares(size: tuple[int, ...], window: Window, count_padding: bool) -> np.ndarray:
    """One over the numbers that each window's mean is over."""
    return (1 / window_counts(size, window, count_padding)).astype(np.float32)


def memory(shape: tuple[int, ...], dtype=np.float32) -> np.ndarray:
    """A new array that starts at a cache line."""
    floats = prod(shape) * np.dtype(dtype).itemsize // 4
    return aligned(floats).view(dtype).reshape(shape)


def _column_sums(source: Source) -> np.ndarray:
    """The sum over all pixels, (C,)."""
    shape = source.array.shape
    total = memory(shape[-1:])
    run(*n.column_sums_steps(source, total, memory((n.sums_tasks(shape), shape[-1]), np.float64)))
    return total


def _convolution(x: np.ndarray, weight: np.ndarray, window: Window, groups: int) -> Convolution:
    return convolution(x.shape[1:-1], window, x.shape[-1], weight.shape[-1], groups)


def _source(x: np.ndarray, size: tuple[int, int, int]) -> Source:
    """x (N, ..., C) as (N, D, H, W, C)."""
    return Source(np.ascontiguousarray(x).reshape(len(x), *size, x.shape[-1]))


def _fast(*arrays: np.ndarray) -> bool:
    return all(array.dtype == np.float32 and array.size for array in arrays)
