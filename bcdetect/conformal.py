"""Prediction sets that hold the true class as often as they say; a set of not exactly one class is a case to refer.

Split-conformal: the validation part says how improbable the true class can look. Vovk, Gammerman & Shafer 2005, Algorithmic
Learning in a Random World; class by class (Mondrian) chapter 4.5 there; Sadinle, Lei & Wasserman 2019, JASA 114, 223-234.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike


class Conformal:
    """A row's set holds every class whose probability is at least that class's limit: 1 - p_k <= q_k.

    With q the ceil((n + 1) (1 - error_rate))-th smallest of 1 - p(true class) over n validation rows, a new row's true class is
    outside its set with a chance of at most `error_rate`, if new rows come from where the validation rows came from; class by
    class, that holds within each class, so that the rare one is not where the errors are. Where n is too small for that number
    q is 1 and the class in every set.
    """

    def __init__(self, error_rate: ArrayLike, limits: ArrayLike, rows: ArrayLike):
        self.error_rate = float(error_rate)
        self.limits = np.asarray(limits, np.float64)  # (K,) largest 1 - p of a class in the set
        self.rows = np.asarray(rows, np.int64)  # (K,) validation rows behind each limit
        if not 0 < self.error_rate < 1 or self.limits.ndim != 1 or self.limits.shape != self.rows.shape:
            raise ValueError("an error rate between 0 and 1, and a limit and a number of rows for each class")
        if not ((self.limits >= 0) & (self.limits <= 1)).all():
            raise ValueError("limits must be from 0 to 1")

    @classmethod
    def fit(cls, probabilities: ArrayLike, y: ArrayLike, error_rate: float = 0.05, by_class: bool = True) -> Conformal:
        """Learn the limits from the validation part: probabilities (N, K), or (N,) of the second of two classes; y (N,)."""
        strange, y = 1 - _columns(probabilities), np.asarray(y)
        classes = strange.shape[1]
        if y.shape != strange.shape[:1] or not np.isin(y, np.arange(classes)).all():
            raise ValueError(f"y must be class numbers 0..{classes - 1}, one a row")
        of_true = strange[np.arange(len(y)), y.astype(np.int64)]
        groups = [of_true[y == k] for k in range(classes)] if by_class else [of_true] * classes
        return cls(error_rate, [_quantile(values, error_rate) for values in groups], [len(values) for values in groups])

    def sets(self, probabilities: ArrayLike) -> np.ndarray:
        """Which classes each row's set holds: (N, K) booleans."""
        return 1 - _columns(probabilities) <= self.limits

    def refer(self, probabilities: ArrayLike) -> np.ndarray:
        """Which rows are uncertain: their sets do not hold exactly one class. Shape: (N,) booleans."""
        return self.sets(probabilities).sum(axis=1) != 1

    def reasons(self, probabilities: ArrayLike, class_names: Sequence[str]) -> list[str | None]:
        """For each row why it is to be referred, or None."""
        return [self._reason(row, class_names) for row in self.sets(probabilities)]

    def warnings(self, class_names: Sequence[str]) -> list[str]:
        """A sentence for each class that had too few validation rows for the error rate."""
        needed = math.ceil(1 / self.error_rate) - 1
        small = "validation rows are too few for an error rate of"
        return [
            f"{name} is in every set: {rows} {small} {self.error_rate:.3g}, which takes {needed}"
            for name, rows in zip(class_names, self.rows.tolist(), strict=True)
            if _rank(rows, self.error_rate) > rows
        ]

    def state(self) -> dict[str, np.ndarray]:
        """The fitted numbers, by name; `Conformal(**state)` is this object again."""
        return {"error_rate": np.array(self.error_rate), "limits": self.limits, "rows": self.rows}

    def _reason(self, row: np.ndarray, class_names: Sequence[str]) -> str | None:
        inside = [name for name, held in zip(class_names, row, strict=True) if held]
        if len(inside) == 1:
            return None
        rate = f"at an error rate of {self.error_rate:.3g}"
        if not inside:
            return f"uncertain: refer. No class is likely enough {rate}"
        return f"uncertain: refer. It could be {' or '.join(inside)} {rate}"


def _rank(rows: int, error_rate: float) -> int:
    return math.ceil((rows + 1) * (1 - error_rate) - 1e-9)  # 20 * 0.95 is 19, whatever the rounding


def _quantile(strange: np.ndarray, error_rate: float) -> float:
    rank = _rank(len(strange), error_rate)
    return float(np.sort(strange)[rank - 1]) if rank <= len(strange) else 1.0


def _columns(probabilities: ArrayLike) -> np.ndarray:
    """(N, K) float64. ValueError for other shapes or numbers that are no probabilities."""
    p = np.asarray(probabilities).astype(np.float64)
    p = np.stack([1 - p, p], axis=1) if p.ndim == 1 else p
    if p.ndim != 2 or not ((p >= 0) & (p <= 1)).all():
        raise ValueError("probabilities must be (N,) or (N, K) numbers from 0 to 1")
    return p
