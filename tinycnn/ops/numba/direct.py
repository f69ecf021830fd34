"""The direct convolution kernel: forward, and the gradient of the input, as loops around the register tile.

A few output lines (all ow of an n, od, oh) at a time. What they look at is copied into a scratch, with zeros where the padding
is, so that the tile sees a plain matrix product: rows are neighbouring output pixels, k runs over the window, columns are output
channels.

    one line    its KD * KH input lines side by side; neighbouring windows share their floats, and the next output line finds
                most of its input lines already there
    gathered    each pixel's window on its own, of as many lines as fill the tile's rows: for narrow images, and for dilation
    images      small ones whole, side by side: rows are images, and the same window of all is multiplied at a time, without its
                taps beyond the border (of a 3 x 3 window over 3 x 3 pixels, 32 of 81)

The input gradient is the same loop: a convolution of grad_output with the kernel flipped, the gradient's lines laid out with
stride - 1 zeros between their pixels. Only lines are shared out, and every number is one tile's sum, so a row's bits do not
depend on its neighbours.
"""

from __future__ import annotations

from math import prod
from typing import NamedTuple

from numba import carray

from tinycnn.ops.numba.kernel import Lent, Step, floats_at, helper, kernel, tasks_for
from tinycnn.ops.numba.lift import GEOMETRY, Lifted
from tinycnn.ops.numba.lines import END, End, Source, begin, end_of, finish, load_line, load_pixels, source_fields, x_of
from tinycnn.ops.numba.passes import copy_rows
from tinycnn.ops.numba.tiles import MOST_ROWS, PANEL, covered, multiply, tile_height
from tinycnn.ops.numba.vectors import VECTOR

LINE, GATHERED, IMAGES = range(3)  # see above
SLOTS = 4  # windows' worth of lines, which output lines find there before the first are loaded again
MOST_LINES = 16  # gathered at once
MOST_IMAGES = 16  # whose pixels are a tile's rows
LARGEST_IMAGE = 49  # pixels: a larger one has few windows that reach over its border
MOVED = 4  # gathering a window costs this share of one output channel's multiplications: a load and a store, measured


class Cut(NamedTuple):
    """How the lines of an output are taken: so many at once, in one of the ways above."""

    way: int
    at_once: int


