"""The direct weight gradient: the same lines as forward's, multiplied with those of grad_output.

For each tap and channel, and each output channel, a sum over all pixels. The tile's rows run over the floats of a window (they
are contiguous, so that one channel fills a tile too), k over the pixels of a few lines. A fixed number of tasks has partial sums
of its own, added in a fixed order at the end: the bits do not depend on the number of threads.
"""

from __future__ import annotations

from typing import NamedTuple

from numba import carray

from tinycnn.ops.numba.direct import load_lines, round_up
from tinycnn.ops.numba.kernel import Lent, Step, kernel, zero
from tinycnn.ops.numba.lift import GEOMETRY, Lifted
from tinycnn.ops.numba.lines import Source, g_of, load_pixels, source_fields, x_of
from tinycnn.ops.numba.passes import add_rows, copy_rows
from tinycnn.ops.numba.tile import FEW_ROWS, GRADIENT_ROWS, few_tile, gradient_tile, narrow_gradient_tile
from tinycnn.ops.numba.vectors import VECTOR

PARTS, PARTIAL_FLOATS = 16, 5 << 18  # partial sums at most, and floats of all of them together
GRADIENT_PIXELS = 96  # over which a tile sums at least, so that loading and storing it is little beside
SHARING_LINES = 4  # at least, where neighbouring output lines share the input lines they look at


class Blocks(NamedTuple):
    """How the output's lines are cut into blocks, which never reach over a multiple of `height`."""

    height: int
    at_once: int
    between: int  # input lines from what one output line of a block looks at to what the next does

    def of(self, lines: int) -> int:
        """Blocks of so many lines."""
        return lines // self.height * -(-self.height // self.at_once)


def weight_gradient_steps(x: Source, grad: Source, grad_weight, parts, w: Lifted, groups: int) -> list[Step]:
    """grad_weight (KD, KH, KW, C / groups, OC) from both sources; `parts` has room for `parts_floats`."""
    channels, outputs = x.array.shape[-1] // groups, grad.array.shape[-1] // groups
    batch = x.array.shape[0]
    count, runs, run, rows, padded = _parts(batch, w, channels, outputs, groups)
    cut = _blocks(batch, w)
    line = ((w.output[2] - 1) * w.stride[2] + (w.kernel[2] - 1) * w.dilation[2] + 1) * channels
    columns = cut.at_once * w.output[2] * padded
    scratch = Lent(((cut.at_once - 1) * cut.between + w.kernel[0] * w.kernel[1]) * line + rows + columns)
    plain = grad.mode == 0 and groups == 1 and padded == outputs  # whole vectors: the tile reads the array itself
    return [
        multiply_lines(
            count, **x.fields("x"), **grad.fields("g"), **w.fields(), tasks=count,
            blocks=cut.of(batch * w.output[0] * w.output[1]), **cut._asdict(), groups=groups, parts=parts, runs=runs,
            run=run, rows=rows, line_floats=line, columns=columns, plain=int(plain), scratch=scratch,
            scratch_floats=scratch.floats,
        ),
        add_parts(
            (tasks := min(PARTS, run)), tasks=tasks, parts=parts, count=count, groups=groups, runs=runs, run=run, rows=rows,
            padded=padded, total=grad_weight, outputs=outputs,
        ),
    ]  # fmt: skip


def parts_floats(batch: int, w: Lifted, channels: int, outputs: int, groups: int) -> int:
    """Floats of all partial sums."""
    count, runs, _, rows, padded = _parts(batch, w, channels, outputs, groups)
    return count * groups * runs * rows * padded


