"""What happens to a row before the network sees it: fitted on the training part only, the same object ever after."""

from __future__ import annotations

import numpy as np

FAR = 1e9  # deviations from the mean; no measurement is that far off, and float32 sums of what is may overflow


class Standardiser:
    """Each feature minus the training part's mean, over its standard deviation (that of a constant feature counts as 1).

    The network sees a table row as an image: x (N, F) float64 -> (N, F, 1, 1) float32.
    """

    def __init__(self, mean: np.ndarray, std: np.ndarray):
        self.mean, self.std = np.asarray(mean, np.float64), np.asarray(std, np.float64)

    @classmethod
    def fit(cls, x: np.ndarray) -> Standardiser:
        """Learn mean and deviation from the training part. Shape: x (N, F)."""
        with np.errstate(over="ignore", invalid="ignore"):  # a deviation that is not finite: `beyond` then says so
            std = x.std(axis=0)
            varies = x.min(axis=0) < x.max(axis=0)  # the deviation of a constant is not 0 where its mean was rounded
            return cls(x.mean(axis=0), np.where(varies & (std > 0), std, 1.0))

    def standardise(self, x: np.ndarray) -> np.ndarray:
        """(x - mean) / std. Shape: x (N, F) -> (N, F) float64."""
        return (x - self.mean) / self.std

    def transform(self, x: np.ndarray) -> np.ndarray:
        """What the network takes. Shape: x (N, F) -> (N, F, 1, 1) float32; a value beyond float32 becomes infinite."""
        with np.errstate(over="ignore"):
            return self.standardise(x).astype(np.float32)[:, :, None, None]

    def beyond(self, x: np.ndarray) -> np.ndarray:
        """Which values are NaN, or so far from the training part that no answer means anything. Shape: x (N, F) -> (N, F)."""
        with np.errstate(over="ignore", invalid="ignore"):
            return ~(np.abs(self.standardise(x)) <= FAR) | ~np.isfinite(self.std)

    def state(self) -> dict[str, np.ndarray]:
        """The fitted numbers, by name; `Standardiser(**state)` is this object again."""
        return {"mean": self.mean, "std": self.std}
