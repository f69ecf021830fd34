"""The kernels of batch normalisation: sums over pixels, and what follows from them for every channel.

The pixels themselves are normalised by whoever reads them (`lines.Source`). Sums are over a fixed number of tasks, added in a
fixed order: the bits do not depend on the number of threads. Formulas: `ops.numpy.norm`.
"""

from __future__ import annotations

from math import prod, sqrt

from numba import carray

from tinycnn.ops.numba.elementwise import FLOATS, ROWS
from tinycnn.ops.numba.kernel import Lent, Step, doubles_at, floats_at, kernel, tasks_for
from tinycnn.ops.numba.lines import END, End, begin, end_of, finish, load_pixels, source_fields, x_of
from tinycnn.ops.numba.passes import sum_rows

TABLE = 3  # of each task and channel: two sums, and in the first place of the third row how many pixels


def sums_step(y, end: End) -> Step:
    """The sums that an End names, over all pixels of an array (N, ..., C) that is already there."""
    tasks = sums_tasks(y.shape)
    return sum_pixels(tasks, **end.fields(y), tasks=tasks, pixels=prod(y.shape[:-1]))


def sums_tasks(shape: tuple[int, ...]) -> int:
    """The tasks of `sums_step`: for how many its table has rows."""
    return tasks_for(-(-prod(shape) // FLOATS))


def settle_step(tasks: int, channels: int, **fields) -> Step:
    """From the moments of `tasks` tasks: mean, variance, 1 / std, scale and shift, all (C,), and the running statistics.

    `settings` holds momentum and eps in float64; running_mean and running_var may be 0, for none. With moments 0, the running
    statistics are taken for the batch's.
    """
    return settle(1, tasks=tasks, channels=channels, **fields)


def settle_gradient_step(tasks: int, channels: int, **fields) -> Step:
    """From the sums of `tasks` tasks: grad_gamma and grad_beta, and a, b, c of `lines.NORM_GRADIENT`, all (C,)."""
    return settle_gradient(1, tasks=tasks, channels=channels, **fields)


def column_sums_steps(source, total, table) -> list[Step]:
    """total (C,) = the source's sum over all pixels; `table` is (tasks, C) float64 for `sums_tasks` tasks."""
    shape = source.array.shape
    tasks, channels = sums_tasks(shape), shape[-1]
    scratch = Lent(ROWS * channels)
    pixels = prod(shape[:-1])
    return [
        column_sums(
            tasks, **source.fields("x"), tasks=tasks, pixels=pixels, table=table, scratch=scratch, scratch_floats=scratch.floats
        ),
        settle_sums(1, tasks=tasks, channels=channels, table=table, total=total),
    ]


@kernel(f"{END} tasks pixels")
def sum_pixels(task, worker, p):
    """A share of the pixels."""
    p = carray(p, 1)[0]
    end = end_of(p)
    first, last = task * p.pixels // p.tasks, (task + 1) * p.pixels // p.tasks
    begin(end, task)
    for pixel in range(first, last, ROWS):
        finish(end, task, pixel, min(ROWS, last - pixel))


@kernel("tasks channels moments pivots gamma beta mean variance inverse scale shift running_mean running_var settings")
def settle(task, worker, p):
    """All channels. A task's sums are about a pivot of its own, its first pixel, so that a large mean costs no digits."""
    p = carray(p, 1)[0]
    channels = p.channels
    gamma, beta = carray(floats_at(p.gamma), channels), carray(floats_at(p.beta), channels)
    mean, variance = carray(floats_at(p.mean), channels), carray(floats_at(p.variance), channels)
    inverse, scale, shift = (
        carray(floats_at(p.inverse), channels),
        carray(floats_at(p.scale), channels),
        carray(floats_at(p.shift), channels),
    )
    running_mean, running_var = carray(floats_at(p.running_mean), channels), carray(floats_at(p.running_var), channels)
    settings = carray(doubles_at(p.settings), 2)
    momentum, eps = settings[0], settings[1]
    table = carray(doubles_at(p.moments), p.tasks * TABLE * channels)
    pivots = carray(floats_at(p.pivots), p.tasks * channels)
    count = 0.0
    if p.moments != 0:
        for t in range(p.tasks):
            count += table[(t * TABLE + 2) * channels]
    for c in range(channels):
        if p.moments != 0:
            total, squares = 0.0, 0.0
            for t in range(p.tasks):
                n = table[(t * TABLE + 2) * channels]
                total += (table[t * TABLE * channels + c] + n * pivots[t * channels + c]) if n > 0 else 0.0
            middle = total / count
            for t in range(p.tasks):
                n = table[(t * TABLE + 2) * channels]
                if n > 0:
                    apart = pivots[t * channels + c] - middle
                    first, second = table[t * TABLE * channels + c], table[(t * TABLE + 1) * channels + c]
                    squares += second + 2 * apart * first + n * apart * apart
            mean[c] = middle
            spread = squares / count
            variance[c] = spread if spread > 0 or spread != spread else 0.0  # a NaN stays one
            if p.running_mean != 0:
                running_mean[c] = (1 - momentum) * running_mean[c] + momentum * mean[c]
                running_var[c] = (1 - momentum) * running_var[c] + momentum * variance[c] * (count / (count - 1))
        else:
            mean[c], variance[c] = running_mean[c], running_var[c]
        inverse[c] = 1 / sqrt(variance[c] + eps)
        scale[c] = gamma[c] * inverse[c]
        shift[c] = beta[c] - mean[c] * scale[c]


@kernel("tasks channels sums gamma mean inverse grad_gamma grad_beta a b c of_batch")
def settle_gradient(task, worker, p):
    """All channels: grad_x = a * grad_y + b * x + c. Where mean and std are not the batch's, b = c = 0."""
    p = carray(p, 1)[0]
    channels = p.channels
    gamma, mean, inverse = (
        carray(floats_at(p.gamma), channels),
        carray(floats_at(p.mean), channels),
        carray(floats_at(p.inverse), channels),
    )
    grad_gamma, grad_beta = carray(floats_at(p.grad_gamma), channels), carray(floats_at(p.grad_beta), channels)
    by_grad, by_x, rest = carray(floats_at(p.a), channels), carray(floats_at(p.b), channels), carray(floats_at(p.c), channels)
    table = carray(doubles_at(p.sums), p.tasks * TABLE * channels)
    count = 0.0
    for t in range(p.tasks):
        count += table[(t * TABLE + 2) * channels]
    for c in range(channels):
        total, product = 0.0, 0.0
        for t in range(p.tasks):
            total += table[t * TABLE * channels + c]
            product += table[(t * TABLE + 1) * channels + c]
        product *= inverse[c]
        grad_gamma[c], grad_beta[c] = product, total
        scale = gamma[c] * inverse[c]
        by_grad[c], by_x[c], rest[c] = scale, 0, 0
        if p.of_batch != 0:
            slope = -scale * inverse[c] * product / count
            by_x[c] = slope
            rest[c] = -scale * total / count - slope * mean[c]


@kernel(f"{source_fields('x')} tasks pixels table scratch scratch_floats")
def column_sums(task, worker, p):
    """A share of the pixels."""
    p = carray(p, 1)[0]
    x = x_of(p)
    channels = p.x_channels
    rows, table = p.scratch + 4 * worker * p.scratch_floats, p.table + 8 * task * channels
    sums = carray(doubles_at(table), channels)
    for c in range(channels):
        sums[c] = 0
    first, last = task * p.pixels // p.tasks, (task + 1) * p.pixels // p.tasks
    for pixel in range(first, last, ROWS):
        count = min(ROWS, last - pixel)
        load_pixels(x, pixel, count, 0, channels, rows, channels)
        sum_rows(count, channels, rows, channels, table)


@kernel("tasks channels table total")
def settle_sums(task, worker, p):
    """All channels."""
    p = carray(p, 1)[0]
    table, total = carray(doubles_at(p.table), p.tasks * p.channels), carray(floats_at(p.total), p.channels)
    for c in range(p.channels):
        value = 0.0
        for t in range(p.tasks):
            value += table[t * p.channels + c]
        total[c] = value