def _parts(batch: int, w: Lifted, channels: int, outputs: int, groups: int) -> tuple[int, int, int, int, int]:
    """How many there are; each is (G, runs, rows, columns): runs of `run` floats of a window, filled up to whole tiles."""
    runs = w.taps() if w.dilation[2] > 1 else w.kernel[0] * w.kernel[1]
    run = w.taps() * channels // runs
    rows, padded = round_up(run, 2 * GRADIENT_ROWS), round_up(outputs, VECTOR)
    blocks = _blocks(batch, w).of(batch * w.output[0] * w.output[1])
    most = max(1, min(PARTS, blocks // 2, PARTIAL_FLOATS // (groups * runs * rows * padded)))
    return 1 << most.bit_length() - 1, runs, run, rows, padded  # a power of two: equal shares for two, four or eight threads


def _blocks(batch: int, w: Lifted) -> Blocks:
    height, at_once = w.output[1], -(-GRADIENT_PIXELS // w.output[2])
    if w.kernel[0] == w.dilation[1] == 1 and w.stride[1] < w.kernel[1] and height >= at_once:
        return Blocks(height, min(height, max(at_once, SHARING_LINES)), w.stride[1])
    return Blocks(batch * w.output[0] * height, at_once, w.kernel[0] * w.kernel[1])


@kernel(
    f"{source_fields('x')} {source_fields('g')} {GEOMETRY} tasks blocks height at_once between groups parts runs run rows "
    "line_floats columns plain scratch scratch_floats"
)
def multiply_lines(task, worker, p):
    """One partial sum: over a share of the lines."""
    p = carray(p, 1)[0]
    x = x_of(p)
    grad = g_of(p)
    channels, outputs, width = p.x_channels // p.groups, p.g_channels // p.groups, p.output_w
    padded = (outputs + VECTOR - 1) // VECTOR * VECTOR
    scratch = p.scratch + 4 * worker * p.scratch_floats
    right = scratch + 4 * (p.scratch_floats - p.columns)
    line_step, pixel_step = p.between * p.line_floats, p.stride_w * channels
    window = p.kernel_d * p.kernel_h
    blocks = (p.height + p.at_once - 1) // p.at_once  # of `height` lines
    per_line = p.runs // window  # runs of a window in one line
    part = p.parts + 4 * task * p.groups * p.runs * p.rows * padded
    first_block, end_block = task * p.blocks // p.tasks, (task + 1) * p.blocks // p.tasks
    if first_block == end_block:
        zero(part, p.groups * p.runs * p.rows * padded)
    for block in range(first_block, end_block):
        more = int(block > first_block)  # the first block's products replace what was there
        start = block % blocks * p.at_once
        line, count = block // blocks * p.height + start, min(p.at_once, p.height - start)
        for g in range(p.groups):
            for i in range(count):
                known = window - p.between if i > 0 else 0
                load_lines(x, p, line + i, known, g * channels, channels, scratch + 4 * i * line_step)
            b = p.g + 4 * line * width * p.g_channels
            if p.plain == 0:
                b = right
                if padded != outputs:
                    zero(b, count * width * padded)
                load_pixels(grad, line * width, count * width, g * outputs, outputs, b, padded)
            for number in range(p.runs):
                a = scratch + 4 * (number // per_line * p.line_floats + number % per_line * p.dilation_w * channels)
                target = part + 4 * (g * p.runs + number) * p.rows * padded
                column = 0
                while column < padded:
                    few = p.run <= 3 * FEW_ROWS
                    wide = not few and padded - column >= 2 * VECTOR
                    step = FEW_ROWS if few else GRADIENT_ROWS if wide else 2 * GRADIENT_ROWS
                    j, across = b + 4 * column, width * padded
                    for row in range(0, p.run, step):
                        i, sums = a + 4 * row, target + 4 * (row * padded + column)
                        if wide:
                            gradient_tile(i, j, sums, count, line_step, across, width, 1, pixel_step, padded, padded, more)
                        elif few:
                            few_tile(i, j, sums, count, line_step, across, width, 1, pixel_step, padded, padded, more)
                        else:
                            narrow_gradient_tile(i, j, sums, count, line_step, across, width, 1, pixel_step, padded, padded, more)
                    column += 2 * VECTOR if wide else VECTOR


@kernel("tasks parts count groups runs run rows padded total outputs")
def add_parts(task, worker, p):
    """The partial sums, in order, as the weight's gradient; a task takes its share of the rows of every run."""
    p = carray(p, 1)[0]
    size, outputs = p.groups * p.runs * p.rows * p.padded, p.groups * p.outputs
    first, end = task * p.run // p.tasks, (task + 1) * p.run // p.tasks
    for g in range(p.groups):
        for number in range(p.runs):
            part = p.parts + 4 * ((g * p.runs + number) * p.rows + first) * p.padded
            total = p.total + 4 * ((number * p.run + first) * outputs + g * p.outputs)
            copy_rows(end - first, p.outputs, part, p.padded, total, outputs)
            for _ in range(1, p.count):
                part += 4 * size
                add_rows(end - first, p.outputs, total, outputs, part, p.padded, total, outputs)
