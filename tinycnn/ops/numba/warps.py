"""The kernel of warps: a line of the output at a time, first where its pixels look, then what is there.

Both as registers. A position is the sum of few terms, so a line's positions are a few scaled rows; the four pixels around it are
found without a branch, and only they are loaded one by one.
"""

from __future__ import annotations

import numpy as np
from numba import carray

from tinycnn.ops.numba.kernel import Lent, Step, floats_at, kernel, tasks_for, zero
from tinycnn.ops.numba.passes import add_scaled, make_pass
from tinycnn.ops.numba.vectors import LANE, LANES


def _sample(v, h, w, last_h, last_w, least, image, row, column):
    """What one channel shows at (h, w): shares of four pixels. Pixel (i, j) lies i * row + j * column floats behind `image`."""
    b, y = v.builder, v.constant(0)
    for i, by_i in _between(v, h, last_h, least):
        across = v.constant(0)
        for j, by_j in _between(v, w, last_w, least):
            place = b.add(b.mul(i, v.splat(b.trunc(row, LANE), LANES)), b.mul(j, v.splat(b.trunc(column, LANE), LANES)))
            across = v.fma(v.gather(image, place), by_j, across)
        y = v.fma(across, by_i, y)
    return y


def _between(v, position, last, least):
    """The two pixels on either side of a position, as integers, each with its share; one outside has none.

    A position further out than `least`, which is 0 or -1, counts as one there; so does a NaN.
    """
    b, one = v.builder, v.constant(1)
    position = v.within(position, least, v.sub(last, least))
    before = v.sub(b.sitofp(v.whole(v.add(position, one)), v.kind), one)  # what is not below 0 is cut off downwards
    share = v.sub(position, before)
    for pixel, part in ((before, v.sub(one, share)), (v.add(before, one), share)):
        inside = v.within(pixel, v.constant(0), last)
        yield v.whole(inside), b.select(b.fcmp_ordered("==", pixel, inside), part, v.constant(0))


sample = make_pass(_sample, "ff", scalars=3, numbers=3)


def warp_step(x, maps, field, basis_h, basis_w, limits, y) -> Step:
    """y (N, H, W, C) from x (N, H, W, C), maps (N, 2, 3) and field (N, GH, GW, 2), which may have no points.

    basis_h (GH, H) is `ops.numpy.warp.spline_basis`; basis_w (2 + GW, W) is the same below a line of 1 and one of the pixels'
    numbers, so that a line's positions are one product: of a few factors with basis_w. `limits` holds the last line, the last
    column, and how far out a position can be: 0, or -1 where 0 surrounds the image.
    """
    batch, height, width, channels = y.shape
    points_h, points_w = field.shape[1:3]
    scratch, tasks = Lent(3 * width + 2 * (2 + points_w)), tasks_for(batch * height)
    return warp_lines(
        tasks, tasks=tasks, x=x, maps=maps, field=field, basis_h=basis_h, basis_w=basis_w, limits=limits, y=y, batch=batch,
        height=height, width=width, channels=channels, points_h=points_h, points_w=points_w, scratch=scratch,
        scratch_floats=scratch.floats,
    )  # fmt: skip


@kernel("tasks x maps field basis_h basis_w limits y batch height width channels points_h points_w scratch scratch_floats")
def warp_lines(task, worker, p):
    """A share of the output's lines."""
    p = carray(p, 1)[0]
    height, width, channels, terms = p.height, p.width, p.channels, 2 + p.points_w
    lines, floats, points = p.batch * height, width * channels, 2 * p.points_w
    positions = p.scratch + 4 * worker * p.scratch_floats
    factors = positions + 8 * width  # of the terms, for h and w in turn
    plane = factors + 8 * terms
    factor, maps = carray(floats_at(factors), 4), carray(floats_at(p.maps), 6 * p.batch)
    basis = carray(floats_at(p.basis_h), p.points_h * height)
    y, sampled = carray(floats_at(p.y), lines * floats), carray(floats_at(plane), width)
    for line in range(task * lines // p.tasks, (task + 1) * lines // p.tasks):
        n, i = line // height, line % height
        for axis in range(2):
            m = 6 * n + 3 * axis
            factor[axis], factor[2 + axis] = maps[m] * np.float32(i) + maps[m + 2], maps[m + 1]
        zero(factors + 16, points)
        for a in range(p.points_h):
            if basis[a * height + i] != 0:
                field, weight = p.field + 4 * (n * p.points_h + a) * points, p.basis_h + 4 * (a * height + i)
                add_scaled(1, points, field, 0, factors + 16, 0, factors + 16, 0, weight)
        zero(positions, 2 * width)
        for term in range(2 * terms):
            at = positions + 4 * (term % 2) * width
            add_scaled(1, width, p.basis_w + 4 * (term // 2) * width, 0, at, 0, at, 0, factors + 4 * term)
        for c in range(channels):
            image, target = p.x + 4 * (n * height * floats + c), plane if channels > 1 else p.y + 4 * line * width
            sample(1, width, positions, 0, positions + 4 * width, 0, target, 0, p.limits, image, floats, channels)
            if channels > 1:
                for j in range(width):
                    y[line * floats + j * channels + c] = sampled[j]
