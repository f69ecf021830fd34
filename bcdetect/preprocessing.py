"""What happens to a row before the network sees it: fitted on the training part only, the same object ever after."""

from __future__ import annotations

import numpy as np


class Standardiser:
    """Each feature minus the training part's mean, over its standard deviation (that of a constant feature counts as 1).

    The network sees a table row as an image: x (N, F) float64 -> (N, F, 1, 1) float32.
    """

    def __init__(self, mean: np.ndarray, std: np.ndarray):
        self.mean, self.std = np.asarray(mean, np.float64), np.asarray(std, np.float64)

    @classmethod
    def fit(cls, x: np.ndarray) -> Standardiser:
        """Learn mean and deviation from the training part. Shape: x (N, F)."""
        std = x.std(axis=0)
        return cls(x.mean(axis=0), np.where(std > 0, std, 1.0))

    def standardise(self, x: np.ndarray) -> np.ndarray:
        """(x - mean) / std. Shape: x (N, F) -> (N, F) float64."""
        return (x - self.mean) / self.std

    def transform(self, x: np.ndarray) -> np.ndarray:
        """What the network takes. Shape: x (N, F) -> (N, F, 1, 1) float32; a value beyond float32 becomes infinite."""
        with np.errstate(over="ignore"):
            return self.standardise(x).astype(np.float32)[:, :, None, None]

    def state(self) -> dict[str, np.ndarray]:
        """The fitted numbers, by name; `Standardiser(**state)` is this object again."""
        return {"mean": self.mean, "std": self.std}
