"""The direct convolution kernel: forward, and the gradient of the input, as loops around the register tile.

A few output lines (all ow of an n, od, oh) at a time. What they look at is copied into a scratch, with zeros where the padding
is, so that the tile sees a plain matrix product: rows are neighbouring output pixels, k runs over the window, columns are output
channels.

    one line    its KD * KH input lines side by side; neighbouring windows share their floats, and the next output line finds
                most of its input lines already there
    gathered    each pixel's window on its own, of as many lines as fill the tile's rows: for narrow images, and for dilation

The input gradient is the same loop: a convolution of grad_output with the kernel flipped, the gradient's lines laid out with
stride - 1 zeros between their pixels. Only lines are shared out, and every number is one tile's sum, so a row's bits do not
depend on its neighbours.
"""

from __future__ import annotations

from numba import carray

from tinycnn.ops.numba.kernel import Lent, Step, floats_at, helper, kernel, tasks_for
from tinycnn.ops.numba.lift import GEOMETRY, Lifted
from tinycnn.ops.numba.lines import END, End, Source, begin, end_of, finish, load_line, source_fields, x_of
from tinycnn.ops.numba.passes import copy_rows
from tinycnn.ops.numba.tile import (
    EVEN_ROWS,
    NARROW_EVEN_ROWS,
    NARROW_ROWS,
    VECTOR,
    WIDE_ROWS,
    even_tile,
    narrow_even_tile,
    narrow_tile,
    wide_tile,
)

MOST_LINES = 16  # gathered at once
MOVED = 4  # gathering a window costs this share of one output channel's multiplications: a load and a store, measured
PANEL = 2 * VECTOR  # columns that a tile takes at once


