"""Temperature scaling: one number says how much too sure a network is."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from bcdetect.calibration.targets import checked, softened
from bcdetect.newton import sigmoid

BOUNDS = (0.05, 20.0)


class Temperature:
    """Divide the log odds by a temperature.

        p = softmax(z / T),  of two classes sigmoid(z / T)

    T above 1 makes answers less sure; the order of rows and the likeliest class stay. Shape: z (N, K) -> p (N, K), or the log
    odds z (N,) of malignant -> p (N,). Source: Guo et al. 2017, ICML (arXiv:1706.04599).
    """

    kind = "temperature"

    def __init__(self, temperature: ArrayLike):
        self.temperature = float(temperature)
        if not BOUNDS[0] <= self.temperature <= BOUNDS[1]:
            raise ValueError(f"a temperature must be from {BOUNDS[0]} to {BOUNDS[1]}, not {self.temperature}")

    @classmethod
    def fit(cls, z: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Temperature:
        """The T that minimises the weighted cross-entropy against softened targets, inside BOUNDS.

        The loss is convex in 1 / T: bisection on the sign of its slope, sum w (mean of z under p - mean of z under the target),
        cannot fail. Scores that point the wrong way end at the upper bound; scores all 0 keep T = 1. ValueError as
        `targets.checked`.
        """
        z = np.asarray(z, np.float64)
        columns = z if z.ndim == 2 else np.stack([np.zeros(len(z)), z], axis=1)
        columns, y, weight = checked(columns, y, sample_weight, columns.shape[1])
        columns = columns - columns.max(axis=1, keepdims=True)
        wanted = (columns * softened(y, weight, columns.shape[1])).sum(axis=1)
        if not columns.any():
            return cls(1.0)
        low, high = np.log(BOUNDS)
        for _ in range(60):
            middle = (low + high) / 2
            got = (columns * _softmax(columns / np.exp(middle))).sum(axis=1)
            low, high = (middle, high) if weight @ (got - wanted) > 0 else (low, middle)
        return cls(np.clip(np.exp(middle), *BOUNDS))

    def apply(self, z: ArrayLike) -> np.ndarray:
        """Calibrated probabilities, float64, of the shape of z."""
        z = np.asarray(z, np.float64) / self.temperature
        return _softmax(z) if z.ndim == 2 else sigmoid(z)

    def state(self) -> dict[str, np.ndarray]:
        """The fitted number, by name; `Temperature(**state)` is this object again."""
        return {"temperature": np.array(self.temperature)}


def _softmax(z: np.ndarray) -> np.ndarray:
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)
