"""The fast twin of the fully connected layer: three matrix products on the register tile, and no call to BLAS.

Each number is one tile's sum over k in order, so a row's bits do not depend on the rows beside it, nor on the number of threads.
"""

import numpy as np
from numba import prange

from tinycnn.ops import numpy as reference
from tinycnn.ops.numba.jit import parallel_jit, run
from tinycnn.ops.numba.tile import VECTOR, WIDE_ROWS, short_tile, wide_tile


def dense(x: np.ndarray, weight: np.ndarray, bias: np.ndarray | None) -> np.ndarray:
    """See `ops.numpy.dense.dense`."""
    if not x.dtype == weight.dtype == np.float32:
        return reference.dense(x, weight, bias)
    y = _product(np.ascontiguousarray(x), False, weight)
    if bias is not None:
        y += bias
    return y


def dense_backward(grad_output: np.ndarray, x: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """See `ops.numpy.dense.dense_backward`."""
    if not x.dtype == weight.dtype == np.float32:
        return reference.dense_backward(grad_output, x, weight)
    grad_output = np.ascontiguousarray(grad_output)
    grad_input = _product(grad_output, False, weight.T)
    return grad_input, _product(np.ascontiguousarray(x), True, grad_output), grad_output.sum(axis=0)


def _product(a: np.ndarray, turned: bool, b: np.ndarray) -> np.ndarray:
    """a @ b, or a.T @ b with `turned`, for a contiguous a."""
    rows, length = a.shape[::-1] if turned else a.shape
    missing = max(0, WIDE_ROWS - rows)  # a tile reads that many rows, wherever they end
    if missing:
        a = np.pad(a, ((0, 0), (0, missing)) if turned else ((0, missing), (0, 0)))
    columns = -(-b.shape[1] // VECTOR) * VECTOR
    filled = np.zeros((length, columns), b.dtype)
    filled[:, : b.shape[1]] = b
    c = np.empty((rows + missing, columns), a.dtype)
    row_step, k_step = (1, a.shape[1]) if turned else (a.shape[1], 1)
    run(_tiles, a, row_step, k_step, filled, c)
    return np.ascontiguousarray(c[:rows, : b.shape[1]])


@parallel_jit
def _tiles(a, row_step, k_step, b, c):
    """c = a @ b by tiles; c has at least WIDE_ROWS rows, and whole vectors of columns."""
    length, columns = b.shape
    down, across = -(-len(c) // WIDE_ROWS), -(-columns // (2 * VECTOR))
    for tile in prange(down * across):
        row = min(tile // across * WIDE_ROWS, len(c) - WIDE_ROWS)  # the last one overlaps, and writes the same once more
        column = tile % across * 2 * VECTOR
        left, right = a.ctypes.data + 4 * row * row_step, b.ctypes.data + 4 * column
        target = c.ctypes.data + 4 * (row * columns + column)
        if columns - column >= 2 * VECTOR:
            wide_tile(left, right, target, 1, 0, 0, length, row_step, k_step, columns, columns, 0)
        else:
            short_tile(left, right, target, 1, 0, 0, length, row_step, k_step, columns, columns, 0)
