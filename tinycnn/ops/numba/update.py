"""The fast twin of Adam: one pass over the four arrays instead of nine."""

import numpy as np

from tinycnn.ops.numba.jit import jit


def adam_step(
    value: np.ndarray,
    grad: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    lr: float,
    betas: tuple[float, float],
    eps: float,
    step: int,
) -> None:
    """See `ops.numpy.update.adam_step`."""
    beta1, beta2 = betas
    rate, root = lr / (1 - beta1**step), (1 - beta2**step) ** -0.5
    scalars = np.array([beta1, 1 - beta1, beta2, 1 - beta2, rate, root, eps], value.dtype)
    _adam(value, grad, first, second, scalars)


@jit
def _adam(value, grad, first, second, scalars):
    beta1, rest1, beta2, rest2, rate, root, eps = scalars
    for i in range(value.size):
        first[i] = beta1 * first[i] + rest1 * grad[i]
        second[i] = beta2 * second[i] + rest2 * grad[i] * grad[i]
        value[i] -= rate * first[i] / (np.sqrt(second[i]) * root + eps)
