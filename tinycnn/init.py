"""How weights start: `initialiser(rng, shape) -> float64 array`. A weight's last axis is its outputs, all others its inputs."""

from __future__ import annotations

import math

import numpy as np


def he(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Normal with variance 2 / fan_in: keeps the scale of activations through ReLUs. Source: He et al. 2015, equation 10."""
    return rng.standard_normal(shape) * math.sqrt(2 / _fan_in(shape))


def glorot(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Uniform within sqrt(6 / (fan_in + fan_out)), for linear outputs. Source: Glorot & Bengio 2010, equation 16."""
    limit = math.sqrt(6 / (_fan_in(shape) + math.prod(shape[:-2]) * shape[-1]))
    return rng.uniform(-limit, limit, shape)


def lecun(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Normal with variance 1 / fan_in: keeps the scale where nothing is cut off. Source: LeCun et al. 1998, equation 16."""
    return rng.standard_normal(shape) * math.sqrt(1 / _fan_in(shape))


def orthogonal(rng: np.random.Generator, shape: tuple[int, ...], gain: float = 1.0) -> np.ndarray:
    """As a matrix of inputs x outputs, `gain` times orthonormal columns (rows, where there are more outputs than inputs).

    Drawn evenly from all such matrices: a normal one's Q, with R's diagonal made positive.
    Source: Saxe, McClelland & Ganguli 2014 (arXiv:1312.6120); Mezzadri 2007 for the signs (arXiv:math-ph/0609050).
    """
    inputs, outputs = _fan_in(shape), shape[-1]
    q, r = np.linalg.qr(rng.standard_normal((max(inputs, outputs), min(inputs, outputs))))
    q *= np.where(np.diag(r) < 0, -1.0, 1.0)
    return gain * (q if inputs >= outputs else q.T).reshape(shape)


class constant:
    """Every number the same: `Dense(1, initialiser=constant(0.1))`."""

    def __init__(self, value: float):
        if not math.isfinite(value):
            raise ValueError(f"constant: value={value} must be finite")
        self.value = float(value)

    def __call__(self, rng: np.random.Generator | None, shape: tuple[int, ...]) -> np.ndarray:
        """An array of this shape."""
        return np.full(shape, self.value)


def zeros(rng: np.random.Generator | None, shape: tuple[int, ...]) -> np.ndarray:
    """All zeros: biases and shifts."""
    return np.zeros(shape)


def ones(rng: np.random.Generator | None, shape: tuple[int, ...]) -> np.ndarray:
    """All ones: scales."""
    return np.ones(shape)


def _fan_in(shape: tuple[int, ...]) -> int:
    return math.prod(shape[:-1])
