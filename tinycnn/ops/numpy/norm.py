"""Batch normalisation, taken apart: the statistics of a batch, the normalisation by given ones, and its gradient.

Source: Ioffe & Szegedy 2015, algorithms 1 and 2 (arXiv:1502.03167).
"""

import numpy as np


def batch_statistics(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each channel's mean and biased variance over the batch and the space. Shape: x (N, ..., C) -> (C,), (C,)."""
    rows = x.reshape(-1, x.shape[-1])
    mean = rows.mean(axis=0, dtype=np.float64)  # a long float32 sum would lose digits
    variance = np.square(rows - mean).mean(axis=0)
    return mean.astype(x.dtype), variance.astype(x.dtype)


def normalise(x: np.ndarray, mean: np.ndarray, inverse_std: np.ndarray, gamma: np.ndarray, beta: np.ndarray) -> np.ndarray:
    """y = gamma * (x - mean) * inverse_std + beta. Shape: x (N, ..., C), the others (C,) -> y as x."""
    return (x - mean) * (inverse_std * gamma) + beta


def normalise_backward(
    grad_output: np.ndarray,
    x: np.ndarray,
    mean: np.ndarray,
    inverse_std: np.ndarray,
    gamma: np.ndarray,
    of_batch: bool,
    wants_weight: bool = True,
) -> tuple[np.ndarray, np.ndarray | None, np.ndarray | None]:
    """The gradients of `normalise`: grad_input as x, grad_gamma (C,), grad_beta (C,); None for these two unless they are wanted.

    With `of_batch`, mean and inverse_std are x's own, and the gradient flows through them too:
        grad_x = gamma * inverse_std * (grad_y - mean(grad_y) - xhat * mean(grad_y * xhat)).
    Otherwise they are constants, and grad_x = gamma * inverse_std * grad_y.
    """
    if not (of_batch or wants_weight):
        return grad_output * (gamma * inverse_std), None, None
    axes = tuple(range(x.ndim - 1))
    xhat = (x - mean) * inverse_std
    grad_gamma = (grad_output * xhat).sum(axis=axes, dtype=np.float64).astype(x.dtype)
    grad_beta = grad_output.sum(axis=axes, dtype=np.float64).astype(x.dtype)
    grad_input = grad_output
    if of_batch:
        count = x.size // x.shape[-1]
        grad_input = grad_output - grad_beta / count - xhat * (grad_gamma / count)
    return grad_input * (gamma * inverse_std), *((grad_gamma, grad_beta) if wants_weight else (None, None))
