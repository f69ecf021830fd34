"""The arithmetic of an optimizer's step, in place over flat arrays."""

import numpy as np


def sgd_step(
    value: np.ndarray, grad: np.ndarray, velocity: np.ndarray, lr: float, momentum: float, nesterov: bool = False
) -> None:
    """velocity = momentum * velocity + grad; value -= lr * velocity. Shape: three (P,) arrays.

    With `nesterov` the step looks one velocity ahead: value -= lr * (grad + momentum * velocity).
    Source: Sutskever et al. 2013, equations 1 to 4, with the rate outside the velocity as PyTorch has it.
    """
    velocity *= momentum
    velocity += grad
    value -= lr * (grad + momentum * velocity if nesterov else velocity)


def adagrad_step(value: np.ndarray, grad: np.ndarray, total: np.ndarray, lr: float, eps: float) -> None:
    """total += grad^2; value -= lr * grad / (sqrt(total) + eps). Shape: three (P,) arrays.

    Source: Duchi, Hazan & Singer 2011, the diagonal form of figure 1.
    """
    total += np.square(grad)
    value -= lr * grad / (np.sqrt(total) + eps)


def adadelta_step(
    value: np.ndarray, grad: np.ndarray, square: np.ndarray, moved: np.ndarray, lr: float, rho: float, eps: float
) -> None:
    """Each parameter's step has the size of its own recent steps. Shape: four (P,) arrays.

        square = rho * square + (1 - rho) * grad^2
        step   = sqrt(moved + eps) / sqrt(square + eps) * grad
        moved  = rho * moved + (1 - rho) * step^2;  value -= lr * step

    Source: Zeiler 2012, algorithm 1 (arXiv:1212.5701), which has no rate: lr = 1.
    """
    square *= rho
    square += (1 - rho) * np.square(grad)
    step = np.sqrt(moved + eps) / np.sqrt(square + eps) * grad
    moved *= rho
    moved += (1 - rho) * np.square(step)
    value -= lr * step


def rmsprop_step(
    value: np.ndarray,
    grad: np.ndarray,
    square: np.ndarray,
    mean: np.ndarray | None,
    velocity: np.ndarray,
    lr: float,
    alpha: float,
    eps: float,
    momentum: float,
) -> None:
    """Steps scaled by a running root of the mean squared gradient. Shape: five (P,) arrays; `mean` None is the plain form.

        square   = alpha * square + (1 - alpha) * grad^2
        velocity = momentum * velocity + grad / (sqrt(square) + eps);  value -= lr * velocity

    With `mean`, the gradient's own running mean, sqrt(square - mean^2) stands in the place of sqrt(square).
    Source: Tieleman & Hinton 2012, Coursera lecture 6.5; centred: Graves 2013, equations 38 to 41 (arXiv:1308.0850), with eps
    outside the root as PyTorch has it.
    """
    square *= alpha
    square += (1 - alpha) * np.square(grad)
    spread = square
    if mean is not None:
        mean *= alpha
        mean += (1 - alpha) * grad
        spread = np.maximum(square - np.square(mean), 0)  # rounding could leave it below
    velocity *= momentum
    velocity += grad / (np.sqrt(spread) + eps)
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
