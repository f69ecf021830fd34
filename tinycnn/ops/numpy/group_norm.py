"""Normalisation within a row: each group of its channels, over the space, whatever the other rows of the batch are.

Source: Wu & He 2018, equations 1, 2, 6 and 7 (arXiv:1803.08494). With one group and no space it is the layer normalisation of
Ba, Kiros & Hinton 2016 (arXiv:1607.06450).
"""

import numpy as np


def group_norm(
    x: np.ndarray, gamma: np.ndarray, beta: np.ndarray, groups: int, eps: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """y = gamma * xhat + beta, xhat = (x - mean) * inverse_std, inverse_std = 1 / sqrt(var + eps); mean and var of each group.

    Shape: x (N, ..., C), gamma and beta (C,) -> y and xhat as x, inverse_std (N, 1, G, 1).
    """
    # In float64, since a long float32 sum would lose digits; converted before, not within `mean`, where NumPy would cut the sums
    # at the borders of its buffers, and a row's bits would depend on where it stands in the batch.
    split = _split(x, groups).astype(np.float64)
    centred = split - split.mean(axis=(1, 3), keepdims=True)
    inverse_std = 1 / np.sqrt(np.square(centred).mean(axis=(1, 3), keepdims=True) + eps)
    xhat = (centred * inverse_std).astype(x.dtype).reshape(x.shape)
    return gamma * xhat + beta, xhat, inverse_std.astype(x.dtype)


def group_norm_backward(
    grad_output: np.ndarray, xhat: np.ndarray, inverse_std: np.ndarray, gamma: np.ndarray, wants_weight: bool = True
) -> tuple[np.ndarray, np.ndarray | None, np.ndarray | None]:
    """The gradients of `group_norm`: grad_input as x, grad_gamma (C,), grad_beta (C,); None for these unless they are wanted.

    grad_x = inverse_std * (g - mean(g) - xhat * mean(g * xhat)), g = gamma * grad_y, the means over each group.
    """
    axes, groups = tuple(range(xhat.ndim - 1)), inverse_std.shape[2]
    grad_gamma = grad_beta = None
    if wants_weight:
        grad_gamma = (grad_output * xhat).sum(axis=axes, dtype=np.float64).astype(xhat.dtype)
        grad_beta = grad_output.sum(axis=axes, dtype=np.float64).astype(xhat.dtype)
    g, split = (_split(array, groups).astype(np.float64) for array in (gamma * grad_output, xhat))
    mean, product = (array.mean(axis=(1, 3), keepdims=True) for array in (g, g * split))
    grad_input = (inverse_std * (g - mean - split * product)).astype(xhat.dtype)
    return grad_input.reshape(xhat.shape), grad_gamma, grad_beta


def _split(x: np.ndarray, groups: int) -> np.ndarray:
    """(N, ..., C) -> (N, P, G, C/G), P positions."""
    return x.reshape(len(x), -1, groups, x.shape[-1] // groups)
