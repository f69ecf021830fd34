"""The fast twins of batch normalisation: no temporary of the activation's size, sums in float64."""

import numpy as np

from tinycnn.ops.numba.jit import jit


def batch_statistics(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """See `ops.numpy.norm.batch_statistics`."""
    mean, variance = _statistics(_rows(x))
    return mean.astype(x.dtype), variance.astype(x.dtype)


def normalise(x: np.ndarray, mean: np.ndarray, inverse_std: np.ndarray, gamma: np.ndarray, beta: np.ndarray) -> np.ndarray:
    """See `ops.numpy.norm.normalise`."""
    return _normalise(_rows(x), mean, inverse_std * gamma, beta).reshape(x.shape)


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
    gamma_sum, beta_sum = _sums(grad_rows, rows, mean, inverse_std)
    grad_gamma, grad_beta = gamma_sum.astype(x.dtype), beta_sum.astype(x.dtype)
    share = x.dtype.type(1 / len(rows) if of_batch else 0)
    grad_input = _apply(grad_rows, rows, mean, inverse_std, gamma * inverse_std, grad_gamma * share, grad_beta * share)
    return grad_input.reshape(x.shape), grad_gamma, grad_beta


def _rows(x: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(x).reshape(-1, x.shape[-1])


@jit
def _statistics(rows):
    count, channels = rows.shape
    mean, variance = np.zeros(channels), np.zeros(channels)
    for i in range(count):
        for c in range(channels):
            mean[c] += rows[i, c]
    mean /= count
    for i in range(count):
        for c in range(channels):
            variance[c] += (rows[i, c] - mean[c]) ** 2
    return mean, variance / count


@jit
def _normalise(rows, mean, scale, beta):
    y = np.empty_like(rows)
    for i in range(rows.shape[0]):
        for c in range(rows.shape[1]):
            y[i, c] = (rows[i, c] - mean[c]) * scale[c] + beta[c]
    return y


@jit
def _sums(grad_rows, rows, mean, inverse_std):
    gamma_sum, beta_sum = np.zeros(rows.shape[1]), np.zeros(rows.shape[1])
    for i in range(rows.shape[0]):
        for c in range(rows.shape[1]):
            gamma_sum[c] += grad_rows[i, c] * ((rows[i, c] - mean[c]) * inverse_std[c])
            beta_sum[c] += grad_rows[i, c]
    return gamma_sum, beta_sum


@jit
def _apply(grad_rows, rows, mean, inverse_std, scale, gamma_share, beta_share):
    grad_input = np.empty_like(rows)
    for i in range(rows.shape[0]):
        for c in range(rows.shape[1]):
            xhat = (rows[i, c] - mean[c]) * inverse_std[c]
            grad_input[i, c] = (grad_rows[i, c] - beta_share[c] - xhat * gamma_share[c]) * scale[c]
    return grad_input
