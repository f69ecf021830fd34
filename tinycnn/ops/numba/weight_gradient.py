"""The direct weight gradient: the same lines as forward's, multiplied with those of grad_output.

For each tap and channel, and each output channel, a sum over all pixels. The tile's rows run over the floats of a window (they
are contiguous, so that one channel fills a tile too), k over the pixels of a few lines. A fixed number of tasks has partial sums
of its own, added in a fixed order at the end: the bits do not depend on the number of threads.
"""

from __future__ import annotations

from numba import carray

from tinycnn.ops.numba.direct import gather_line, round_up
from tinycnn.ops.numba.kernel import Lent, Step, kernel, zero
from tinycnn.ops.numba.lift import GEOMETRY, Lifted
from tinycnn.ops.numba.lines import Source, g_of, load_pixels, source_fields, x_of
from tinycnn.ops.numba.passes import add_rows, copy_rows
from tinycnn.ops.numba.tile import FEW_ROWS, GRADIENT_ROWS, VECTOR, few_tile, gradient_tile, narrow_gradient_tile

PARTS = 16  # partial sums
PARTIAL_FLOATS = 1 << 22  # at most, of all partial sums together
GRADIENT_PIXELS = 24  # over which a tile sums at least, so that loading and storing it is little beside


def weight_gradient_steps(x: Source, grad: Source, grad_weight, parts, w: Lifted, groups: int) -> list[Step]:
    """grad_weight (KD, KH, KW, C / groups, OC) from both sources; `parts` has room for `parts_floats`."""
    channels, outputs = x.array.shape[-1] // groups, grad.array.shape[-1] // groups
    batch = x.array.shape[0]
    count, runs, run, rows, padded = _parts(batch, w, channels, outputs, groups)
    at_once, gathered = _lines_at_once(w)
    lines = batch * w.output[0] * w.output[1]
    pixels, reach = at_once * w.output[2], (w.kernel[2] - 1) * w.dilation[2] + 1
    line = ((w.output[2] - 1) * w.stride[2] + reach) * channels
    matrix = (pixels * w.taps() * channels if gathered else w.kernel[0] * w.kernel[1] * line) + rows
    scratch = Lent(matrix + (line if gathered else 0) + pixels * padded)
    plain = grad.mode == 0 and padded == grad.array.shape[-1]  # one group of whole vectors: the tile reads the array itself
    return [
        multiply_lines(
            count, **x.fields("x"), **grad.fields("g"), **w.fields(), tasks=count, blocks=-(-lines // at_once), lines=lines,
            groups=groups, parts=parts, runs=runs, run=run, rows=rows, at_once=at_once, gathered=int(gathered), line=line,
            matrix=matrix, plain=int(plain), scratch=scratch, scratch_floats=scratch.floats,
        ),
        add_parts(
            (tasks := min(PARTS, run)), tasks=tasks, parts=parts, count=count, groups=groups, runs=runs, run=run, rows=rows,
            padded=padded,
            total=grad_weight, outputs=outputs,
        ),
    ]  # fmt: skip


def parts_floats(batch: int, w: Lifted, channels: int, outputs: int, groups: int) -> int:
    """Floats of all partial sums."""
    count, runs, _, rows, padded = _parts(batch, w, channels, outputs, groups)
    return count * groups * runs * rows * padded


def _parts(batch: int, w: Lifted, channels: int, outputs: int, groups: int) -> tuple[int, int, int, int, int]:
    """How many there are; each is (G, runs, rows, columns): runs of `run` floats of a window, filled up to whole tiles."""
    runs = 1 if _lines_at_once(w)[1] else w.kernel[0] * w.kernel[1]
    run = w.taps() * channels // runs
    rows, padded = round_up(run, 2 * GRADIENT_ROWS), round_up(outputs, VECTOR)
    blocks = -(-batch * w.output[0] * w.output[1] // _lines_at_once(w)[0])
    return max(1, min(PARTS, blocks // 2, PARTIAL_FLOATS // (groups * runs * rows * padded))), runs, run, rows, padded


def _lines_at_once(w: Lifted) -> tuple[int, bool]:
    lines = -(-GRADIENT_PIXELS // w.output[2])
    return lines, lines > 1 or w.dilation[2] > 1


@kernel(
    f"{source_fields('x')} {source_fields('g')} {GEOMETRY} tasks blocks lines groups parts runs run rows at_once gathered line "
    "matrix plain scratch scratch_floats"
)
def multiply_lines(task, worker, p):
    """One partial sum: over a share of the lines."""
    p = carray(p, 1)[0]
    x = x_of(p)
    grad = g_of(p)
    channels, outputs, width = p.x_channels // p.groups, p.g_channels // p.groups, p.output_w
    padded = (outputs + VECTOR - 1) // VECTOR * VECTOR
    scratch = p.scratch + 4 * worker * p.scratch_floats
    right = scratch + 4 * (p.scratch_floats - p.at_once * width * padded)
    aside = scratch + 4 * p.matrix
    pixel_step = p.runs * p.run if p.gathered != 0 else p.stride_w * channels
    part = p.parts + 4 * task * p.groups * p.runs * p.rows * padded
    zero(part, p.groups * p.runs * p.rows * padded)
    for block in range(task * p.blocks // p.tasks, (task + 1) * p.blocks // p.tasks):
        line = block * p.at_once
        count = min(p.at_once, p.lines - line)
        pixels = count * width
        for g in range(p.groups):
            for i in range(count):
                gather_line(x, p, line + i, g * channels, channels, scratch + 4 * i * width * pixel_step, aside, pixel_step)
            b = p.g + 4 * line * width * p.g_channels
            if p.plain == 0:
                b = right
                if padded != outputs:
                    zero(b, pixels * padded)
                load_pixels(grad, line * width, pixels, g * outputs, outputs, b, padded)
            for number in range(p.runs):
                target = part + 4 * (g * p.runs + number) * p.rows * padded
                column = 0
                while column < padded:
                    few = p.run <= 3 * FEW_ROWS
                    wide = not few and padded - column >= 2 * VECTOR
                    step = FEW_ROWS if few else GRADIENT_ROWS if wide else 2 * GRADIENT_ROWS
                    for i in range(0, p.run, step):
                        left, sums = scratch + 4 * (number * p.line + i), target + 4 * (i * padded + column)
                        if wide:
                            gradient_tile(left, b + 4 * column, sums, 1, 0, 0, pixels, 1, pixel_step, padded, padded, 1)
                        elif few:
                            few_tile(left, b + 4 * column, sums, 1, 0, 0, pixels, 1, pixel_step, padded, padded, 1)
                        else:
                            narrow_gradient_tile(left, b + 4 * column, sums, 1, 0, 0, pixels, 1, pixel_step, padded, padded, 1)
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
