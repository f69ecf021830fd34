"""Activations and their gradients. Each backward takes the forward's output y, so that no input need be kept."""

import numpy as np


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
