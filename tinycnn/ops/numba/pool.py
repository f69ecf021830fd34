"""The kernels of pooling: a window's taps one after the other, each over a whole line of windows and all channels.

Forward reads a source, so that a batch norm and a ReLU before the pooling need no array of their own. Backward adds every
window's gradient to where it came from, an image at a time since windows may overlap.
"""

from __future__ import annotations

from math import prod

from numba import carray

from tinycnn.ops.numba.elementwise import ROWS
from tinycnn.ops.numba.kernel import Lent, Step, doubles_at, floats_at, helper, kernel, tasks_for, zero
from tinycnn.ops.numba.lift import GEOMETRY, Lifted
from tinycnn.ops.numba.lines import END, End, Source, begin, end_of, finish, load_pixels, source_fields, x_of
from tinycnn.ops.numba.passes import add_rows, copy_rows, pool_back_tap, pool_start, pool_tap, scale_rows, sum_rows


def pool_step(source: Source, y, winner, shares, w: Lifted) -> Step:
    """y and winner (N, OD, OH, OW, C): the largest value, and its tap. With winner 0, the sum times `shares` (OD, OH, OW)."""
    lines = y.shape[0] * w.output[0] * w.output[1]
    tasks = tasks_for(lines)
    scratch = Lent(w.size[2] * y.shape[-1])
    return pool(
        tasks, **source.fields("x"), **w.fields(), tasks=tasks, lines=lines, y=y, winner=winner, shares=shares, scratch=scratch,
        scratch_floats=scratch.floats,
    )  # fmt: skip


def pool_gradient_step(grad, winner, shares, x, end: End, w: Lifted) -> Step:
    """x (N, D, H, W, C): the gradient of what was pooled. One task an image: the tables of `end` have as many rows."""
    batch = x.shape[0]
    scratch = Lent(w.output[2] * x.shape[-1])
    return pool_gradient(
        batch, **end.fields(x), **w.fields(), grad=grad, winner=winner, shares=shares, scratch=scratch,
        scratch_floats=scratch.floats,
    )  # fmt: skip


def mean_step(source: Source, y, share) -> Step:
    """y (N, C) = share[0] times the sum of an image's pixels."""
    batch, channels = y.shape
    scratch = Lent((ROWS + 2) * channels)
    pixels = prod(source.array.shape[1:-1])
    return mean_pixels(
        batch, **source.fields("x"), pixels=pixels, y=y, share=share, scratch=scratch, scratch_floats=scratch.floats
    )


def mean_gradient_step(grad, share, x, end: End) -> Step:
    """x (N, ..., C): share[0] times grad (N, C), for every pixel. One task an image."""
    scratch = Lent(x.shape[-1])
    pixels = prod(x.shape[1:-1])
    return mean_gradient(
        x.shape[0], **end.fields(x), pixels=pixels, grad=grad, share=share, scratch=scratch, scratch_floats=scratch.floats
    )