def conv_steps(source: Source, weight, packed, y, end: End, w: Lifted, groups: int, turned: bool = False) -> list[Step]:
    """y = the convolution of a source (N, D, H, W, C) with weight (KD, KH, KW, C / groups, OC), `turned` for the input gradient.

    Then w is `Lifted.turned()` of forward's, and weight still forward's. `packed` has room for `packed_floats`.
    """
    batch, lines = y.shape[0], y.shape[0] * w.output[0] * w.output[1]
    channels, outputs = source.array.shape[-1] // groups, y.shape[-1] // groups
    cut, tasks = _cut(batch, w, outputs), conv_tasks(batch, w, outputs)
    way, at_once = cut
    pixels, slots, aside = at_once * w.output[2], 0, 0
    reach = (w.kernel[2] - 1) * w.dilation[2] + 1
    if way == LINE:
        line = (pixels + MOST_ROWS - 1) * w.stride[2] * channels + reach * channels
        if groups == w.kernel[0] == w.dilation[1] == 1 and w.stride[1] < w.kernel[1]:
            slots = SLOTS * w.kernel[1]
        matrix = max(slots, w.kernel[0] * w.kernel[1]) * line
    elif way == GATHERED:
        line = (w.output[2] - 1) * w.stride[2] * channels + reach * channels
        matrix, aside = (pixels + MOST_ROWS) * w.taps() * channels, w.kernel[0] * w.kernel[1] * line
    else:
        line = apart(prod(w.size) * channels)
        matrix = (at_once // w.output[1] + MOST_ROWS) * line
    scratch = Lent(matrix + aside + MOST_ROWS * PANEL)
    pack = pack_weight(
        w.taps(), weight=weight, packed=packed, taps=w.taps(), inputs=channels, outputs=outputs, groups=groups,
        panel=PANEL, turned=int(turned),
    )  # fmt: skip
    return [
        pack,
        convolve(
            tasks, **source.fields("x"), **end.fields(y), **w.fields(), tasks=tasks, blocks=-(-lines // at_once), lines=lines,
            groups=groups, packed=packed, **cut._asdict(), line_floats=line, slots=slots, matrix=matrix, scratch=scratch,
            scratch_floats=scratch.floats,
        ),
    ]  # fmt: skip


def conv_tasks(batch: int, w: Lifted, outputs: int) -> int:
    """Into how many tasks the lines are cut; `outputs` are those of a group."""
    return tasks_for(-(-batch * w.output[0] * w.output[1] // _cut(batch, w, outputs).at_once))


def packed_floats(taps: int, channels: int, outputs: int, groups: int) -> int:
    """Floats of a weight as panels, for channels and outputs of a group."""
    return groups * taps * channels * round_up(outputs, VECTOR)


def round_up(count: int, step: int) -> int:
    """The next multiple of step."""
    return -(-count // step) * step


def apart(floats: int) -> int:
    """So many floats, or a few more: an odd number of cache lines, lest rows a power of two apart share a place in the cache."""
    return (round_up(floats, 16) // 16 | 1) * 16


def _cut(batch: int, w: Lifted, outputs: int) -> Cut:
    """The way that keeps two cores busy for the shortest time, counted in multiplications."""
    lines, width, wide = batch * w.output[0] * w.output[1], w.output[2], outputs > VECTOR

    def cost(cut):
        blocks = -(-lines // cut.at_once)
        multiplied = covered(cut.at_once * width // (prod(w.output) if cut.way == IMAGES else 1), wide)
        if cut.way == IMAGES:
            multiplied *= prod(w.output) * _share_inside(w)
        if cut.way == GATHERED:
            multiplied += cut.at_once * width * MOVED / outputs
        return round((blocks + blocks % 2) * multiplied / (lines * width), 2), cut.at_once

    cuts = [Cut(GATHERED, lines) for lines in range(1, MOST_LINES + 1)]
    if w.dilation[2] == 1:
        cuts.insert(0, Cut(LINE, 1))
        flat = w.size[0] == w.kernel[0] == w.output[0] == prod(w.spread) == 1 and w.before[0] == 0
        if flat and max(prod(w.size), prod(w.output)) <= LARGEST_IMAGE:
            cuts += [Cut(IMAGES, images * w.output[1]) for images in range(1, min(batch, MOST_IMAGES) + 1)]
    return min(cuts, key=cost)


def _share_inside(w: Lifted) -> float:
    """The share of the windows' taps that lie inside the input."""
    inside = 1
    for size, taps, stride, dilation, before, output in zip(*w[:-1], strict=True):
        inside *= sum(0 <= o * stride + k * dilation - before < size for o in range(output) for k in range(taps))
    return inside / (w.taps() * prod(w.output))


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
    f"{source_fields('x')} {END} {GEOMETRY} tasks blocks lines groups packed way at_once line_floats slots matrix "
    "scratch scratch_floats"
)
def convolve(task, worker, p):
    """A share of the output's lines."""
    p = carray(p, 1)[0]
    x = x_of(p)
    end = end_of(p)
    channels, outputs, width = p.x_channels // p.groups, p.outputs // p.groups, p.output_w
    padded = (outputs + VECTOR - 1) // VECTOR * VECTOR
    run = p.kernel_w * channels
    length = p.kernel_d * p.kernel_h * run
    scratch = p.scratch + 4 * worker * p.scratch_floats
    aside, spare = scratch + 4 * p.matrix, scratch + 4 * (p.scratch_floats - MOST_ROWS * PANEL)
    # k as the tile runs over it: `outer` runs, `line_step` apart, of `inner` contiguous floats.
    outer, inner, line_step, row_step = p.kernel_d * p.kernel_h, run, p.line_floats, p.stride_w * channels
    places = 1  # of a window in an image, one after the other, for which the tile's rows are images
    if p.way == GATHERED:
        outer, inner, row_step = 1, length, length
    elif p.way == IMAGES:
        line_step, row_step, places = p.dilation_h * p.size_w * channels, p.line_floats, p.output_h * width
    slot = p.slots  # in the scratch, where the lines begin that the current output line looks at: none is there yet
    begin(end, task)
    for block in range(task * p.blocks // p.tasks, (task + 1) * p.blocks // p.tasks):
        line = block * p.at_once
        count = min(p.at_once, p.lines - line)
        pixels = count * width
        for g in range(p.groups):
            if p.way == IMAGES:
                size = p.size_h * p.size_w
                for i in range(count // p.output_h):
                    image = (line // p.output_h + i) * size
                    load_pixels(x, image, size, g * channels, channels, scratch + 4 * i * p.line_floats, channels)
            else:
                to, known = aside, 0
                if p.way == LINE:
                    slot, known = slot + p.stride_h, p.kernel_h - p.stride_h
                    if line % p.output_h == 0 or slot + p.kernel_h > p.slots:
                        slot = known = 0
                    to = scratch + 4 * slot * p.line_floats
                for i in range(count):  # of LINE's there is one
                    load_lines(x, p, line + i, known, g * channels, channels, to)
                    if p.way == GATHERED:
                        _gather(p, aside, channels, scratch + 4 * i * width * length)
            for place in range(places):
                a, skipped = scratch + 4 * slot * p.line_floats, 0
                if p.way == IMAGES:
                    outer, inner, start, skipped = _taps_inside(p, place, channels)
                    a += 4 * start
                column, all_rows = 0, pixels // places
                while column < padded:
                    columns = PANEL if padded - column >= PANEL else VECTOR
                    b = p.packed + 4 * (length * (g * padded + column) + skipped * columns)
                    start = 0
                    while start < all_rows:
                        rows = tile_height(all_rows - start, columns == PANEL)
                        fits = all_rows >= rows and column + columns <= outputs
                        first = min(start, all_rows - rows) if fits else start  # the last tile overlaps instead of shrinking
                        y = p.y + 4 * ((line * width + place + first * places) * p.outputs + g * outputs + column)
                        target, step = (y, places * p.outputs) if fits else (spare, columns)
                        left = a + 4 * first * row_step
                        multiply(rows, columns, left, b, target, outer, line_step, run * columns, inner, row_step, step)
                        if not fits:
                            few = min(columns, outputs - column)
                            copy_rows(min(rows, all_rows - first), few, spare, columns, y, places * p.outputs)
                        start += rows
                    column += columns
        finish(end, task, line * width, pixels)


@helper
def _taps_inside(p, place, channels):
    """For the window at a place of an image: its lines and floats a line inside the image, where they begin there, and in k."""
    h, w = place // p.output_w * p.stride_h - p.before_h, place % p.output_w * p.stride_w - p.before_w
    kh, kw = max(0, (p.dilation_h - 1 - h) // p.dilation_h), max(0, -w)
    lines = min(p.kernel_h, (p.size_h - h + p.dilation_h - 1) // p.dilation_h) - kh
    floats = (min(p.kernel_w, p.size_w - w) - kw) * channels
    start = ((h + kh * p.dilation_h) * p.size_w + w + kw) * channels
    return max(0, lines), max(0, floats), start, (kh * p.kernel_w + kw) * channels


@helper
def load_lines(x, p, line, known, channel, channels, to):
    """The KD * KH lines that output line number `line` looks at, side by side to an address; the first `known` are there."""
    size, spread = (p.size_d, p.size_h, p.size_w), (p.spread_d, p.spread_h, p.spread_w)
    n, od, oh = line // (p.output_d * p.output_h), line // p.output_h % p.output_d, line % p.output_h
    for number in range(known, p.kernel_d * p.kernel_h):
        d = od * p.stride_d + number // p.kernel_h * p.dilation_d - p.before_d
        h = oh * p.stride_h + number % p.kernel_h * p.dilation_h - p.before_h
        load_line(x, size, spread, n, d, h, p.before_w, channel, channels, to + 4 * number * p.line_floats, p.line_floats)


@helper
def _gather(p, lines, channels, to):
    """The windows of an output line one after the other, from the lines that it looks at."""
    runs = 1 if p.dilation_w == 1 else p.kernel_w  # of contiguous floats, that a window has in one line
    floats = p.kernel_w // runs * channels
    window = p.kernel_d * p.kernel_h * p.kernel_w * channels
    for number in range(p.kernel_d * p.kernel_h * runs):
        source = lines + 4 * (number // runs * p.line_floats + number % runs * p.dilation_w * channels)
        copy_rows(p.output_w, floats, source, p.stride_w * channels, to + 4 * number * floats, window)
