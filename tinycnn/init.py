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


def zeros(rng: np.random.Generator | None, shape: tuple[int, ...]) -> np.ndarray:
    """All zeros: biases and shifts."""
    return np.zeros(shape)


def ones(rng: np.random.Generator | None, shape: tuple[int, ...]) -> np.ndarray:
    """All ones: scales."""
    return np.ones(shape)


def _fan_in(shape: tuple[int, ...]) -> int:
    return math.prod(shape[:-1])
