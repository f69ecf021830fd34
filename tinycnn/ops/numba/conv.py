"""The fast twin of convolution: forward, input gradient and weight gradient as loops around the register tile.

A few output lines (all ow of an n, od, oh) at a time. What they look at is copied into a scratch, with zeros where the padding
is, so that the tile sees a plain matrix product: rows are neighbouring output pixels, k runs over the window, columns are output
channels.

    one line    its KD * KH input lines side by side; neighbouring windows share their floats
    gathered    each pixel's window on its own, of as many lines as fill the tile's rows: for narrow images, and for dilation

The input gradient is the same loop: a convolution of grad_output with the kernel flipped, the gradient's lines laid out with
stride - 1 zeros between their pixels. The weight gradient multiplies the same scratch with the lines of grad_output, k running
over their pixels, into a fixed number of partial sums that are added in a fixed order: the bits do not depend on the number of
threads. Only lines are shared out to threads, and every number is one tile's sum, so a row's bits do not depend on its
neighbours either.
"""

import numpy as np
from numba import prange

from tinycnn.ops import numpy as reference
from tinycnn.ops.numba.jit import jit, lift_conv, parallel_jit, run
from tinycnn.ops.numba.tile import (
    GRADIENT_ROWS,
    NARROW_ROWS,
    VECTOR,
    WIDE_ROWS,
    gradient_tile,
    narrow_gradient_tile,
    narrow_tile,
    short_tile,
    wide_tile,
)
from tinycnn.ops.numba.windows import scatter_windows
from tinycnn.ops.shapes import Window

CHUNKS = 32  # of lines, shared out to threads; more than threads, so that a slow one does not hold up the rest
PARTIAL_SUMS = 8  # of the weight gradient
PARTIAL_FLOATS = 1 << 23  # at most, of all partial sums together
IDLE = 0.35  # share of the tile's rows that may be idle before lines are gathered
MOST_LINES = 16
GRADIENT_PIXELS = 12  # over which a tile of the weight gradient sums at least, so that loading and storing it is little beside
SMALL_GROUP = 8  # channels a group below which most of a vector would be idle: those go the NumPy road
NONE = np.empty(0, np.float32)  # no bias
ONE = (1, 1, 1)


def conv(x: np.ndarray, weight: np.ndarray, bias: np.ndarray | None, window: Window, groups: int) -> np.ndarray:
    """See `ops.numpy.conv.conv`."""
    if not _fits(x, weight, groups):
        return reference.conv(x, weight, bias, window, groups)
    size, w = lift_conv(x.shape[1:-1], window)
    y = np.empty((len(x), *w.output, weight.shape[-1]), x.dtype)
    bias = NONE if bias is None else np.ascontiguousarray(bias)
    _convolve(_lifted(x, size), _matrix(weight, groups), bias, y, w.kernel, w.stride, w.dilation, w.before, ONE)
    return y.reshape(len(x), *window.output_size(x.shape[1:-1]), weight.shape[-1])


def conv_backward(
    grad_output: np.ndarray,
    x: np.ndarray,
    weight: np.ndarray,
    window: Window,
    groups: int,
    wants_input: bool = True,
    wants_bias: bool = True,
) -> tuple[np.ndarray | None, np.ndarray, np.ndarray | None]:
    """See `ops.numpy.conv.conv_backward`."""
    if not _fits(x, weight, groups):
        return reference.conv_backward(grad_output, x, weight, window, groups, wants_input, wants_bias, scatter_windows)
    size, w = lift_conv(x.shape[1:-1], window)
    grad = _lifted(grad_output, w.output)
    grad_input = _input_gradient(grad, weight, size, w, groups).reshape(x.shape) if wants_input else None
    grad_bias = grad.sum(axis=(0, 1, 2, 3)) if wants_bias else None
    return grad_input, _weight_gradient(_lifted(x, size), grad, weight, w, groups), grad_bias