def conv_steps(source: Source, weight, packed, y, end: End, w: Lifted, groups: int, turned: bool = False) -> list[Step]:
    """y = the convolution of a source (N, D, H, W, C) with weight (KD, KH, KW, C / groups, OC), `turned` for the input gradient.

    Then w is `Lifted.turned()` of forward's, and weight still forward's. `packed` has room for `packed_floats`.
    """
    lines = y.shape[0] * w.output[0] * w.output[1]
    channels, outputs = source.array.shape[-1] // groups, y.shape[-1] // groups
    at_once, gathered = _lines_at_once(w, outputs)
    blocks, tasks = -(-lines // at_once), conv_tasks(y.shape[0], w, outputs)
    reach = (w.kernel[2] - 1) * w.dilation[2] + 1
    pixels = at_once * w.output[2] + NARROW_ROWS  # the last tile may look at more pixels than there are
    line = ((w.output[2] if gathered else pixels) - 1) * w.stride[2] * channels + reach * channels
    looked_at = w.kernel[0] * w.kernel[1] * line
    slides = not gathered and groups == w.kernel[0] == w.dilation[1] == 1 and w.stride[1] < w.kernel[1]
    slots = 2 * w.kernel[1] if slides else 0
    matrix = pixels * w.taps() * channels if gathered else max(slots * line, looked_at)
    scratch = Lent(matrix + (looked_at if gathered else 0) + NARROW_ROWS * PANEL)
    pack = pack_weight(
        w.taps(), weight=weight, packed=packed, taps=w.taps(), inputs=channels, outputs=outputs, groups=groups,
        panel=PANEL, turned=int(turned),
    )  # fmt: skip
    return [
        pack,
        convolve(
            tasks, **source.fields("x"), **end.fields(y), **w.fields(), tasks=tasks, blocks=blocks, lines=lines, groups=groups,
            packed=packed, at_once=at_once, gathered=int(gathered), line=line, slots=slots, matrix=matrix,
            scratch=scratch, scratch_floats=scratch.floats,
        ),
    ]  # fmt: skip


def conv_tasks(batch: int, w: Lifted, outputs: int) -> int:
    """Into how many tasks the lines are cut; `outputs` are those of a group."""
    return tasks_for(-(-batch * w.output[0] * w.output[1] // _lines_at_once(w, outputs)[0]))


def packed_floats(taps: int, channels: int, outputs: int, groups: int) -> int:
    """Floats of a weight as panels, for channels and outputs of a group."""
    return groups * taps * channels * round_up(outputs, VECTOR)


def round_up(count: int, step: int) -> int:
    """The next multiple of step."""
    return -(-count // step) * step


def tile_rows(rows: int, wide: bool) -> int:
    """The rows that the tiles for so many rows have together."""
    total = 0
    while total < rows:
        total += _tile_height(rows - total, wide)
    return total


def _tile_height(left, wide):
    """The rows of the next tile, with so many left: of a high one and two low ones, whichever leaves fewer idle."""
    high, low = (WIDE_ROWS, EVEN_ROWS) if wide else (NARROW_ROWS, NARROW_EVEN_ROWS)
    return high if left > 2 * low or low < left <= high else low


tile_height = helper(_tile_height)  # for kernels


def _lines_at_once(w: Lifted, outputs: int) -> tuple[int, bool]:
    """One line, or as many gathered ones as leave few of the tile's rows idle, whichever costs less."""
    width = w.output[2]

    def idle(lines):
        return tile_rows(lines * width, outputs > VECTOR) / (lines * width) - 1

    best = min(range(1, MOST_LINES + 1), key=lambda lines: (round(idle(lines), 2), lines))
    if w.dilation[2] == 1 and idle(1) <= idle(best) + MOVED / outputs:
        return 1, False
    return best, True


@kernel("weight packed taps inputs outputs groups panel turned")
def pack_weight(task, worker, p):
    """A tap of the weight (taps, C/G, OC) as panels (G, columns / panel, taps * k, panel): a tile reads one from start to end.

    Columns are outputs and k inputs; `turned`, the other way round and the taps from last to first. Columns are filled up with
    zeros to whole vectors.
    """
    p = carray(p, 1)[0]
    # `inputs` and `outputs` are those of the product: k and columns.
    inputs, outputs = p.inputs, p.outputs
    padded = (outputs + VECTOR - 1) // VECTOR * VECTOR
    of_tap = inputs * outputs
    weight = carray(floats_at(p.weight), p.taps * of_tap * p.groups)
    packed = carray(floats_at(p.packed), p.groups * p.taps * inputs * padded)
    # Strides of the weight, which is (taps, inputs of a group, groups, outputs of a group), or that with both exchanged.
    k_step, column_step, group_step = p.groups * outputs, 1, outputs
    tap = task
    if p.turned != 0:
        k_step, column_step, group_step = 1, p.groups * inputs, inputs
        tap = p.taps - 1 - task
    for g in range(p.groups):
        start = tap * of_tap * p.groups + g * group_step
        for first in range(0, padded, p.panel):
            columns = min(p.panel, padded - first)
            real = min(columns, outputs - first)
            to = g * p.taps * inputs * padded + first * p.taps * inputs + task * inputs * columns
            for k in range(inputs):
                at = start + k * k_step + first * column_step
                for j in range(real):
                    packed[to + j] = weight[at + j * column_step]
                for j in range(real, columns):
                    packed[to + j] = 0
                to += columns


@kernel(
    f"{source_fields('x')} {END} {GEOMETRY} tasks blocks lines groups packed at_once gathered line slots matrix scratch "
    "scratch_floats"
)
def convolve(task, worker, p):
    """A share of the output's lines."""
    p = carray(p, 1)[0]
    x = x_of(p)
    end = end_of(p)
    channels, outputs, width = p.x_channels // p.groups, p.outputs // p.groups, p.output_w
    padded = (outputs + VECTOR - 1) // VECTOR * VECTOR
    length = p.kernel_d * p.kernel_h * p.kernel_w * channels
    scratch = p.scratch + 4 * worker * p.scratch_floats
    aside, spare = scratch + 4 * p.matrix, scratch + 4 * (p.scratch_floats - NARROW_ROWS * PANEL)
    # k as the tile runs over it: `outer` runs of `inner` contiguous floats.
    if p.gathered != 0:
        outer, inner, line_step, pixel_step = 1, length, 0, length
    else:
        outer, inner, line_step, pixel_step = p.kernel_d * p.kernel_h, p.kernel_w * channels, p.line, p.stride_w * channels
    slot = p.slots  # in the scratch, where the lines begin that the current output line looks at: none is there yet
    begin(end, task)
    for block in range(task * p.blocks // p.tasks, (task + 1) * p.blocks // p.tasks):
        line = block * p.at_once
        count = min(p.at_once, p.lines - line)
        pixels = count * width
        for g in range(p.groups):
            if p.gathered != 0:
                for i in range(count):
                    _gather(x, p, line + i, g * channels, channels, scratch + 4 * i * width * pixel_step, aside)
            else:
                slot += p.stride_h
                known = p.kernel_h - p.stride_h
                if line % p.output_h == 0 or slot + p.kernel_h > p.slots:
                    slot = known = 0
                load_lines(x, p, line, known, g * channels, channels, scratch + 4 * slot * p.line)
            column = 0
            while column < padded:
                wide = padded - column >= PANEL
                columns = PANEL if wide else VECTOR
                right = p.packed + 4 * length * (g * padded + column)
                start = 0
                while start < pixels:
                    rows = tile_height(pixels - start, wide)
                    high = rows == WIDE_ROWS or rows == NARROW_ROWS
                    fits = pixels >= rows and column + columns <= outputs
                    first = min(start, pixels - rows) if fits else start  # the last tile overlaps instead of shrinking
                    left = scratch + 4 * (slot * p.line + first * pixel_step)
                    place = p.y + 4 * ((line * width + first) * p.outputs + g * outputs + column)
                    target, step = (place, p.outputs) if fits else (spare, columns)
                    across = inner * columns
                    if wide and high:
                        wide_tile(left, right, target, outer, line_step, across, inner, pixel_step, 1, columns, step, 0)
                    elif wide:
                        even_tile(left, right, target, outer, line_step, across, inner, pixel_step, 1, columns, step, 0)
                    elif high:
                        narrow_tile(left, right, target, outer, line_step, across, inner, pixel_step, 1, columns, step, 0)
                    else:
                        narrow_even_tile(left, right, target, outer, line_step, across, inner, pixel_step, 1, columns, step, 0)
                    if not fits:
                        copy_rows(min(rows, pixels - first), min(columns, outputs - column), spare, columns, place, p.outputs)
                    start += rows
                column += columns
        finish(end, task, line * width, pixels)


@helper
def load_lines(x, p, line, known, first, channels, to):
    """The KD * KH lines that output line number `line` looks at, side by side to an address; the first `known` are there."""
    size, spread = (p.size_d, p.size_h, p.size_w), (p.spread_d, p.spread_h, p.spread_w)
    n, od, oh = line // (p.output_d * p.output_h), line // p.output_h % p.output_d, line % p.output_h
    for number in range(known, p.kernel_d * p.kernel_h):
        d = od * p.stride_d + number // p.kernel_h * p.dilation_d - p.before_d
        h = oh * p.stride_h + number % p.kernel_h * p.dilation_h - p.before_h
        load_line(x, size, spread, n, d, h, p.before_w, first, channels, to + 4 * number * p.line, p.line)


@helper
def _gather(x, p, line, first, channels, to, aside):
    """The windows of output line number `line`, one after the other to an address; `aside` has room for its input lines."""
    load_lines(x, p, line, 0, first, channels, aside)
    pixel, run = p.kernel_d * p.kernel_h * p.kernel_w * channels, p.kernel_w * channels
    for number in range(p.kernel_d * p.kernel_h):
        source, target = aside + 4 * number * p.line, to + 4 * number * run
        if p.dilation_w == 1:
            copy_rows(p.output_w, run, source, p.stride_w * channels, target, pixel)
        else:
            for kw in range(p.kernel_w):
                tap = 4 * kw * channels
                copy_rows(p.output_w, channels, source + tap * p.dilation_w, p.stride_w * channels, target + tap, pixel)
