"""Platt scaling: a line through the log odds."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from bcdetect.calibration.targets import checked, softened
from bcdetect.newton import logistic_line, sigmoid


class Platt:
    """Logistic regression on the log odds.

        p = sigmoid(slope z + intercept)

    Shape: log odds z (N,) of malignant, or any score that grows with it -> p (N,). A slope below 0 says that the score points the
    wrong way. Source: Platt 1999, Advances in Large Margin Classifiers, 61-74; Lin, Lin & Weng 2007, Machine Learning 68,
    267-276.
    """

    kind = "platt"

    def __init__(self, slope: ArrayLike, intercept: ArrayLike):
        self.slope, self.intercept = float(slope), float(intercept)
        if not np.isfinite([self.slope, self.intercept]).all():
            raise ValueError("slope and intercept must be finite")

    @classmethod
    def fit(cls, z: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Platt:
        """Maximum likelihood against softened targets, by Newton's method. ValueError as `targets.checked`."""
        if np.ndim(z) != 1:
            raise ValueError(f"Platt scaling takes one score a row (N,), not {np.shape(z)}")
        z, y, weight = checked(z, y, sample_weight, 2)
        return cls(*logistic_line(z, softened(y, weight, 2)[:, 1], weight))

    def apply(self, z: ArrayLike) -> np.ndarray:
        """Calibrated probabilities of malignant (N,), float64."""
        return sigmoid(self.slope * np.asarray(z, np.float64) + self.intercept)

    def state(self) -> dict[str, np.ndarray]:
        """The fitted numbers, by name; `Platt(**state)` is this object again."""
        return {"slope": np.array(self.slope), "intercept": np.array(self.intercept)}
