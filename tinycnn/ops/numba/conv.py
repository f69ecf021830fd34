"""The fast twin of convolution: forward, input gradient and weight gradient as loops around the register tile.

One output line (all ow of one n, od, oh) at a time. The KD * KH input lines that it looks at are copied side by side into a
scratch, with zeros where the padding is, so that every window is KD * KH runs of KW * C contiguous floats, and the tile sees a
plain matrix product: rows are neighbouring output pixels, k runs over the window, columns are output channels.

The input gradient is the same loop: a convolution of grad_output with the kernel flipped, the gradient's lines laid out with
stride - 1 zeros between their pixels. The weight gradient multiplies the same scratch with a line of grad_output, k running over
its pixels, into a fixed number of partial sums that are added in a fixed order: the bits do not depend on the number of threads.

Only lines are shared out to threads, and every number is one tile's sum, so a row's bits do not depend on its neighbours either.
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
NONE = np.empty(0, np.float32)  # no bias
SMALL_GROUP = 8  # output channels a group below which most of a vector would be idle: those go the NumPy road


def conv(x: np.ndarray, weight: np.ndarray, bias: np.ndarray | None, window: Window, groups: int) -> np.ndarray:
    """See `ops.numpy.conv.conv`."""
    if not _fits(x, weight, groups):
        return reference.conv(x, weight, bias, window, groups)
    size, geometry = lift_conv(x.shape[1:-1], window)
    y = np.empty((len(x), *window.output_size(x.shape[1:-1]), weight.shape[-1]), x.dtype)
    lifted = np.ascontiguousarray(x).reshape(len(x), *size, x.shape[-1])
    out = y.reshape(len(x), *geometry.output, weight.shape[-1])
    matrix = _matrix(weight, groups)
    offsets = NONE if bias is None else np.ascontiguousarray(bias)
    run(
        _conv,
        lifted,
        matrix,
        offsets,
        out,
        geometry.kernel,
        geometry.stride,
        geometry.dilation,
        geometry.before,
        (1, 1, 1),
        CHUNKS,
    )
    return y


def conv_backward(
    grad_output: np.ndarray, x: np.ndarray, weight: np.ndarray, window: Window, groups: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """See `ops.numpy.conv.conv_backward`."""
    if not _fits(x, weight, groups) or not _fits(x, weight.swapaxes(-1, -2), 1):
        return reference.conv_backward(grad_output, x, weight, window, groups, scatter=scatter_windows)
    size, geometry = lift_conv(x.shape[1:-1], window)
    grad = np.ascontiguousarray(grad_output).reshape(len(x), *geometry.output, weight.shape[-1])
    lifted = np.ascontiguousarray(x).reshape(len(x), *size, x.shape[-1])
    grad_bias = grad_output.sum(axis=tuple(range(grad_output.ndim - 1)))
    return (
        _input_gradient(grad, weight, x.shape, size, geometry, groups),
        _weight_gradient(lifted, grad, weight, geometry, groups),
        grad_bias,
    )


def _input_gradient(grad, weight, shape, size, geometry, groups):
    grad_input = np.empty((shape[0], *size, shape[-1]), grad.dtype)
    before = tuple((k - 1) * d - b for k, d, b in zip(geometry.kernel, geometry.dilation, geometry.before, strict=True))
    flipped = weight[tuple(slice(None, None, -1) for _ in weight.shape[:-2])]
    # Of each group: inputs become outputs. (KH, KW, C/G, G, OC/G) -> (KH, KW, OC/G, G, C/G).
    split = flipped.reshape(*weight.shape[:-1], groups, -1)
    turned = np.moveaxis(split, (-3, -2, -1), (-1, -2, -3))
    matrix = _matrix(turned.reshape(*weight.shape[:-2], weight.shape[-1] // groups, shape[-1]), groups)
    one = (1, 1, 1)
    run(_conv, grad, matrix, NONE, grad_input, geometry.kernel, one, geometry.dilation, before, geometry.stride, CHUNKS)
    return grad_input.reshape(shape)


def _weight_gradient(x, grad, weight, geometry, groups):
    taps, outputs = geometry.kernel[0] * geometry.kernel[1], weight.shape[-1] // groups
    run_length = geometry.kernel[2] * weight.shape[-2]
    rows, columns = _round_up(run_length, 2 * GRADIENT_ROWS), _round_up(outputs, VECTOR)
    floats = groups * taps * rows * columns
    parts = np.zeros((max(2, min(PARTIAL_SUMS, PARTIAL_FLOATS // floats)), groups, taps, rows, columns), x.dtype)
    run(_weight_gradient_parts, x, grad, parts, geometry.kernel, geometry.stride, geometry.dilation, geometry.before)
    total = parts[0]
    for part in parts[1:]:
        total += part
    return np.moveaxis(total[:, :, :run_length, :outputs], 0, 2).reshape(weight.shape)


def _fits(x: np.ndarray, weight: np.ndarray, groups: int) -> bool:
    return x.dtype == weight.dtype == np.float32 and (groups == 1 or weight.shape[-1] // groups >= SMALL_GROUP)


def _matrix(weight: np.ndarray, groups: int) -> np.ndarray:
    """(G, KD*KH*KW*C/G, OC/G), the columns filled up with zeros to whole vectors."""
    outputs = weight.shape[-1] // groups
    matrix = np.zeros((groups, weight.size // weight.shape[-1], _round_up(outputs, VECTOR)), weight.dtype)
    matrix[:, :, :outputs] = weight.reshape(-1, groups, outputs).swapaxes(0, 1)
    return matrix


def _round_up(count: int, step: int) -> int:
    return -(-count // step) * step


@jit
def _line_layout(columns, channels, kernel, stride, dilation):
    """(floats a scratch line, floats from one output pixel's window to the next's).

    Without dilation, neighbouring windows share their floats; with it, each window is gathered on its own.
    """
    if dilation[2] == 1:
        return ((columns - 1) * stride[2] + kernel[2]) * channels, stride[2] * channels
    return columns * kernel[2] * channels, kernel[2] * channels


@jit
def _fill(scratch, x, n, od, oh, first, channels, columns, kernel, stride, dilation, before, spread):
    """Copy the input lines that output line (n, od, oh) looks at, channels `first` and following, into scratch (taps, floats).

    What lies in the padding, or between the pixels of a spread input, was zero from the start and is never written.
    """
    depth, height, width = x.shape[1], x.shape[2], x.shape[3]
    for kd in range(kernel[0]):
        d = od * stride[0] + kd * dilation[0] - before[0]
        for kh in range(kernel[1]):
            h = oh * stride[1] + kh * dilation[1] - before[1]
            line = scratch[kd * kernel[1] + kh]
            inside = d >= 0 and h >= 0 and d % spread[0] == 0 and h % spread[1] == 0
            if not inside or d // spread[0] >= depth or h // spread[1] >= height:
                line[:] = 0
                continue
            source = x[n, d // spread[0], h // spread[1]]
            if dilation[2] == 1:
                floats = (columns - 1) * stride[2] + kernel[2]
                if spread[2] == 1 and channels == x.shape[4]:  # the line as it is
                    skip = max(0, -before[2])
                    start = (before[2] + skip) * channels
                    pixels = source[skip : max(skip, min(width, floats - before[2]))].reshape(-1)
                    line[start : start + len(pixels)] = pixels
                    continue
                for w in range(width):
                    p = w * spread[2] + before[2]
                    if 0 <= p < floats:
                        for c in range(channels):
                            line[p * channels + c] = source[w, first + c]
            else:
                for column in range(columns):
                    for kw in range(kernel[2]):
                        w = column * stride[2] + kw * dilation[2] - before[2]
                        if w >= 0 and w % spread[2] == 0 and w // spread[2] < width:
                            at = (column * kernel[2] + kw) * channels
                            for c in range(channels):
                                line[at + c] = source[w // spread[2], first + c]


@parallel_jit
def _conv(x, matrix, bias, y, kernel, stride, dilation, before, spread, chunks):
    groups, length, padded = matrix.shape
    batch, out_depth, out_height, width, outputs = y.shape
    channels, group_outputs = x.shape[4] // groups, outputs // groups
    lines, taps = batch * out_depth * out_height, kernel[0] * kernel[1]
    columns = max(width, NARROW_ROWS)  # the tile may look at more pixels than there are
    floats, pixel = _line_layout(columns, channels, kernel, stride, dilation)
    run_length = length // taps
    b, c = matrix.ctypes.data, y.ctypes.data
    for chunk in prange(chunks):
        scratch = np.zeros((taps, floats), np.float32)
        spare = np.empty((NARROW_ROWS, 2 * VECTOR), np.float32)
        a, aside = scratch.ctypes.data, spare.ctypes.data
        for line in range(chunk * lines // chunks, (chunk + 1) * lines // chunks):
            n, od, oh = line // (out_depth * out_height), line // out_height % out_depth, line % out_height
            for g in range(groups):
                _fill(scratch, x, n, od, oh, g * channels, channels, columns, kernel, stride, dilation, before, spread)
                oc = 0
                while oc < padded:
                    wide = padded - oc >= 2 * VECTOR
                    block = 2 * VECTOR if wide else VECTOR
                    rows = NARROW_ROWS if not wide and width >= NARROW_ROWS else WIDE_ROWS
                    direct = width >= rows and oc + block <= group_outputs
                    weight = b + 4 * (g * length * padded + oc)
                    for start in range(0, width, rows):
                        w = min(start, width - rows) if direct else start  # the last tile overlaps instead of shrinking
                        left = a + 4 * w * pixel
                        first = ((n * out_depth + od) * out_height + oh) * width + w
                        target = c + 4 * (first * outputs + g * group_outputs + oc) if direct else aside
                        step = outputs if direct else 2 * VECTOR
                        run_stride = run_length * padded
                        if wide:
                            wide_tile(left, weight, target, taps, floats, run_stride, run_length, pixel, 1, padded, step, 0)
                        elif rows == NARROW_ROWS:
                            narrow_tile(left, weight, target, taps, floats, run_stride, run_length, pixel, 1, padded, step, 0)
                        else:
                            short_tile(left, weight, target, taps, floats, run_stride, run_length, pixel, 1, padded, step, 0)
                        if not direct:
                            for i in range(min(rows, width - w)):
                                for j in range(min(block, group_outputs - oc)):
                                    y[n, od, oh, w + i, g * group_outputs + oc + j] = spare[i, j]
                    oc += block
            if len(bias):
                for w in range(width):
                    for oc in range(outputs):
                        y[n, od, oh, w, oc] += bias[oc]


@parallel_jit
def _weight_gradient_parts(x, grad, parts, kernel, stride, dilation, before):
    """parts (T, G, KD*KH, rows >= KW*C/G, columns >= OC/G): part t sums over its own share of the lines."""
    batch, out_depth, out_height, width, outputs = grad.shape
    count, groups, taps, rows, padded = parts.shape
    channels, group_outputs = x.shape[4] // groups, outputs // groups
    lines, run_length = batch * out_depth * out_height, kernel[2] * channels
    floats, pixel = _line_layout(width, channels, kernel, stride, dilation)
    one = (1, 1, 1)
    direct = padded == outputs  # one group of whole vectors: the tile can read grad itself
    p, whole = parts.ctypes.data, grad.ctypes.data
    for t in prange(count):
        # A tile reads up to `rows` floats of a window of run_length: of the last one, past the end.
        buffer = np.zeros(taps * floats + rows, np.float32)
        scratch = buffer[: taps * floats].reshape(taps, floats)
        right = np.zeros((width, padded), np.float32)
        a = buffer.ctypes.data
        for line in range(t * lines // count, (t + 1) * lines // count):
            n, od, oh = line // (out_depth * out_height), line // out_height % out_depth, line % out_height
            for g in range(groups):
                _fill(scratch, x, n, od, oh, g * channels, channels, width, kernel, stride, dilation, before, one)
                if direct:
                    b = whole + 4 * line * width * outputs
                else:
                    right[:, :group_outputs] = grad[n, od, oh, :, g * group_outputs : (g + 1) * group_outputs]
                    b = right.ctypes.data
                for tap in range(taps):
                    target = p + 4 * ((t * groups + g) * taps + tap) * rows * padded
                    oc = 0
                    while oc < padded:
                        wide = padded - oc >= 2 * VECTOR
                        step = GRADIENT_ROWS if wide else 2 * GRADIENT_ROWS
                        for i in range(0, run_length, step):
                            left, sums = a + 4 * (tap * floats + i), target + 4 * (i * padded + oc)
                            if wide:
                                gradient_tile(left, b + 4 * oc, sums, 1, 0, 0, width, 1, pixel, padded, padded, 1)
                            else:
                                narrow_gradient_tile(left, b + 4 * oc, sums, 1, 0, 0, width, 1, pixel, padded, padded, 1)
                        oc += 2 * VECTOR if wide else VECTOR
