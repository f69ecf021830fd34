"""What all convolution kernels share: how lines of pixels come in, and what happens to them before they leave the cache.

A source is an array (N, D, H, W, C) seen through what a layer before, or behind, does to every pixel: batch norm with or without
ReLU need not be written to memory to be read again, it is applied while a line is copied to where the kernel wants it. An end
is what follows on lines just written: bias, ReLU, and the sums over pixels that a batch norm next to the convolution needs.
"""

from __future__ import annotations

from typing import NamedTuple

from numba import carray

from tinycnn.ops.numba.kernel import copy, doubles_at, helper, zero
from tinycnn.ops.numba.passes import (
    add_constant,
    add_constant_rectify,
    copy_rows,
    deviations,
    norm_gradient,
    norm_rectify_gradient,
    norm_rectify_sums,
    norm_sums,
    normalise_rectify,
    normalise_rows,
    rectify,
)

PLAIN, NORMALISE, NORMALISE_RECTIFY, NORM_GRADIENT, NORM_RECTIFY_GRADIENT = range(5)


class Source(NamedTuple):
    """An array and what its reader sees; with c channels, the others are (c,) float32 arrays.

    NORMALISE            array * scale + shift                              _RECTIFY: max(that, 0)
    NORM_GRADIENT        array * a + x * b + c, x an array of its size      _RECTIFY: array counts where x * scale + shift > 0
    """

    array: object
    mode: int = PLAIN
    x: object = 0
    a: object = 0
    b: object = 0
    c: object = 0
    scale: object = 0
    shift: object = 0

    def fields(self, name: str) -> dict:
        """The arguments of a kernel, in the order of `source_fields`."""
        return dict(zip(source_fields(name).split(), (*self, self.array.shape[-1]), strict=True))


class End(NamedTuple):
    """What is done to lines of the output; 0 is nothing. `moments` and `sums` are (tasks, 3, OC) float64, see `norm`."""

    bias: object = 0  # (OC,)
    rectify: int = 0
    moments: object = 0  # of the output, as a batch norm behind needs them
    pivots: object = 0  # (tasks, OC) float32
    sums: object = 0  # of the output as a gradient, as a batch norm before needs them
    x: object = 0  # that batch norm's input
    mean: object = 0
    scale: object = 0
    shift: object = 0
    masked: int = 0  # whether a ReLU stands behind that batch norm

    def fields(self, y) -> dict:
        """The arguments of a kernel that writes to y, in the order of END."""
        return dict(zip(END.split(), (y, y.shape[-1], *self), strict=True))


END = "y outputs bias rectify moments pivots sums below mean scale shift masked"


def source_fields(name: str) -> str:
    """The names under which a kernel finds a source."""
    return " ".join(f"{name}{field}" for field in ("", "_mode", "_x", "_a", "_b", "_c", "_scale", "_shift", "_channels"))


@helper
def x_of(p):
    """The source whose names begin with x, as the helpers below take it."""
    return p.x, p.x_mode, p.x_x, p.x_a, p.x_b, p.x_c, p.x_scale, p.x_shift, p.x_channels


@helper
def g_of(p):
    """The source whose names begin with g."""
    return p.g, p.g_mode, p.g_x, p.g_a, p.g_b, p.g_c, p.g_scale, p.g_shift, p.g_channels


@helper
def end_of(p):
    """The end of a kernel, as the helpers below take it."""
    return p.y, p.outputs, p.bias, p.rectify, p.moments, p.pivots, p.sums, p.below, p.mean, p.scale, p.shift, p.masked


@helper
def load_pixels(source, pixel, count, first, channels, to, step):
    """Copy `channels` channels, from `first` on, of `count` pixels to an address, a pixel every `step` floats."""
    x, mode, other, a, b, c, scale, shift, width = source
    x, other, skip = x + 4 * (pixel * width + first), other + 4 * (pixel * width + first), 4 * first
    if mode == PLAIN:
        if channels == width and channels == step:
            copy(to, x, count * channels)
        else:
            copy_rows(count, channels, x, width, to, step)
    elif mode == NORMALISE:
        normalise_rows(count, channels, x, width, to, step, scale + skip, shift + skip)
    elif mode == NORMALISE_RECTIFY:
        normalise_rectify(count, channels, x, width, to, step, scale + skip, shift + skip)
    elif mode == NORM_GRADIENT:
        norm_gradient(count, channels, x, width, other, width, to, step, a + skip, b + skip, c + skip)
    else:
        norm_rectify_gradient(
            count, channels, x, width, other, width, to, step, a + skip, b + skip, c + skip, scale + skip, shift + skip
        )


@helper
def load_line(source, size, spread, n, d, h, before, first, channels, to, floats):
    """Copy a line of the input to an address, padded with zeros: `before` pixels in front, and to `floats` floats in all.

    size (D, H, W). With `spread` (1, 1, 1) the input is as it is; else spread - 1 zeros stand between neighbours, and d and h
    count in that larger volume.
    """
    outside = d < 0 or h < 0 or d % spread[0] != 0 or h % spread[1] != 0
    if outside or d // spread[0] >= size[0] or h // spread[1] >= size[1]:
        zero(to, floats)
        return
    skip = (-before + spread[2] - 1) // spread[2] if before < 0 else 0
    start = before + skip * spread[2]
    count = max(0, min(size[2] - skip, (floats // channels - start + spread[2] - 1) // spread[2]))
    if spread[2] > 1:
        zero(to, floats)
    else:
        done = min((start + count) * channels, floats)
        zero(to, min(start * channels, floats))
        zero(to + 4 * done, floats - done)
    if count > 0:
        line = (n * size[0] + d // spread[0]) * size[1] + h // spread[1]
        load_pixels(source, line * size[2] + skip, count, first, channels, to + 4 * start * channels, spread[2] * channels)


@helper
def begin(end, task):
    """Empty the sums of a task."""
    outputs, moments, sums = end[1], end[4], end[6]
    if moments != 0:
        zero(moments + 24 * task * outputs, 6 * outputs)
    if sums != 0:
        zero(sums + 24 * task * outputs, 6 * outputs)


@helper
def finish(end, task, pixel, count):
    """Bias, ReLU and sums for `count` pixels of the output, from `pixel` on."""
    y, outputs, bias, rectified, moments, pivots, sums, below, mean, scale, shift, masked = end
    y, below = y + 4 * pixel * outputs, below + 4 * pixel * outputs
    if bias != 0 and rectified != 0:
        add_constant_rectify(count, outputs, y, outputs, y, outputs, bias)
    elif bias != 0:
        add_constant(count, outputs, y, outputs, y, outputs, bias)
    elif rectified != 0:
        rectify(count, outputs, y, outputs, y, outputs)
    if moments != 0:
        first, second = moments + 24 * task * outputs, moments + (24 * task + 8) * outputs
        counted = carray(doubles_at(second + 8 * outputs), 1)
        pivot = pivots + 4 * task * outputs
        if counted[0] == 0:
            copy(pivot, y, outputs)
        deviations(count, outputs, y, outputs, pivot, first, second)
        counted[0] += count
    if sums != 0:
        first, second = sums + 24 * task * outputs, sums + (24 * task + 8) * outputs
        counted = carray(doubles_at(second + 8 * outputs), 1)
        counted[0] += count
        if masked != 0:
            norm_rectify_sums(count, outputs, y, outputs, below, outputs, mean, scale, shift, first, second)
        else:
            norm_sums(count, outputs, y, outputs, below, outputs, mean, first, second)