@helper
def _reach(kw, p):
    """The windows of a line for which tap kw lies inside: from, to, and the input pixel of the first."""
    at = kw * p.dilation_w - p.before_w
    first = (-at + p.stride_w - 1) // p.stride_w if at < 0 else 0
    last = min(p.output_w, (p.size_w - at + p.stride_w - 1) // p.stride_w)
    return first, last, first * p.stride_w + at


@kernel(f"{source_fields('x')} {GEOMETRY} tasks lines y winner shares scratch scratch_floats")
def pool(task, worker, p):
    """A share of the output's lines."""
    p = carray(p, 1)[0]
    x = x_of(p)
    channels, width = p.x_channels, p.output_w
    scratch = p.scratch + 4 * worker * p.scratch_floats
    for line in range(task * p.lines // p.tasks, (task + 1) * p.lines // p.tasks):
        n, od, oh = line // (p.output_d * p.output_h), line // p.output_h % p.output_d, line % p.output_h
        y, winner = p.y + 4 * line * width * channels, p.winner + line * width * channels
        if p.winner != 0:
            pool_start(width, channels, y, channels, winner, channels)
        else:
            zero(y, width * channels)
        for kd in range(p.kernel_d):
            d = od * p.stride_d + kd * p.dilation_d - p.before_d
            for kh in range(p.kernel_h):
                h = oh * p.stride_h + kh * p.dilation_h - p.before_h
                if d < 0 or d >= p.size_d or h < 0 or h >= p.size_h:
                    continue
                pixel = ((n * p.size_d + d) * p.size_h + h) * p.size_w
                pixels = p.x + 4 * pixel * channels
                if p.x_mode != 0:
                    pixels = scratch
                    load_pixels(x, pixel, p.size_w, 0, channels, pixels, channels)
                for kw in range(p.kernel_w):
                    first, last, w = _reach(kw, p)
                    a, b, count = pixels + 4 * w * channels, y + 4 * first * channels, last - first
                    if p.winner != 0:
                        c, tap = winner + first * channels, (kd * p.kernel_h + kh) * p.kernel_w + kw
                        step = p.stride_w * channels
                        pool_tap(count, channels, a, step, b, channels, c, channels, b, channels, c, channels, tap)
                    else:
                        add_rows(count, channels, a, p.stride_w * channels, b, channels, b, channels)
        if p.winner == 0:
            for ow in range(width):
                share = p.shares + 4 * ((od * p.output_h + oh) * width + ow)
                scale_rows(1, channels, y + 4 * ow * channels, 0, y + 4 * ow * channels, 0, share)


@kernel(f"{END} {GEOMETRY} grad winner shares scratch scratch_floats")
def pool_gradient(task, worker, p):
    """An image."""
    p = carray(p, 1)[0]
    end = end_of(p)
    channels, width, lines = p.outputs, p.output_w, p.output_d * p.output_h
    pixels = p.size_d * p.size_h * p.size_w
    scratch = p.scratch + 4 * worker * p.scratch_floats
    begin(end, task)
    zero(p.y + 4 * task * pixels * channels, pixels * channels)
    for line in range(lines):
        od, oh = line // p.output_h, line % p.output_h
        at = (task * lines + line) * width * channels
        grad, winner = p.grad + 4 * at, p.winner + at
        if p.winner == 0:
            for ow in range(width):
                pixel = 4 * ow * channels
                scale_rows(1, channels, grad + pixel, 0, scratch + pixel, 0, p.shares + 4 * (line * width + ow))
            grad = scratch
        for kd in range(p.kernel_d):
            d = od * p.stride_d + kd * p.dilation_d - p.before_d
            for kh in range(p.kernel_h):
                h = oh * p.stride_h + kh * p.dilation_h - p.before_h
                if d < 0 or d >= p.size_d or h < 0 or h >= p.size_h:
                    continue
                x = p.y + 4 * ((task * p.size_d + d) * p.size_h + h) * p.size_w * channels
                for kw in range(p.kernel_w):
                    first, last, w = _reach(kw, p)
                    a, b, count = x + 4 * w * channels, grad + 4 * first * channels, last - first
                    step = p.stride_w * channels
                    if p.winner != 0:
                        c, tap = winner + first * channels, (kd * p.kernel_h + kh) * p.kernel_w + kw
                        pool_back_tap(count, channels, b, channels, c, channels, a, step, a, step, tap)
                    else:
                        add_rows(count, channels, b, channels, a, step, a, step)
    for pixel in range(0, pixels, ROWS):
        finish(end, task, task * pixels + pixel, min(ROWS, pixels - pixel))


@kernel(f"{source_fields('x')} pixels y share scratch scratch_floats")
def mean_pixels(task, worker, p):
    """An image."""
    p = carray(p, 1)[0]
    x = x_of(p)
    channels = p.x_channels
    scratch = p.scratch + 4 * worker * p.scratch_floats
    table = scratch + 4 * ROWS * channels
    sums = carray(doubles_at(table), channels)
    for c in range(channels):
        sums[c] = 0
    for pixel in range(0, p.pixels, ROWS):
        count = min(ROWS, p.pixels - pixel)
        load_pixels(x, task * p.pixels + pixel, count, 0, channels, scratch, channels)
        sum_rows(count, channels, scratch, channels, table)
    rounded = carray(floats_at(scratch), channels)
    for c in range(channels):
        rounded[c] = sums[c]
    scale_rows(1, channels, scratch, 0, p.y + 4 * task * channels, 0, p.share)


@kernel(f"{END} pixels grad share scratch scratch_floats")
def mean_gradient(task, worker, p):
    """An image."""
    p = carray(p, 1)[0]
    end = end_of(p)
    channels = p.outputs
    scratch = p.scratch + 4 * worker * p.scratch_floats
    begin(end, task)
    scale_rows(1, channels, p.grad + 4 * task * channels, 0, scratch, 0, p.share)
    first = task * p.pixels
    copy_rows(p.pixels, channels, scratch, 0, p.y + 4 * first * channels, channels)
    for pixel in range(0, p.pixels, ROWS):
        finish(end, task, first + pixel, min(ROWS, p.pixels - pixel))