def _input_gradient(grad, weight, size, w, groups):
    channels = weight.shape[-2] * groups
    grad_input = np.empty((len(grad), *size, channels), grad.dtype)
    before = tuple((k - 1) * d - b for k, d, b in zip(w.kernel, w.dilation, w.before, strict=True))
    flipped = weight[tuple(slice(None, None, -1) for _ in weight.shape[:-2])]
    # In each group inputs become outputs: (KH, KW, C/G, G, OC/G) -> (KH, KW, OC/G, G, C/G).
    turned = np.moveaxis(flipped.reshape(*weight.shape[:-1], groups, -1), (-3, -2, -1), (-1, -2, -3))
    matrix = _matrix(turned.reshape(*weight.shape[:-2], weight.shape[-1] // groups, channels), groups)
    _convolve(grad, matrix, NONE, grad_input, w.kernel, ONE, w.dilation, before, w.stride)
    return grad_input


def _convolve(x, matrix, bias, y, kernel, stride, dilation, before, spread):
    width, lines = y.shape[3], 1
    while _round_up(lines * width, WIDE_ROWS) > (1 + IDLE) * lines * width and lines < MOST_LINES:
        lines += 1
    gathered = lines > 1 or dilation[2] > 1
    run(_conv, x, matrix, bias, y, kernel, stride, dilation, before, spread, lines, gathered, CHUNKS)


def _weight_gradient(x, grad, weight, w, groups):
    lines = -(-GRADIENT_PIXELS // w.output[2])
    gathered = lines > 1 or w.dilation[2] > 1
    taps, outputs = w.kernel[0] * w.kernel[1], weight.shape[-1] // groups
    runs = 1 if gathered else taps
    run_length = taps * w.kernel[2] * weight.shape[-2] // runs
    rows, columns = _round_up(run_length, 2 * GRADIENT_ROWS), _round_up(outputs, VECTOR)
    count = max(2, min(PARTIAL_SUMS, PARTIAL_FLOATS // (groups * runs * rows * columns)))
    parts = np.zeros((count, groups, runs, rows, columns), x.dtype)
    run(_weight_gradient_parts, x, grad, parts, w.kernel, w.stride, w.dilation, w.before, lines, gathered)
    total = parts[0]
    for part in parts[1:]:
        total += part
    return np.moveaxis(total[:, :, :run_length, :outputs], 0, 2).reshape(weight.shape)


def _lifted(x: np.ndarray, size: tuple[int, int, int]) -> np.ndarray:
    """x (N, ..., C) as a contiguous (N, D, H, W, C)."""
    return np.ascontiguousarray(x).reshape(len(x), *size, x.shape[-1])


def _fits(x: np.ndarray, weight: np.ndarray, groups: int) -> bool:
    of_group = min(weight.shape[-2], weight.shape[-1] // groups)  # either may be a vector's columns: forward, or backward
    return x.dtype == weight.dtype == np.float32 and (groups == 1 or of_group >= SMALL_GROUP)


def _matrix(weight: np.ndarray, groups: int) -> np.ndarray:
    """(G, KD*KH*KW*C/G, OC/G), the columns filled up with zeros to whole vectors."""
    outputs = weight.shape[-1] // groups
    matrix = np.zeros((groups, weight.size // weight.shape[-1], _round_up(outputs, VECTOR)), weight.dtype)
    matrix[:, :, :outputs] = weight.reshape(-1, groups, outputs).swapaxes(0, 1)
    return matrix


def _round_up(count: int, step: int) -> int:
    return -(-count // step) * step


@jit
def _layout(pixels, taps, channels, kernel, stride, gathered):
    """How the scratch is laid out: (its floats, floats from one kernel line to the next, floats from one pixel to the next)."""
    if gathered:
        return pixels * taps * kernel[2] * channels, kernel[2] * channels, taps * kernel[2] * channels
    line = ((pixels - 1) * stride[2] + kernel[2]) * channels
    return taps * line, line, stride[2] * channels


@jit
def _fill(
    scratch, x, line, width, out, first, channels, kernel, stride, dilation, before, spread, gathered, at, line_step, pixel_step
):
    """Copy what output line number `line` looks at, channels `first` and on, into the scratch from pixel `at` on.

    What lies in the padding beside a line, or between the pixels of a spread input, was zero from the start and is never written.
    """
    n, od, oh = line // (out[0] * out[1]), line // out[1] % out[0], line % out[1]
    depth, height, in_width = x.shape[1], x.shape[2], x.shape[3]
    run_length = kernel[2] * channels
    for kd in range(kernel[0]):
        d = od * stride[0] + kd * dilation[0] - before[0]
        for kh in range(kernel[1]):
            h = oh * stride[1] + kh * dilation[1] - before[1]
            start = at * pixel_step + (kd * kernel[1] + kh) * line_step
            inside = d >= 0 and h >= 0 and d % spread[0] == 0 and h % spread[1] == 0
            if not inside or d // spread[0] >= depth or h // spread[1] >= height:
                if gathered:
                    for ow in range(width):
                        scratch[start + ow * pixel_step : start + ow * pixel_step + run_length] = 0
                else:
                    scratch[start : start + line_step] = 0
                continue
            source = x[n, d // spread[0], h // spread[1]]
            if not gathered:
                _fill_line(scratch, start, line_step, source, first, channels, before[2], spread[2])
                continue
            if dilation[2] == 1 and spread[2] == 1 and channels == x.shape[4]:  # a window's run is one run of the input
                pixels = source.reshape(-1)
                for ow in range(width):
                    w = ow * stride[2] - before[2]
                    low, high = max(w, 0) * channels, min(w + kernel[2], in_width) * channels
                    to = start + ow * pixel_step - w * channels
                    if low < high:
                        scratch[to + low : to + high] = pixels[low:high]
                continue
            for ow in range(width):
                to = start + ow * pixel_step
                for kw in range(kernel[2]):
                    w = ow * stride[2] + kw * dilation[2] - before[2]
                    if w >= 0 and w % spread[2] == 0 and w // spread[2] < in_width:
                        pixel = source[w // spread[2]]
                        for c in range(channels):
                            scratch[to + kw * channels + c] = pixel[first + c]


@jit
def _fill_line(scratch, start, floats, source, first, channels, before, spread):
    """One input line as it is, its padding in front."""
    width = source.shape[0]
    if spread == 1 and channels == source.shape[1]:
        skip = max(0, -before)
        pixels = source[skip : max(skip, min(width, floats // channels - before))].reshape(-1)
        to = start + (before + skip) * channels
        scratch[to : to + len(pixels)] = pixels
        return
    for w in range(width):
        p = w * spread + before
        if 0 <= p * channels < floats:
            for c in range(channels):
                scratch[start + p * channels + c] = source[w, first + c]


@parallel_jit
def _conv(x, matrix, bias, y, kernel, stride, dilation, before, spread, at_once, gathered, chunks):
    groups, length, padded = matrix.shape
    width, outputs = y.shape[3], y.shape[4]
    out = (y.shape[1], y.shape[2])
    channels, group_outputs = x.shape[4] // groups, outputs // groups
    lines, taps = len(y) * out[0] * out[1], kernel[0] * kernel[1]
    blocks = -(-lines // at_once)
    most = -(-at_once * width // NARROW_ROWS) * NARROW_ROWS  # the last tile may look at more pixels than there are
    floats, line_step, pixel_step = _layout(most, taps, channels, kernel, stride, gathered)
    # k as the tile runs over it: `outer` runs of `inner` contiguous floats.
    outer, inner = (1, length) if gathered else (taps, length // taps)
    flat = y.reshape(lines * width, outputs)
    b, c = matrix.ctypes.data, y.ctypes.data
    for chunk in prange(chunks):
        scratch = np.zeros(floats, np.float32)
        spare = np.empty((NARROW_ROWS, 2 * VECTOR), np.float32)
        a, aside = scratch.ctypes.data, spare.ctypes.data
        for block_number in range(chunk * blocks // chunks, (chunk + 1) * blocks // chunks):
            line = block_number * at_once
            pixels = min(at_once, lines - line) * width
            for g in range(groups):
                for i in range(pixels // width):
                    _fill(
                        scratch, x, line + i, width, out, g * channels, channels, kernel, stride, dilation, before, spread,
                        gathered, i * width, line_step, pixel_step,
                    )  # fmt: skip
                oc = 0
                while oc < padded:
                    wide = padded - oc >= 2 * VECTOR
                    block = 2 * VECTOR if wide else VECTOR
                    narrow = not wide and -(-pixels // NARROW_ROWS) * NARROW_ROWS <= -(-pixels // WIDE_ROWS) * WIDE_ROWS
                    rows = NARROW_ROWS if narrow else WIDE_ROWS
                    direct = pixels >= rows and oc + block <= group_outputs
                    weight = b + 4 * (g * length * padded + oc)
                    for start in range(0, pixels, rows):
                        w = min(start, pixels - rows) if direct else start  # the last tile overlaps instead of shrinking
                        left = a + 4 * w * pixel_step
                        target = c + 4 * ((line * width + w) * outputs + g * group_outputs + oc) if direct else aside
                        step = outputs if direct else 2 * VECTOR
                        across = inner * padded
                        if wide:
                            wide_tile(left, weight, target, outer, line_step, across, inner, pixel_step, 1, padded, step, 0)
                        elif narrow:
                            narrow_tile(left, weight, target, outer, line_step, across, inner, pixel_step, 1, padded, step, 0)
                        else:
                            short_tile(left, weight, target, outer, line_step, across, inner, pixel_step, 1, padded, step, 0)
                        if not direct:
                            for i in range(min(rows, pixels - w)):
                                for j in range(min(block, group_outputs - oc)):
                                    flat[line * width + w + i, g * group_outputs + oc + j] = spare[i, j]
                    oc += block
            if len(bias):
                for i in range(line * width, line * width + pixels):
                    for oc in range(outputs):
                        flat[i, oc] += bias[oc]


@parallel_jit
def _weight_gradient_parts(x, grad, parts, kernel, stride, dilation, before, at_once, gathered):
    """parts (T, G, runs, rows, columns >= OC/G): part t sums over its own share of the lines.

    Gathered, the window is one run of KD*KH*KW*C/G floats; else it is KD*KH runs of KW*C/G. `rows` rounds that length up.
    """
    width, outputs = grad.shape[3], grad.shape[4]
    out = (grad.shape[1], grad.shape[2])
    count, groups, runs, rows, padded = parts.shape
    channels, group_outputs = x.shape[4] // groups, outputs // groups
    lines, taps = len(grad) * out[0] * out[1], kernel[0] * kernel[1]
    blocks = -(-lines // at_once)
    floats, line_step, pixel_step = _layout(at_once * width, taps, channels, kernel, stride, gathered)
    run_length = taps * kernel[2] * channels // runs
    one = (1, 1, 1)
    direct = padded == outputs  # one group of whole vectors: the tile can read grad itself
    flat = grad.reshape(lines * width, outputs)
    p, whole = parts.ctypes.data, grad.ctypes.data
    for t in prange(count):
        # A tile reads up to `rows` floats of a window of run_length: of the last one, past the end.
        scratch = np.zeros(floats + rows, np.float32)
        right = np.zeros((at_once * width, padded), np.float32)
        a = scratch.ctypes.data
        for block_number in range(t * blocks // count, (t + 1) * blocks // count):
            line = block_number * at_once
            pixels = min(at_once, lines - line) * width
            for g in range(groups):
                for i in range(pixels // width):
                    _fill(
                        scratch, x, line + i, width, out, g * channels, channels, kernel, stride, dilation, before, one,
                        gathered, i * width, line_step, pixel_step,
                    )  # fmt: skip
                if direct:
                    b = whole + 4 * line * width * outputs
                else:
                    for i in range(pixels):
                        for oc in range(group_outputs):
                            right[i, oc] = flat[line * width + i, g * group_outputs + oc]
                    b = right.ctypes.data
                for number in range(runs):
                    target = p + 4 * ((t * groups + g) * runs + number) * rows * padded
                    oc = 0
                    while oc < padded:
                        wide = padded - oc >= 2 * VECTOR
                        step = GRADIENT_ROWS if wide else 2 * GRADIENT_ROWS
                        for i in range(0, run_length, step):
                            left, sums = a + 4 * (number * line_step + i), target + 4 * (i * padded + oc)
                            if wide:
                                gradient_tile(left, b + 4 * oc, sums, 1, 0, 0, pixels, 1, pixel_step, padded, padded, 1)
                            else:
                                narrow_gradient_tile(left, b + 4 * oc, sums, 1, 0, 0, pixels, 1, pixel_step, padded, padded, 1)
                        oc += 2 * VECTOR if wide else VECTOR
