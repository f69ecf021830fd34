"""Activations and their gradients.

Each backward takes the forward's output y, so that no input need be kept; only those of `gelu` and `silu`, which fall and then
rise, take the input x.
"""

import numpy as np

ROOT, CUBIC = float(np.sqrt(2 / np.pi)), 0.044715  # of GELU


def relu(x: np.ndarray) -> np.ndarray:
    """y = max(x, 0); a NaN stays a NaN. Any shape."""
    return np.maximum(x, 0)


def relu_backward(grad_output: np.ndarray, y: np.ndarray) -> np.ndarray:
    """grad_x = grad_y where y > 0, else 0 (also at the kink itself)."""
    return grad_output * (y > 0)


def sigmoid(x: np.ndarray) -> np.ndarray:
    """y = 1 / (1 + exp(-x)), without overflow on either side. Any shape."""
    small = np.exp(-np.abs(x))  # in (0, 1]
    return np.where(x >= 0, 1, small) / (1 + small)


def sigmoid_backward(grad_output: np.ndarray, y: np.ndarray) -> np.ndarray:
    """grad_x = grad_y * y * (1 - y)."""
    return grad_output * y * (1 - y)


def softmax(x: np.ndarray) -> np.ndarray:
    """y = exp(x) / sum(exp(x)) over the last axis, shifted by the largest x so that nothing overflows."""
    exponent = np.exp(x - x.max(axis=-1, keepdims=True))
    return exponent / exponent.sum(axis=-1, keepdims=True)


def softmax_backward(grad_output: np.ndarray, y: np.ndarray) -> np.ndarray:
    """grad_x = y * (grad_y - sum(grad_y * y)), the sum over the last axis."""
    return y * (grad_output - (grad_output * y).sum(axis=-1, keepdims=True))


def leaky_relu(x: np.ndarray, slope: float) -> np.ndarray:
    """y = x where x > 0, else slope * x. Any shape. Source: Maas, Hannun & Ng 2013."""
    return np.where(x > 0, x, slope * x)


def leaky_relu_backward(grad_output: np.ndarray, y: np.ndarray, slope: float) -> np.ndarray:
    """grad_x = grad_y where y > 0, else slope * grad_y. For a slope of at least 0."""
    return np.where(y > 0, grad_output, slope * grad_output)


def elu(x: np.ndarray) -> np.ndarray:
    """y = x where x > 0, else exp(x) - 1. Any shape. Source: Clevert, Unterthiner & Hochreiter 2016 (arXiv:1511.07289)."""
    return np.where(x > 0, x, np.expm1(np.minimum(x, 0)))


def elu_backward(grad_output: np.ndarray, y: np.ndarray) -> np.ndarray:
    """grad_x = grad_y where y > 0, else grad_y * exp(x) = grad_y * (y + 1)."""
    return grad_output * (np.minimum(y, 0) + 1)


def tanh(x: np.ndarray) -> np.ndarray:
    """y = (exp(x) - exp(-x)) / (exp(x) + exp(-x)). Any shape."""
    return np.tanh(x)


def tanh_backward(grad_output: np.ndarray, y: np.ndarray) -> np.ndarray:
    """grad_x = grad_y * (1 - y^2)."""
    return grad_output * (1 - np.square(y))


def softplus(x: np.ndarray) -> np.ndarray:
    """y = log(1 + exp(x)), without overflow. Any shape. Source: Dugas et al. 2001 (NIPS 13)."""
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def softplus_backward(grad_output: np.ndarray, y: np.ndarray) -> np.ndarray:
    """grad_x = grad_y * sigmoid(x) = grad_y * (1 - exp(-y))."""
    return grad_output * -np.expm1(-y)


def silu(x: np.ndarray) -> np.ndarray:
    """y = x * sigmoid(x). Any shape. Source: Hendrycks & Gimpel 2016, section 2 (arXiv:1606.08415); as "swish" in
    Ramachandran, Zoph & Le 2017 (arXiv:1710.05941).
    """
    return x * sigmoid(x)


def silu_backward(grad_output: np.ndarray, x: np.ndarray) -> np.ndarray:
    """grad_x = grad_y * s * (1 + x * (1 - s)), s = sigmoid(x)."""
    s = sigmoid(x)
    return grad_output * (s * (1 + x * (1 - s)))


def gelu(x: np.ndarray) -> np.ndarray:
    """y = x / 2 * (1 + tanh(u)), u = sqrt(2 / pi) * (x + 0.044715 x^3): the tanh form, within 5e-4 of x * P(normal number < x).

    Any shape. Source: Hendrycks & Gimpel 2016, section 2 (arXiv:1606.08415).
    """
    return x * (0.5 + 0.5 * np.tanh(_gelu_u(_within(x))))


def gelu_backward(grad_output: np.ndarray, x: np.ndarray) -> np.ndarray:
    """grad_x = grad_y * (1 + t + x * (1 - t^2) * u') / 2, t = tanh(u), u' = sqrt(2 / pi) * (1 + 3 * 0.044715 x^2)."""
    x = _within(x)
    t = np.tanh(_gelu_u(x))
    slope = ROOT * (1 + 3 * CUBIC * np.square(x))
    return grad_output * (0.5 + 0.5 * t + 0.5 * x * (1 - np.square(t)) * slope)


def _gelu_u(x: np.ndarray) -> np.ndarray:
    return ROOT * x * (1 + CUBIC * np.square(x))


def _within(x: np.ndarray) -> np.ndarray:
    """x where the tanh is not yet 1 to the last digit; beyond, nothing changes but that x^3 would overflow."""
    return np.clip(x, -10, 10)
