"""Kernels that look at one number at a time: ReLU, sums of two arrays, dropout; and a source written out."""

from __future__ import annotations

from math import prod

from numba import carray

from tinycnn.ops.numba.kernel import Step, kernel, tasks_for
from tinycnn.ops.numba.lines import Source, load_pixels, source_fields, x_of
from tinycnn.ops.numba.passes import add_rectify, add_rows, drop_rows, rectify, where_positive

ADD, ADD_RECTIFY, RECTIFY, WHERE_POSITIVE, DROP = range(5)
FLOATS = 4096  # that a task has at least
ROWS = 256  # taken at a time


def combine_step(kind: int, x, y, result, settings=0) -> Step:
    """result = x + y, max(x + y, 0), max(x, 0), x where y > 0, or x * settings[1] where y >= settings[0]; all of one size."""
    floats = prod(result.shape)
    tasks = tasks_for(-(-floats // FLOATS))
    return combine(tasks, tasks=tasks, kind=kind, x=x, y=y, result=result, floats=floats, settings=settings)


def write_step(source: Source, y) -> Step:
    """y (N, ..., C) = what a reader of the source sees."""
    pixels = prod(y.shape[:-1])
    tasks = tasks_for(-(-prod(y.shape) // FLOATS))
    return write(tasks, **source.fields("x"), tasks=tasks, y=y, pixels=pixels)


@kernel("tasks kind x y result floats settings")
def combine(task, worker, p):
    """A share of the numbers."""
    p = carray(p, 1)[0]
    start, end = task * p.floats // p.tasks, (task + 1) * p.floats // p.tasks
    x, y, result, n = p.x + 4 * start, p.y + 4 * start, p.result + 4 * start, end - start
    if p.kind == ADD:
        add_rows(1, n, x, 0, y, 0, result, 0)
    elif p.kind == ADD_RECTIFY:
        add_rectify(1, n, x, 0, y, 0, result, 0)
    elif p.kind == RECTIFY:
        rectify(1, n, x, 0, result, 0)
    elif p.kind == WHERE_POSITIVE:
        where_positive(1, n, x, 0, y, 0, result, 0)
    else:
        drop_rows(1, n, x, 0, y, 0, result, 0, p.settings)


@kernel(f"{source_fields('x')} tasks y pixels")
def write(task, worker, p):
    """A share of the pixels."""
    p = carray(p, 1)[0]
    x = x_of(p)
    first, end = task * p.pixels // p.tasks, (task + 1) * p.pixels // p.tasks
    for pixel in range(first, end, ROWS):
        count = min(ROWS, end - pixel)
        load_pixels(x, pixel, count, 0, p.x_channels, p.y + 4 * pixel * p.x_channels, p.x_channels)
