"""Depthwise convolution: each channel has a kernel of its own, so there is no matrix product to tile.

A pass a tap instead, over a line of pixels and all channels. The input gradient is the same loop with the kernel turned, as for
`conv`; the weight gradient sums the products of each tap's pixels with those of grad_output.
"""

from __future__ import annotations

from numba import carray

from tinycnn.ops.numba.kernel import Lent, Step, doubles_at, kernel, tasks_for, zero
from tinycnn.ops.numba.lift import GEOMETRY, Lifted
from tinycnn.ops.numba.lines import END, End, Source, begin, end_of, finish, g_of, load_line, load_pixels, source_fields, x_of
from tinycnn.ops.numba.norm import settle_sums
from tinycnn.ops.numba.passes import multiply_add, product_sums


def depthwise_step(source: Source, weight, y, end: End, w: Lifted, turned: bool = False) -> Step:
    """y (N, ..., C) from a source (N, ..., C) and weight (KD, KH, KW, 1, C); `turned` as for `direct.conv_steps`."""
    lines = y.shape[0] * w.output[0] * w.output[1]
    tasks, line = depthwise_tasks(y.shape[0], w), _line(w, y.shape[-1])
    scratch = Lent(line)
    return depthwise(
        tasks, **source.fields("x"), **end.fields(y), **w.fields(), tasks=tasks, lines=lines, line_floats=line, weight=weight,
        turned=int(turned), scratch=scratch, scratch_floats=scratch.floats,
    )  # fmt: skip


def depthwise_gradient_steps(x: Source, grad: Source, grad_weight, table, w: Lifted) -> list[Step]:
    """grad_weight (KD, KH, KW, 1, C); `table` is (tasks, taps, C) float64 for `depthwise_tasks` tasks."""
    channels = x.array.shape[-1]
    tasks, line = depthwise_tasks(x.array.shape[0], w), _line(w, channels)
    scratch = Lent(line + w.output[2] * channels)
    return [
        depthwise_gradient(
            tasks, **x.fields("x"), **grad.fields("g"), **w.fields(), tasks=tasks, line_floats=line, table=table,
            lines=x.array.shape[0] * w.output[0] * w.output[1], scratch=scratch, scratch_floats=scratch.floats,
        ),
        settle_sums(1, tasks=tasks, channels=w.taps() * channels, table=table, total=grad_weight),
    ]  # fmt: skip


def depthwise_tasks(batch: int, w: Lifted) -> int:
    """Into how many tasks the lines are cut, in all directions."""
    return tasks_for(batch * w.output[0] * w.output[1])


def _line(w: Lifted, channels: int) -> int:
    return ((w.output[2] - 1) * w.stride[2] + (w.kernel[2] - 1) * w.dilation[2] + 1) * channels


@kernel(f"{source_fields('x')} {END} {GEOMETRY} tasks lines line_floats weight turned scratch scratch_floats")
def depthwise(task, worker, p):
    """A share of the output's lines."""
    p = carray(p, 1)[0]
    x = x_of(p)
    end = end_of(p)
    channels, width = p.outputs, p.output_w
    size, spread = (p.size_d, p.size_h, p.size_w), (p.spread_d, p.spread_h, p.spread_w)
    scratch = p.scratch + 4 * worker * p.scratch_floats
    taps = p.kernel_d * p.kernel_h * p.kernel_w
    begin(end, task)
    for line in range(task * p.lines // p.tasks, (task + 1) * p.lines // p.tasks):
        n, od, oh = line // (p.output_d * p.output_h), line // p.output_h % p.output_d, line % p.output_h
        y = p.y + 4 * line * width * channels
        zero(y, width * channels)
        for kd in range(p.kernel_d):
            d = od * p.stride_d + kd * p.dilation_d - p.before_d
            for kh in range(p.kernel_h):
                h = oh * p.stride_h + kh * p.dilation_h - p.before_h
                load_line(x, size, spread, n, d, h, p.before_w, 0, channels, scratch, p.line_floats)
                for kw in range(p.kernel_w):
                    tap = (kd * p.kernel_h + kh) * p.kernel_w + kw
                    weight = p.weight + 4 * channels * (taps - 1 - tap if p.turned != 0 else tap)
                    pixels = scratch + 4 * kw * p.dilation_w * channels
                    multiply_add(width, channels, pixels, p.stride_w * channels, y, channels, y, channels, weight)
        finish(end, task, line * width, width)


@kernel(f"{source_fields('x')} {source_fields('g')} {GEOMETRY} tasks lines line_floats table scratch scratch_floats")
def depthwise_gradient(task, worker, p):
    """The sums of a share of the lines."""
    p = carray(p, 1)[0]
    x = x_of(p)
    grad = g_of(p)
    channels, width = p.x_channels, p.output_w
    size, one = (p.size_d, p.size_h, p.size_w), (1, 1, 1)
    scratch = p.scratch + 4 * worker * p.scratch_floats
    beside = scratch + 4 * p.line_floats
    taps = p.kernel_d * p.kernel_h * p.kernel_w
    table = p.table + 8 * task * taps * channels
    sums = carray(doubles_at(table), taps * channels)
    for i in range(taps * channels):
        sums[i] = 0
    for line in range(task * p.lines // p.tasks, (task + 1) * p.lines // p.tasks):
        n, od, oh = line // (p.output_d * p.output_h), line // p.output_h % p.output_d, line % p.output_h
        load_pixels(grad, line * width, width, 0, channels, beside, channels)
        for kd in range(p.kernel_d):
            d = od * p.stride_d + kd * p.dilation_d - p.before_d
            for kh in range(p.kernel_h):
                h = oh * p.stride_h + kh * p.dilation_h - p.before_h
                load_line(x, size, one, n, d, h, p.before_w, 0, channels, scratch, p.line_floats)
                for kw in range(p.kernel_w):
                    tap = (kd * p.kernel_h + kh) * p.kernel_w + kw
                    pixels = scratch + 4 * kw * p.dilation_w * channels
                    product_sums(width, channels, pixels, p.stride_w * channels, beside, channels, table + 8 * tap * channels)
