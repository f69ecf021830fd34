"""Is a row like the rows the model has seen? Two checks, each with its reason in words.

`FeatureRange` is for measurements: each within what the training part had. `FeatureDistance` is for any vector, such as what the
last layer gets: near enough to the training part as a whole. A model's answer for a row that fails either is a guess.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

UNLIKE = "unlike the training data: "
FALSE_ALARMS = 0.01  # of rows like the validation part


class FeatureRange:
    """Each feature's smallest and largest value in the training part, widened by a share of the distance between them."""

    def __init__(self, low: ArrayLike, high: ArrayLike):
        self.low, self.high = np.asarray(low, np.float64), np.asarray(high, np.float64)
        if self.low.ndim != 1 or self.low.shape != self.high.shape or not (self.low <= self.high).all():
            raise ValueError("low and high must be (F,) numbers, low below high")

    @classmethod
    def fit(cls, x: ArrayLike, margin: float = 0.1) -> FeatureRange:
        """Learn from training rows x (N, F); NaN is left out, and a feature of nothing but NaN has any value."""
        x = _rows(x)
        known = ~np.isnan(x).all(axis=0)
        low = np.where(known, np.min(np.where(np.isnan(x), np.inf, x), axis=0, initial=np.inf), -np.inf)
        high = np.where(known, np.max(np.where(np.isnan(x), -np.inf, x), axis=0, initial=-np.inf), np.inf)
        extra = np.where(known, margin * (np.where(known, high, 0) - np.where(known, low, 0)), 0)
        return cls(low - extra, high + extra)

    def outside(self, x: ArrayLike) -> np.ndarray:
        """Which values are beyond the range. Shape: x (N, F) -> (N, F) booleans."""
        x = _rows(x)
        return (x < self.low) | (x > self.high)

    def reasons(self, x: ArrayLike, names: Sequence[str]) -> list[str | None]:
        """For each row which features are beyond the range, and how far; None for a row that is not. At most three are named."""
        x = _rows(x)
        return [self._reason(row, np.flatnonzero(out), names) for row, out in zip(x, self.outside(x), strict=True)]

    def state(self) -> dict[str, np.ndarray]:
        """The fitted numbers, by name; `FeatureRange(**state)` is this object again."""
        return {"low": self.low, "high": self.high}

    def _reason(self, row: np.ndarray, out: np.ndarray, names: Sequence[str]) -> str | None:
        if not len(out):
            return None
        told = [f"{names[k]} is {_beyond(row[k], self.low[k], self.high[k])}" for k in out[:3]]
        more = f", and {len(out) - 3} more" if len(out) > 3 else ""
        return f"{UNLIKE}{'; '.join(told)}{more}"


