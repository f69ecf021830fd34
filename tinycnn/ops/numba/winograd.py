"""The kernels of Winograd's convolution: patches are transformed, multiplied on the register tile, and transformed back.

A stripe is a row of patches: four output lines, which look at six input lines. A block of stripes, enough to fill the tile's
rows and few enough for the cache, is transformed to 36 matrices (patches, C); each is multiplied with its own (C, OC).
"""

from __future__ import annotations

from numba import carray

from tinycnn.ops.numba.kernel import Lent, Step, copy, floats_at, helper, kernel, tasks_for, zero
from tinycnn.ops.numba.lift import GEOMETRY, Lifted
from tinycnn.ops.numba.lines import END, End, Source, begin, end_of, finish, g_of, load_line, source_fields, x_of
from tinycnn.ops.numba.passes import add_rows
from tinycnn.ops.numba.tile import EVEN_ROWS, NARROW_EVEN_ROWS, WIDE_ROWS, even_tile, narrow_even_tile
from tinycnn.ops.numba.tiles import MOST_ROWS, PANEL, covered, multiply, tile_height
from tinycnn.ops.numba.vectors import VECTOR
from tinycnn.ops.numba.winograd_transforms import (
    PATCH,
    PRODUCTS,
    REACH,
    to_gradient,
    to_input,
    to_output,
    to_weight,
    to_weight_gradient,
)

BLOCK_FLOATS = 1 << 17  # of a block's transformed patches: half a megabyte, in reach of a core's second cache
FEWEST_PATCHES = 24  # over which the weight gradient's tile sums at least
PARTS, PARTIAL_FLOATS = 8, 5 << 19  # partial sums of the weight gradient, at most, and floats of all of them together
PATCHES_A_PART = 48  # at least: a partial sum over fewer costs more to write and add up than to compute


