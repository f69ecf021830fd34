"""The kernels of blur and tone curves, by lines and images; noise is in `random`."""

from __future__ import annotations

from math import factorial, log

import numpy as np
from llvmlite import ir
from numba import carray

from tinycnn.ops.numba.kernel import Lent, Step, copy, floats_at, helper, kernel, tasks_for, zero
from tinycnn.ops.numba.passes import add_scaled, make_pass
from tinycnn.ops.numba.vectors import LANES, VECTOR

MANTISSA_BITS = 23  # of a float32; its exponent stands above them
ROUNDING = 1.5 * 2.0**MANTISSA_BITS  # added, it leaves no bits for what is behind the point


def _tone(v, x, black, inverse, base, factor, gamma):
    u = v.mul(v.sub(x, black), inverse)
    u = v.builder.select(v.builder.fcmp_ordered(">", u, v.constant(0)), u, v.constant(0))
    y = v.fma(_power(v, u, gamma), factor, base)
    return v.builder.select(v.builder.fcmp_unordered("uno", x, x), x, y)


def _power(v, u, exponent):
    """u ^ exponent for u >= 0 and an exponent above 0, as 2 ^ (exponent * log2(u)), to about 1e-6.

    u is 2 ^ n * m with m between 1 / sqrt(2) and sqrt(2), of which the series of artanh gives the logarithm; the whole part of
    the product goes to the exponent again, and the rest, at most 1/2, through the series of exp. Both end where float32 does.
    """
    b = v.builder
    places, root = (_every(number) for number in (MANTISSA_BITS, int(np.float32(0.5**0.5).view(np.int32))))
    bits = b.bitcast(u, LANES)
    n = b.ashr(b.sub(bits, root), places)
    m = b.bitcast(b.sub(bits, b.shl(n, places)), v.kind)
    s = b.fdiv(v.sub(m, v.constant(1)), v.add(m, v.constant(1)))
    series = _polynomial(v, v.mul(s, s), [2 / log(2) / k for k in (1, 3, 5, 7, 9)])
    t = v.mul(exponent, v.fma(series, s, b.sitofp(n, v.kind)))
    t = v.within(t, v.constant(-126), v.constant(127))  # what float32 has exponents for
    rounded = v.add(t, v.constant(ROUNDING))
    rest = v.sub(t, v.sub(rounded, v.constant(ROUNDING)))
    power = _polynomial(v, rest, [log(2) ** k / factorial(k) for k in range(8)])
    return b.bitcast(b.add(b.bitcast(power, LANES), b.shl(b.bitcast(rounded, LANES), places)), v.kind)


def _polynomial(v, x, factors):
    total = v.constant(factors[-1])
    for factor in reversed(factors[:-1]):
        total = v.fma(total, x, v.constant(factor))
    return total


def _every(number):
    return ir.Constant(LANES, [number] * VECTOR)


tone_rows = make_pass(_tone, constants=4, scalars=1)


def blur_step(x, weights, y) -> Step:
    """y (N, H, W, C) from x (N, H, W, C) and weights (N, 2 R + 1), the same down and across."""
    batch, height, width, channels = y.shape
    reach = weights.shape[1] // 2
    scratch, tasks = Lent((width + 2 * reach) * channels), tasks_for(batch * height)
    return blur_lines(
        tasks, tasks=tasks, x=x, weights=weights, y=y, batch=batch, height=height, width=width, channels=channels, reach=reach,
        scratch=scratch, scratch_floats=scratch.floats,
    )  # fmt: skip


def tone_step(x, lines, gamma, y) -> Step:
    """y (N, H, W, C) from x, gamma (N,) and lines (N, 4, W, C): black, 1 / extent, base and factor of `ops.numpy.retouch`."""
    batch, height, width, channels = y.shape
    return tone(batch, x=x, lines=lines, gamma=gamma, y=y, height=height, floats=width * channels)


@kernel("tasks x weights y batch height width channels reach scratch scratch_floats")
def blur_lines(task, worker, p):
    """A share of the lines: each the weighted sum of those around it, then of itself moved."""
    p = carray(p, 1)[0]
    height, width, channels, reach = p.height, p.width, p.channels, p.reach
    floats, lines = width * channels, p.batch * height
    scratch = p.scratch + 4 * worker * p.scratch_floats
    middle = scratch + 4 * reach * channels
    for line in range(task * lines // p.tasks, (task + 1) * lines // p.tasks):
        n, i = line // height, line % height
        taps = p.weights + 4 * n * (2 * reach + 1)
        weights = carray(floats_at(taps), 2 * reach + 1)
        zero(middle, floats)
        for k in range(2 * reach + 1):
            if weights[k] != 0:
                source = p.x + 4 * (n * height + _mirrored(i + k - reach, height)) * floats
                add_scaled(1, floats, source, 0, middle, 0, middle, 0, taps + 4 * k)
        for k in range(1, reach + 1):
            copy(middle - 4 * k * channels, middle + 4 * _mirrored(-k, width) * channels, channels)
            copy(middle + 4 * (width - 1 + k) * channels, middle + 4 * _mirrored(width - 1 + k, width) * channels, channels)
        y = p.y + 4 * line * floats
        zero(y, floats)
        for k in range(2 * reach + 1):
            if weights[k] != 0:
                add_scaled(1, floats, scratch + 4 * k * channels, 0, y, 0, y, 0, taps + 4 * k)


@helper
def _mirrored(i, size):
    """Where a line or pixel beyond the edge has its mirror image."""
    i %= 2 * size
    return i if i < size else 2 * size - 1 - i


@kernel("x lines gamma y height floats")
def tone(task, worker, p):
    """An image."""
    p = carray(p, 1)[0]
    floats = p.floats
    start, line = 4 * task * p.height * floats, p.lines + 16 * task * floats
    tone_rows(
        p.height, floats, p.x + start, floats, p.y + start, floats, line, line + 4 * floats, line + 8 * floats,
        line + 12 * floats, p.gamma + 4 * task,
    )  # fmt: skip
