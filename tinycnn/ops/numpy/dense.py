"""The fully connected layer's mathematics: y = x @ weight + bias."""

import numpy as np


def dense(x: np.ndarray, weight: np.ndarray, bias: np.ndarray | None) -> np.ndarray:
    """Shape: x (N, C), weight (C, OC), bias (OC,) or None -> y (N, OC)."""
    # One product a row, not one over the batch: BLAS sums in another order for other row counts, and then a patient's
    # probability would depend on who else is in the file.
    y = (x[:, None, :] @ weight)[:, 0]
    if bias is not None:
        y += bias
    return y


def dense_backward(
    grad_output: np.ndarray, x: np.ndarray, weight: np.ndarray, wants_input: bool = True, wants_weight: bool = True
) -> tuple[np.ndarray | None, np.ndarray | None, np.ndarray | None]:
    """The gradients of `dense`: grad_input (N, C), grad_weight (C, OC), grad_bias (OC,).

    None for the first where it is not wanted, and for the other two.
    """
    grad_input = grad_output @ weight.T if wants_input else None
    if not wants_weight:
        return grad_input, None, None
    return grad_input, x.T @ grad_output, grad_output.sum(axis=0)
