"""The fast twins of pooling: one pass, channels innermost, no window ever copied, the batch's rows shared out to threads."""

import numpy as np
from numba import prange

from tinycnn.ops.numba.jit import lift, lift_array, lift_shape, parallel_jit, run, tap_at
from tinycnn.ops.numpy.pool import window_counts, winner_dtype
from tinycnn.ops.shapes import Window


def max_pool(x: np.ndarray, window: Window) -> tuple[np.ndarray, np.ndarray]:
    """See `ops.numpy.pool.max_pool`."""
    shape = (len(x), *window.output_size(x.shape[1:-1]), x.shape[-1])
    y, winner = np.full(shape, -np.inf, x.dtype), np.zeros(shape, winner_dtype(window))
    lifted = lift_shape(shape)
    run(_max_pool, lift_array(x), y.reshape(lifted), winner.reshape(lifted), *lift(window))
    return y, winner


def max_pool_backward(grad_output: np.ndarray, winner: np.ndarray, size: tuple[int, ...], window: Window) -> np.ndarray:
    """See `ops.numpy.pool.max_pool_backward`."""
    x = np.zeros((len(grad_output), *size, grad_output.shape[-1]), grad_output.dtype)
    run(_max_pool_backward, lift_array(grad_output), lift_array(winner), x.reshape(lift_shape(x.shape)), *lift(window))
    return x


def average_pool(x: np.ndarray, window: Window, count_padding: bool) -> np.ndarray:
    """See `ops.numpy.pool.average_pool`."""
    y = np.zeros((len(x), *window.output_size(x.shape[1:-1]), x.shape[-1]), x.dtype)
    run(_sum_pool, lift_array(x), y.reshape(lift_shape(y.shape)), *lift(window))
    y /= window_counts(x.shape[1:-1], window, count_padding).astype(x.dtype)
    return y


def average_pool_backward(grad_output: np.ndarray, size: tuple[int, ...], window: Window, count_padding: bool) -> np.ndarray:
    """See `ops.numpy.pool.average_pool_backward`."""
    share = grad_output / window_counts(size, window, count_padding).astype(grad_output.dtype)
    x = np.zeros((len(share), *size, share.shape[-1]), share.dtype)
    run(_sum_pool_backward, lift_array(share), x.reshape(lift_shape(x.shape)), *lift(window))
    return x


@parallel_jit
def _max_pool(x, y, winner, kernel, stride, dilation, before):
    taps = kernel[0] * kernel[1] * kernel[2]
    for n in prange(len(y)):
        for od, oh, ow in np.ndindex(y.shape[1:4]):
            best, index = y[n, od, oh, ow], winner[n, od, oh, ow]
            for tap in range(taps):
                d, h, w, inside = tap_at(tap, od, oh, ow, x.shape, kernel, stride, dilation, before)
                if inside:
                    for c in range(x.shape[4]):
                        value = x[n, d, h, w, c]
                        if value > best[c] or (value != value and best[c] == best[c]):  # the first NaN wins, as in argmax
                            best[c] = value
                            index[c] = tap


@parallel_jit
def _max_pool_backward(grad_output, winner, x, kernel, stride, dilation, before):
    taps = kernel[0] * kernel[1] * kernel[2]
    for n in prange(len(winner)):
        for od, oh, ow in np.ndindex(winner.shape[1:4]):
            index, grad = winner[n, od, oh, ow], grad_output[n, od, oh, ow]
            for tap in range(taps):
                d, h, w, inside = tap_at(tap, od, oh, ow, x.shape, kernel, stride, dilation, before)
                if inside:  # else padding won: the window held nothing above -inf
                    for c in range(x.shape[4]):
                        x[n, d, h, w, c] += grad[c] if index[c] == tap else 0


@parallel_jit
def _sum_pool(x, y, kernel, stride, dilation, before):
    taps = kernel[0] * kernel[1] * kernel[2]
    for n in prange(len(y)):
        for od, oh, ow in np.ndindex(y.shape[1:4]):
            for tap in range(taps):
                d, h, w, inside = tap_at(tap, od, oh, ow, x.shape, kernel, stride, dilation, before)
                if inside:
                    for c in range(x.shape[4]):
                        y[n, od, oh, ow, c] += x[n, d, h, w, c]


@parallel_jit
def _sum_pool_backward(share, x, kernel, stride, dilation, before):
    taps = kernel[0] * kernel[1] * kernel[2]
    for n in prange(len(share)):
        for od, oh, ow in np.ndindex(share.shape[1:4]):
            for tap in range(taps):
                d, h, w, inside = tap_at(tap, od, oh, ow, x.shape, kernel, stride, dilation, before)
                if inside:
                    for c in range(x.shape[4]):
                        x[n, d, h, w, c] += share[n, od, oh, ow, c]