def winograd_steps(source: Source, weight, transformed, y, end: End, w: Lifted, turned: bool = False) -> list[Step]:
    """As `direct.conv_steps`; `transformed` has room for `transformed_floats`."""
    channels, outputs = source.array.shape[-1], y.shape[-1]
    across, stripes = -(-w.output[2] // PATCH), y.shape[0] * w.output[0] * -(-w.output[1] // PATCH)
    at_once = _stripes_at_once(across, stripes, channels + outputs)
    blocks, patches = -(-stripes // at_once), at_once * across + MOST_ROWS  # room for a last tile that is not full
    tasks = winograd_tasks(y.shape[0], w, channels + outputs)
    line = (PATCH * across + REACH - PATCH) * channels
    scratch = Lent(REACH * line + PRODUCTS * patches * (channels + outputs) + PATCH * PATCH * outputs)
    return [
        transform_weight(
            min(channels, 16), tasks=min(channels, 16), weight=weight, transformed=transformed, inputs=channels, outputs=outputs,
            turned=int(turned), scratch=(lent := Lent(9 * outputs)), scratch_floats=lent.floats,
        ),
        convolve_patches(
            tasks, **source.fields("x"), **end.fields(y), **w.fields(), tasks=tasks, blocks=blocks, stripes=stripes,
            at_once=at_once, across=across, patches=patches, line_floats=line, transformed=transformed, scratch=scratch,
            scratch_floats=scratch.floats,
        ),
    ]  # fmt: skip


def transformed_floats(channels: int, outputs: int) -> int:
    """Floats of a transformed weight."""
    return PRODUCTS * channels * outputs


def winograd_gradient_steps(x: Source, grad: Source, grad_weight, parts, w: Lifted) -> list[Step]:
    """As `weight_gradient.weight_gradient_steps`."""
    channels, outputs = x.array.shape[-1], grad.array.shape[-1]
    across, stripes = -(-w.output[2] // PATCH), x.array.shape[0] * w.output[0] * -(-w.output[1] // PATCH)
    at_once = max(1, -(-FEWEST_PATCHES // across))
    patches, parted = at_once * across, product_parts(x.array.shape[0], w, channels, outputs)
    line, grad_line = (PATCH * across + REACH - PATCH) * channels, PATCH * across * outputs
    scratch = Lent(max(REACH * line, PATCH * grad_line) + PRODUCTS * patches * (channels + outputs))
    return [
        multiply_patches(
            parted, **x.fields("x"), **grad.fields("g"), **w.fields(), tasks=parted, blocks=-(-stripes // at_once),
            stripes=stripes, at_once=at_once, across=across, patches=patches, line_floats=line, grad_floats=grad_line,
            parts=parts, scratch=scratch, scratch_floats=scratch.floats,
        ),
        add_products(
            min(channels, 16), tasks=min(channels, 16), parts=parts, count=parted, inputs=channels, outputs=outputs,
            total=grad_weight,
        ),
    ]  # fmt: skip


def product_parts(batch: int, w: Lifted, channels: int, outputs: int) -> int:
    """How many partial sums there are, each of `product_floats`."""
    patches = batch * w.output[0] * -(-w.output[1] // PATCH) * -(-w.output[2] // PATCH)
    most = max(2, min(PARTS, patches // PATCHES_A_PART, PARTIAL_FLOATS // product_floats(channels, outputs)))
    return 1 << most.bit_length() - 1  # equal shares for two, four or eight threads


def product_floats(channels: int, outputs: int) -> int:
    """Floats of the 36 products."""
    return PRODUCTS * channels * outputs


def winograd_tasks(batch: int, w: Lifted, channels: int) -> int:
    """Into how many tasks the stripes of an output are cut; `channels` are those of input and output together."""
    stripes = batch * w.output[0] * -(-w.output[1] // PATCH)
    return tasks_for(-(-stripes // _stripes_at_once(-(-w.output[2] // PATCH), stripes, channels)))


def _stripes_at_once(across: int, stripes: int, channels: int) -> int:
    """So many that few of the tile's rows are idle and two cores end together, while the transformed patches stay in cache."""
    most = min(stripes, max(-(-WIDE_ROWS // across), BLOCK_FLOATS // (PRODUCTS * channels * across)))

    def rows(count):
        """The tiles' rows over all blocks, the number of blocks rounded up to an even one."""
        blocks = -(-stripes // count)
        return (blocks + blocks % 2) * covered(count * across, True)

    return min(range(1, most + 1), key=lambda count: (rows(count), -count))


@kernel("tasks weight transformed inputs outputs turned scratch scratch_floats")
def transform_weight(task, worker, p):
    """G w G^T of a share of the inputs, as (36, columns / panel, inputs, panel); `turned` as for `direct.pack_weight`."""
    p = carray(p, 1)[0]
    inputs, outputs = p.inputs, p.outputs
    of_tap = inputs * outputs
    rows = p.scratch + 4 * worker * p.scratch_floats
    near, weight = carray(floats_at(rows), 9 * outputs), carray(floats_at(p.weight), 9 * of_tap)
    for k in range(task * inputs // p.tasks, (task + 1) * inputs // p.tasks):
        source, step = p.weight + 4 * k * outputs, of_tap
        if p.turned != 0:
            source, step = rows, outputs
            for tap in range(9):
                start = (8 - tap) * of_tap + k
                for j in range(outputs):
                    near[tap * outputs + j] = weight[start + j * inputs]
        for j in range(0, outputs, VECTOR):
            panel = j // PANEL * PANEL
            columns = min(PANEL, outputs - panel)
            target = p.transformed + 4 * (panel * inputs + k * columns + j - panel)
            to_weight(source + 4 * j, 3 * step, step, target, REACH * of_tap, of_tap)


@helper
def _transform_stripe(x, p, stripe, channels, lines, at):
    """Load the six lines that a stripe looks at, and transform its patches, to an address; returns where the next belongs."""
    down, size = (p.output_h + PATCH - 1) // PATCH, (p.size_d, p.size_h, p.size_w)
    n, od, oh = stripe // (down * p.output_d), stripe // down % p.output_d, stripe % down * PATCH
    for i in range(REACH):
        to = lines + 4 * i * p.line_floats
        load_line(x, size, (1, 1, 1), n, od, oh + i - p.before_h, p.before_w, 0, channels, to, p.line_floats)
    for patch in range(p.across):
        for c in range(0, channels, VECTOR):
            source = lines + 4 * (patch * PATCH * channels + c)
            to_input(source, p.line_floats, channels, at + 4 * c, REACH * p.patches * channels, p.patches * channels)
        at += 4 * channels
    return at


@kernel(
    f"{source_fields('x')} {END} {GEOMETRY} tasks blocks stripes at_once across patches line_floats transformed scratch "
    "scratch_floats"
)
def convolve_patches(task, worker, p):
    """A share of the stripes."""
    p = carray(p, 1)[0]
    x = x_of(p)
    end = end_of(p)
    channels, outputs, down = p.x_channels, p.outputs, (p.output_h + PATCH - 1) // PATCH
    lines = p.scratch + 4 * worker * p.scratch_floats
    left = lines + 4 * REACH * p.line_floats
    products = left + 4 * PRODUCTS * p.patches * channels
    spare = products + 4 * PRODUCTS * p.patches * outputs
    begin(end, task)
    for block in range(task * p.blocks // p.tasks, (task + 1) * p.blocks // p.tasks):
        first, last = block * p.at_once, min((block + 1) * p.at_once, p.stripes)
        count = (last - first) * p.across
        at = left
        for stripe in range(first, last):
            at = _transform_stripe(x, p, stripe, channels, lines, at)
        for f in range(PRODUCTS):
            for column in range(0, outputs, PANEL):
                columns = min(PANEL, outputs - column)
                a, b = left + 4 * f * p.patches * channels, p.transformed + 4 * (f * outputs + column) * channels
                c = products + 4 * (f * p.patches * outputs + column)
                row = 0
                while row < count:
                    rows = tile_height(count - row, columns == PANEL)
                    i, j = a + 4 * row * channels, c + 4 * row * outputs
                    multiply(rows, columns, i, b, j, 1, 0, 0, channels, channels, outputs)
                    row += rows
        at = products
        for stripe in range(first, last):
            od, oh = stripe // down, stripe % down * PATCH  # od counts on over the batch
            high = min(PATCH, p.output_h - oh)
            pixel = (od * p.output_h + oh) * p.output_w
            for patch in range(p.across):
                ow = patch * PATCH
                wide = min(PATCH, p.output_w - ow)
                y = p.y + 4 * (pixel + ow) * outputs
                whole = high == PATCH and wide == PATCH
                target, step = (y, p.output_w) if whole else (spare, PATCH)
                for c in range(0, outputs, VECTOR):
                    source = at + 4 * c
                    to_output(source, REACH * p.patches * outputs, p.patches * outputs, target + 4 * c, step * outputs, outputs)
                if not whole:
                    for i in range(high):
                        copy(y + 4 * i * p.output_w * outputs, spare + 4 * i * PATCH * outputs, wide * outputs)
                at += 4 * outputs
            finish(end, task, pixel, high * p.output_w)


@kernel(
    f"{source_fields('x')} {source_fields('g')} {GEOMETRY} tasks blocks stripes at_once across patches line_floats grad_floats "
    "parts scratch scratch_floats"
)
def multiply_patches(task, worker, p):
    """One partial sum of the 36 products, (36, C, OC): over a share of the stripes."""
    p = carray(p, 1)[0]
    x = x_of(p)
    grad = g_of(p)
    channels, outputs, down = p.x_channels, p.g_channels, (p.output_h + PATCH - 1) // PATCH
    out, one = (p.output_d, p.output_h, p.output_w), (1, 1, 1)
    lines = p.scratch + 4 * worker * p.scratch_floats
    right = p.scratch + 4 * ((worker + 1) * p.scratch_floats - PRODUCTS * p.patches * outputs)
    left = right - 4 * PRODUCTS * p.patches * channels
    part = p.parts + 4 * task * PRODUCTS * channels * outputs
    start, stop = task * p.blocks // p.tasks, (task + 1) * p.blocks // p.tasks
    if start == stop:
        zero(part, PRODUCTS * channels * outputs)
    for block in range(start, stop):
        more = int(block > start)  # the first block's products replace what was there
        first, last = block * p.at_once, min((block + 1) * p.at_once, p.stripes)
        count = (last - first) * p.across
        at, to = left, right
        for stripe in range(first, last):
            at = _transform_stripe(x, p, stripe, channels, lines, at)
            n, od, oh = stripe // (down * p.output_d), stripe // down % p.output_d, stripe % down * PATCH
            for i in range(PATCH):
                load_line(grad, out, one, n, od, oh + i, 0, 0, outputs, lines + 4 * i * p.grad_floats, p.grad_floats)
            for patch in range(p.across):
                for c in range(0, outputs, VECTOR):
                    source = lines + 4 * (patch * PATCH * outputs + c)
                    to_gradient(source, p.grad_floats, outputs, to + 4 * c, REACH * p.patches * outputs, p.patches * outputs)
                to += 4 * outputs
        for f in range(PRODUCTS):
            a, b = left + 4 * f * p.patches * channels, right + 4 * f * p.patches * outputs
            c = part + 4 * f * channels * outputs
            column = 0
            while column < outputs:
                wide = outputs - column >= PANEL
                step = EVEN_ROWS if wide else NARROW_EVEN_ROWS
                for i in range(0, channels, step):
                    target = c + 4 * (i * outputs + column)
                    if wide:
                        even_tile(a + 4 * i, b + 4 * column, target, 1, 0, 0, count, 1, channels, outputs, outputs, more)
                    else:
                        narrow_even_tile(a + 4 * i, b + 4 * column, target, 1, 0, 0, count, 1, channels, outputs, outputs, more)
                column += PANEL if wide else VECTOR


@kernel("tasks parts count inputs outputs total")
def add_products(task, worker, p):
    """G^T (the sum of the parts) G, as the weight's gradient (3, 3, C, OC), for a share of the inputs."""
    p = carray(p, 1)[0]
    of_tap = p.inputs * p.outputs
    first, end = task * p.inputs // p.tasks, (task + 1) * p.inputs // p.tasks
    floats = (end - first) * p.outputs
    start = 4 * first * p.outputs
    for f in range(PRODUCTS):  # in the order of memory: its rows lie far apart
        total = p.parts + 4 * f * of_tap + start
        for t in range(1, p.count):
            part = total + 4 * t * PRODUCTS * of_tap
            add_rows(floats // VECTOR, VECTOR, total, VECTOR, part, VECTOR, total, VECTOR)
    for j in range(0, floats, VECTOR):
        to_weight_gradient(p.parts + start + 4 * j, REACH * of_tap, of_tap, p.total + start + 4 * j, 3 * of_tap, of_tap)
