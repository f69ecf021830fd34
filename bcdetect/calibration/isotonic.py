"""Isotonic regression: the staircase that never falls and fits best."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from bcdetect.calibration.targets import checked


class Isotonic:
    """Straight lines between knots (score, probability), neither of which ever falls; flat beyond the first and the last.

    Shape: any score z (N,) that grows with malignancy -> p (N,). A first stair of benign rows alone would say 0, a last of
    malignant ones 1; both are held back to what Laplace's rule says of all n rows of that class: 1 / (n + 2), and
    (n + 1) / (n + 2). Source: Ayer et al. 1955, Ann. Math. Stat. 26(4), 641-647; Zadrozny & Elkan 2002, KDD.
    """

    kind = "isotonic"

    def __init__(self, scores: ArrayLike, probabilities: ArrayLike):
        self.scores, self.probabilities = np.asarray(scores, np.float64), np.asarray(probabilities, np.float64)
        knots = (self.scores, self.probabilities)
        if self.scores.ndim != 1 or not len(self.scores) or self.scores.shape != self.probabilities.shape:
            raise ValueError("scores and probabilities must be the same number of knots, at least one")
        if not np.isfinite(knots).all() or any((np.diff(a) < 0).any() for a in knots):
            raise ValueError("knots must be finite and never fall")
        if self.probabilities[0] < 0 or self.probabilities[-1] > 1:
            raise ValueError("probabilities must be from 0 to 1")

    @classmethod
    def fit(cls, z: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Isotonic:
        """The least-squares staircase, by pooling neighbours that fall. ValueError as `targets.checked`."""
        if np.ndim(z) != 1:
            raise ValueError(f"isotonic regression takes one score a row (N,), not {np.shape(z)}")
        z, y, weight = checked(z, y, sample_weight, 2)
        scores, number = np.unique(z, return_inverse=True)
        rows = np.bincount(number, weight)
        stairs, lengths = pool_adjacent_violators(np.bincount(number, weight * y) / rows, rows)
        benign, malignant = weight @ (y == 0), weight @ (y == 1)
        height = stairs.clip(1 / (benign + 2), (malignant + 1) / (malignant + 2))
        ends = np.cumsum(lengths)
        knots = np.stack([ends - lengths, ends - 1], axis=1).ravel()  # first and last score of each stair
        kept = np.append(True, np.diff(knots) > 0)
        return cls(scores[knots[kept]], np.repeat(height, 2)[kept])

    def apply(self, z: ArrayLike) -> np.ndarray:
        """Calibrated probabilities of malignant (N,), float64."""
        return np.interp(np.asarray(z, np.float64), self.scores, self.probabilities)

    def state(self) -> dict[str, np.ndarray]:
        """The fitted numbers, by name; `Isotonic(**state)` is this object again."""
        return {"scores": self.scores, "probabilities": self.probabilities}


def pool_adjacent_violators(values: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Heights and lengths of the stairs of the rising sequence that is nearest to `values` (N,) in weighted squares.

    From left to right: a value below the stair before it joins that stair, which then stands at their mean, and so may fall below
    the one before, and join it.
    """
    stairs: list[list[float]] = []  # height, weight, length
    for value, w in zip(values.tolist(), weight.tolist(), strict=True):
        stairs.append([value, w, 1])
        while len(stairs) > 1 and stairs[-1][0] <= stairs[-2][0]:
            height, w, length = stairs.pop()
            before = stairs[-1]
            before[0] += (height - before[0]) * w / (before[1] + w)
            before[1] += w
            before[2] += length
    heights, _, lengths = zip(*stairs, strict=True)
    return np.maximum.accumulate(heights), np.array(lengths)  # a mean of equal numbers may round below them
