"""Temperature scaling: one number says how much too sure a network is."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from bcdetect.calibration.targets import checked
from bcdetect.newton import sigmoid

BOUNDS = (0.05, 20.0)
PRIOR = 0.3  # standard deviation of ln T around 0: that a network is twice too sure takes some rows to believe


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
        """The T that minimises sum w (cross-entropy) + (ln T / PRIOR)^2 / 2, inside BOUNDS.

        The second term is a normal prior of ln T. A hundred validation rows that the network nearly separates have no best T
        without it; softened targets, which would help too, pull T far above 1 there, since no probability may be surer than they
        are (benchmarks/calibration.py shows what that does to Platt's line). With thousands of rows the prior has no say.
        Bisection on the sign of the slope by ln T, ln T / PRIOR^2 - sum w (mean of z under p - z of the class) / T, cannot fail.
        ValueError as `targets.checked`.
        """
        z = np.asarray(z, np.float64)
        columns = z if z.ndim == 2 else np.stack([np.zeros(len(z)), z], axis=1)
        columns, y, weight = checked(columns, y, sample_weight, columns.shape[1])
        columns = columns - columns.max(axis=1, keepdims=True)
        wanted = columns[np.arange(len(y)), y]
        low, high = np.log(BOUNDS)
        for _ in range(60):
            middle = (low + high) / 2
            got = (columns * _softmax(columns / np.exp(middle))).sum(axis=1)
            slope = middle / PRIOR**2 - weight @ (got - wanted) / np.exp(middle)
            low, high = (middle, high) if slope < 0 else (low, middle)
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
