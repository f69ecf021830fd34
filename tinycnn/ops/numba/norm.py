"""The fast twins of batch normalisation: no temporary of the activation's size, sums in float64, rows shared out to threads.

Sums are over a fixed number of stretches of rows, added in a fixed order: the bits do not depend on the number of threads.
"""

import numpy as np
from numba import prange

from tinycnn.ops.numba.jit import parallel_jit, run

STRETCHES = 32  # of rows


def batch_statistics(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """See `ops.numpy.norm.batch_statistics`.

    One pass: with s the first row, the variance is mean((x - s)^2) - mean(x - s)^2, which loses nothing in float64.
    """
    rows = _rows(x)
    shift, sums = rows[0].astype(np.float64), np.zeros((STRETCHES, 2, rows.shape[1]))
    run(_moments, rows, shift, sums)
    first, second = sums.sum(axis=0) / len(rows)
    return (shift + first).astype(x.dtype), np.maximum(second - first * first, 0).astype(x.dtype)


def normalise(x: np.ndarray, mean: np.ndarray, inverse_std: np.ndarray, gamma: np.ndarray, beta: np.ndarray) -> np.ndarray:
    """See `ops.numpy.norm.normalise`."""
    rows = _rows(x)
    y = np.empty_like(rows)
    run(_normalise, rows, mean, inverse_std * gamma, beta, y)
    return y.reshape(x.shape)


def normalise_backward(
    grad_output: np.ndarray,
    x: np.ndarray,
    mean: np.ndarray,
    inverse_std: np.ndarray,
    gamma: np.ndarray,
    of_batch: bool,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """See `ops.numpy.norm.normalise_backward`."""
    rows, grad_rows = _rows(x), _rows(grad_output)
    sums = np.zeros((STRETCHES, 2, rows.shape[1]))
    run(_products, grad_rows, rows, mean, inverse_std, sums)
    grad_gamma, grad_beta = sums.sum(axis=0).astype(x.dtype)
    share = x.dtype.type(1 / len(rows) if of_batch else 0)
    grad_input = np.empty_like(rows)
    shares = grad_gamma * share, grad_beta * share
    run(_apply, grad_rows, rows, mean, inverse_std, gamma * inverse_std, *shares, grad_input)
    return grad_input.reshape(x.shape), grad_gamma, grad_beta


def _rows(x: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(x).reshape(-1, x.shape[-1])


@parallel_jit
def _moments(rows, shift, sums):
    count, channels = rows.shape
    for t in prange(STRETCHES):
        first, second = sums[t, 0], sums[t, 1]
        for i in range(t * count // STRETCHES, (t + 1) * count // STRETCHES):
            for c in range(channels):
                apart = rows[i, c] - shift[c]
                first[c] += apart
                second[c] += apart * apart


@parallel_jit
def _normalise(rows, mean, scale, beta, y):
    for i in prange(len(rows)):
        for c in range(rows.shape[1]):
            y[i, c] = (rows[i, c] - mean[c]) * scale[c] + beta[c]


@parallel_jit
def _products(grad_rows, rows, mean, inverse_std, sums):
    count, channels = rows.shape
    for t in prange(STRETCHES):
        gamma_sum, beta_sum = sums[t, 0], sums[t, 1]
        for i in range(t * count // STRETCHES, (t + 1) * count // STRETCHES):
            for c in range(channels):
                gamma_sum[c] += grad_rows[i, c] * ((rows[i, c] - mean[c]) * inverse_std[c])
                beta_sum[c] += grad_rows[i, c]


@parallel_jit
def _apply(grad_rows, rows, mean, inverse_std, scale, gamma_share, beta_share, grad_input):
    for i in prange(len(rows)):
        for c in range(rows.shape[1]):
            xhat = (rows[i, c] - mean[c]) * inverse_std[c]
            grad_input[i, c] = (grad_rows[i, c] - beta_share[c] - xhat * gamma_share[c]) * scale[c]
