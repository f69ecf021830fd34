"""Sliding windows, the idea that convolution and pooling share: cut an input into windows, and add windows back up.

The two functions are each other's transpose: <gather(x), w> = <x, scatter(w)> for all x and w. That is why the gradient of
everything built on `gather_windows` flows through `scatter_windows`.
"""

from itertools import product

import numpy as np
from numpy.lib.stride_tricks import as_strided

from tinycnn.ops.shapes import Window


def gather_windows(x: np.ndarray, window: Window, fill: float = 0.0) -> np.ndarray:
    """Every window of x, as a read-only view of the padded input.

    Shape: x (N, H, W, C) -> (N, OH, OW, KH, KW, C), for any number of spatial axes. Padding holds `fill`.
    """
    x = pad(x, window, fill)
    batch, *axes, channel = x.strides
    steps = tuple(stride * step for stride, step in zip(axes, window.stride, strict=True))
    taps = tuple(stride * apart for stride, apart in zip(axes, window.dilation, strict=True))
    positions = tuple((n - r) // s + 1 for n, r, s in zip(x.shape[1:-1], window.reach(), window.stride, strict=True))
    shape = (len(x), *positions, *window.kernel, x.shape[-1])
    return as_strided(x, shape, (batch, *steps, *taps, channel), writeable=False)


def scatter_windows(windows: np.ndarray, size: tuple[int, ...], window: Window) -> np.ndarray:
    """Add every window back to where `gather_windows` took it from; overlaps sum, padding is cut off.

    Shape: windows (N, OH, OW, KH, KW, C), size (H, W) -> (N, H, W, C).
    """
    rank = len(size)
    positions = windows.shape[1 : 1 + rank]
    x = np.zeros((len(windows), *window.padded_size(size), windows.shape[-1]), windows.dtype)
    for tap in product(*map(range, window.kernel)):
        at = tuple(
            slice(k * d, k * d + (o - 1) * s + 1, s)
            for k, d, o, s in zip(tap, window.dilation, positions, window.stride, strict=True)
        )
        x[(slice(None), *at)] += windows[(slice(None),) * (1 + rank) + tap]
    return crop(x, size, window)


def pad(x: np.ndarray, window: Window, fill: float = 0.0) -> np.ndarray:
    """The array x with the window's padding around its spatial axes, holding `fill`; x itself where there is no padding."""
    if not any(map(any, window.padding)):
        return x
    padded = np.full((len(x), *window.padded_size(x.shape[1:-1]), x.shape[-1]), fill, x.dtype)
    crop(padded, x.shape[1:-1], window)[...] = x
    return padded


def crop(padded: np.ndarray, size: tuple[int, ...], window: Window) -> np.ndarray:
    """The view of `padded` without its padding."""
    inside = tuple(slice(before, before + n) for n, (before, _) in zip(size, window.padding, strict=True))
    return padded[(slice(None), *inside)]
