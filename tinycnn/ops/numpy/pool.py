"""Pooling: one number a window and channel, its largest or its mean, for any number of spatial axes."""

from functools import lru_cache

import numpy as np

from tinycnn.ops.numpy.windows import gather_windows, scatter_windows
from tinycnn.ops.shapes import Window


def max_pool(x: np.ndarray, window: Window) -> tuple[np.ndarray, np.ndarray]:
    """The largest value of each window, and which tap it stood at (row-major in the kernel; the first of equals; a NaN wins).

    Shape: x (N, H, W, C) -> y (N, OH, OW, C), winner (N, OH, OW, C) of uint8, or int32 where a kernel has over 256 taps.
    """
    windows = _flat_taps(gather_windows(x, window, fill=-np.inf), window)
    winner = windows.argmax(axis=-2)
    y = np.take_along_axis(windows, winner[..., None, :], axis=-2)[..., 0, :]
    return y, winner.astype(winner_dtype(window))


def max_pool_backward(grad_output: np.ndarray, winner: np.ndarray, size: tuple[int, ...], window: Window) -> np.ndarray:
    """Each window's gradient goes to its winner alone. Shape: grad_output (N, OH, OW, C), size (H, W) -> (N, H, W, C)."""
    taps = int(np.prod(window.kernel))
    windows = np.zeros((*grad_output.shape[:-1], taps, grad_output.shape[-1]), grad_output.dtype)
    np.put_along_axis(windows, winner[..., None, :].astype(np.intp), grad_output[..., None, :], axis=-2)
    return scatter_windows(_unflat_taps(windows, window), size, window)


def average_pool(x: np.ndarray, window: Window, count_padding: bool) -> np.ndarray:
    """The mean of each window; padding counts as zeros, or not at all. Shape: x (N, H, W, C) -> y (N, OH, OW, C)."""
    total = _flat_taps(gather_windows(x, window), window).sum(axis=-2)
    return total / window_counts(x.shape[1:-1], window, count_padding).astype(x.dtype)


def average_pool_backward(grad_output: np.ndarray, size: tuple[int, ...], window: Window, count_padding: bool) -> np.ndarray:
    """Each window's gradient is shared out equally. Shape: grad_output (N, OH, OW, C), size (H, W) -> (N, H, W, C)."""
    share = grad_output / window_counts(size, window, count_padding).astype(grad_output.dtype)
    taps = int(np.prod(window.kernel))
    windows = np.broadcast_to(share[..., None, :], (*share.shape[:-1], taps, share.shape[-1]))
    return scatter_windows(_unflat_taps(windows, window), size, window)


@lru_cache(maxsize=64)  # the same for every step of a layer
def window_counts(size: tuple[int, ...], window: Window, count_padding: bool) -> np.ndarray:
    """How many numbers each window's mean is over; read-only. Shape: (OH, OW, 1)."""
    inside = np.ones((1, *size, 1))
    counts = _flat_taps(gather_windows(inside, window, fill=float(count_padding)), window).sum(axis=-2)
    counts.flags.writeable = False
    return counts[0]


def winner_dtype(window: Window) -> type:
    """The smallest type that holds a tap's number."""
    return np.uint8 if np.prod(window.kernel) <= 256 else np.int32


def _flat_taps(windows: np.ndarray, window: Window) -> np.ndarray:
    """(N, OH, OW, KH, KW, C) -> (N, OH, OW, KH*KW, C)."""
    rank = len(window.kernel)
    return windows.reshape(*windows.shape[: 1 + rank], -1, windows.shape[-1])


def _unflat_taps(windows: np.ndarray, window: Window) -> np.ndarray:
    """(N, OH, OW, KH*KW, C) -> (N, OH, OW, KH, KW, C)."""
    return windows.reshape(*windows.shape[:-2], *window.kernel, windows.shape[-1])