class FeatureDistance:
    """Mahalanobis distance to the nearest class mean, with one covariance for all classes, shrunk so that it can be inverted.

        d(x) = min_k sqrt((x - mean_k)^T covariance^-1 (x - mean_k))

    Shape: features x (N, F) -> (N,). Source: Lee et al. 2018, NeurIPS (arXiv:1807.03888); shrinkage: Ledoit & Wolf 2004,
    J. Multivariate Analysis 88, 365-411.
    """

    def __init__(self, means: ArrayLike, whitening: ArrayLike, limit: ArrayLike):
        self.means = np.asarray(means, np.float64)
        self.whitening = np.asarray(whitening, np.float64, order="C")  # a product's bits follow the order in memory
        self.limit = float(limit)
        features = self.means.shape[-1]
        if self.means.ndim != 2 or self.whitening.shape != (features, features) or not self.limit >= 0:
            raise ValueError("means (K, F), whitening (F, F) and a limit of at least 0")
        if not np.isfinite(self.means).all() or not np.isfinite(self.whitening).all():
            raise ValueError("means and whitening must be finite")

    @classmethod
    def fit(cls, x: ArrayLike, y: ArrayLike, validation: ArrayLike, false_alarms: float = FALSE_ALARMS) -> FeatureDistance:
        """Learn from training features x (N, F) with classes y (N,), and the limit from validation features (M, F).

        The limit is the ceil((M + 1) (1 - false_alarms))-th smallest distance there, which a row from the same source exceeds
        with a chance of at most `false_alarms`; where M is too small for that, the largest. ValueError without rows, for
        features that are not finite, or a share outside (0, 1).
        """
        x, y, validation = _rows(x), np.asarray(y), _rows(validation)
        if not len(x) or not len(validation) or y.shape != x.shape[:1] or not 0 < false_alarms < 1:
            raise ValueError("training rows with a class each, validation rows, and a share of false alarms between 0 and 1")
        if not np.isfinite(x).all() or not np.isfinite(validation).all():
            raise ValueError("features must be finite")
        _, number = np.unique(y, return_inverse=True)
        means = np.stack([x[number == k].mean(axis=0) for k in range(number.max() + 1)])
        covariance = shrunk_covariance(x - means[number])
        whitening = np.linalg.inv(np.linalg.cholesky(covariance)).T
        found = cls(means, whitening, 0)
        distances = np.sort(found.distance(validation))
        rank = math.ceil((len(distances) + 1) * (1 - false_alarms) - 1e-9)
        found.limit = float(distances[min(rank, len(distances)) - 1])
        return found

    def distance(self, x: ArrayLike) -> np.ndarray:
        """d(x) for features (N, F): (N,); nan for a row that is not finite. A row's bits do not depend on the rows around it."""
        x = _rows(x)
        off = x[:, None, :] - self.means
        with np.errstate(invalid="ignore", over="ignore"):
            white = np.matmul(off[:, :, None, :], self.whitening)[:, :, 0]  # a product a row, never one over all
            return np.sqrt((white * white).sum(axis=2).min(axis=1))

    def outside(self, x: ArrayLike) -> np.ndarray:
        """Which rows are further than the limit, or not finite. Shape: (N, F) -> (N,) booleans."""
        return ~(self.distance(x) <= self.limit)

    def reasons(self, x: ArrayLike) -> list[str | None]:
        """For each row why it is unlike the training data, or None."""
        return [self._reason(distance) for distance in self.distance(x).tolist()]

    def state(self) -> dict[str, np.ndarray]:
        """The fitted numbers, by name; `FeatureDistance(**state)` is this object again."""
        return {"means": self.means, "whitening": self.whitening, "limit": np.array(self.limit)}

    def _reason(self, distance: float) -> str | None:
        if distance <= self.limit:
            return None
        if math.isnan(distance):
            return UNLIKE + "its features are not finite"
        return f"{UNLIKE}at distance {distance:.3g} from it, where validation rows stay within {self.limit:.3g}"


def shrunk_covariance(centred: np.ndarray) -> np.ndarray:
    """(1 - s) S + s m I for rows (N, F) of mean 0: S their covariance, m its mean variance, s the share that loses least.

        s = min(b, d) / d,  d = |S - m I|^2,  b = sum_i |x_i x_i^T - S|^2 / N^2

    Never singular, unless all rows are equal; then it is the identity. Source: Ledoit & Wolf 2004, lemmas 3.2 to 3.4.
    """
    rows, features = centred.shape
    sample = centred.T @ centred / rows
    level = np.trace(sample) / features
    if not level > 0:
        return np.eye(features)
    far = np.sum((sample - level * np.eye(features)) ** 2)
    noise = (np.sum(np.sum(centred**2, axis=1) ** 2) / rows - np.sum(sample**2)) / rows
    share = min(max(noise, 0), far) / far if far > 0 else 1.0
    share = max(share, 1e-6)  # a feature that never varies has a distance all the same
    return (1 - share) * sample + share * level * np.eye(features)


def _beyond(value: float, low: float, high: float) -> str:
    """Such as `7.1, beyond 1 to 7`: four digits, or so many that the value is not written as the end that it is beyond."""
    for digits in range(4, 18):
        told, *ends = (f"{number:.{digits}g}" for number in (value, low, high))
        if told not in ends:
            break
    return f"{told}, beyond {' to '.join(ends)}"


def _rows(x: ArrayLike) -> np.ndarray:
    x = np.asarray(x, np.float64)
    if x.ndim != 2:
        raise ValueError(f"features must be (N, F), not {x.shape}")
    return x
