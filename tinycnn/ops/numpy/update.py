"""The arithmetic of an optimizer's step, in place over flat arrays."""

import numpy as np


def sgd_step(value: np.ndarray, grad: np.ndarray, velocity: np.ndarray, lr: float, momentum: float) -> None:
    """velocity = momentum * velocity + grad; value -= lr * velocity. Shape: three (P,) arrays."""
    velocity *= momentum
    velocity += grad
    value -= lr * velocity


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
    """One step of Adam, counted from 1. Shape: four (P,) arrays.

        first  = beta1 * first + (1 - beta1) * grad           second = beta2 * second + (1 - beta2) * grad^2
        value -= lr * (first / (1 - beta1^step)) / (sqrt(second / (1 - beta2^step)) + eps)

    Source: Kingma & Ba 2015, algorithm 1 (arXiv:1412.6980).
    """
    beta1, beta2 = betas
    first *= beta1
    first += (1 - beta1) * grad
    second *= beta2
    second += (1 - beta2) * np.square(grad)
    root = np.sqrt(second) * (1 - beta2**step) ** -0.5 + eps
    value -= (lr / (1 - beta1**step)) * first / root
