"""Where a window's taps lie in the input, and which windows lie on an input's place."""

from __future__ import annotations

import numpy as np

from tinycnn.ops.shapes import Sizes, Window


def taps(window: Window, place: Sizes) -> np.ndarray:
    """The input's place under every tap of the window at an output's place; some may be outside. Shape: (*kernel, axes)."""
    start = np.multiply(place, window.stride) - _before(window)
    return start + np.moveaxis(np.indices(window.kernel), 0, -1) * window.dilation


def inside(places: np.ndarray, size: Sizes) -> np.ndarray:
    """Which places (..., axes) are within an array of `size`. Shape: (...)."""
    return ((places >= 0) & (places < size)).all(axis=-1)


def values_under(x: np.ndarray, places: np.ndarray, fill: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """The numbers of x (*size, C) at places (..., axes), `fill` outside, and which are within: (..., C) float64, (...) bool."""
    within = inside(places, x.shape[:-1])
    values = np.full((*places.shape[:-1], x.shape[-1]), fill, np.float64)
    values[within] = x[tuple(places[within].T)]
    return values, within


def marked(values: np.ndarray, within: np.ndarray) -> np.ndarray:
    """The values with None for those outside the input: padding."""
    return np.where(within, values, None)


def covering(window: Window, place: Sizes, size: Sizes) -> tuple[np.ndarray, np.ndarray]:
    """The windows, by place in an output of `size`, that cover a place of the input, and the tap that each lays on it.

    Shape: (n, axes), (n, axes).
    """
    every = np.indices(window.kernel).reshape(len(window.kernel), -1).T
    steps = np.asarray(place) + _before(window) - every * window.dilation
    fits = (steps % window.stride == 0).all(axis=1) & inside(steps // window.stride, size)
    return steps[fits] // window.stride, every[fits]


def with_channels(places: np.ndarray, channels: np.ndarray) -> np.ndarray:
    """Every place (n, axes) with every channel (m,), the channels of a place together. Shape: (n * m, axes + 1)."""
    return np.column_stack([places.repeat(len(channels), axis=0), np.tile(channels, len(places))])


def _before(window: Window) -> np.ndarray:
    return np.array([before for before, _ in window.padding])
