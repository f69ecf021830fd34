"""An interval for any metric: draw the rows, or the patients, again."""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from bcdetect.intervals.normal import upper_tail


def stratified_bootstrap(
    y_true: ArrayLike,
    values: ArrayLike,
    metric: Callable[[np.ndarray, np.ndarray], float],
    resamples: int = 2000,
    confidence: float = 0.95,
    seed: int = 0,
    groups: ArrayLike | None = None,
) -> tuple[float, float]:
    """Percentile interval (low, high) of `metric(y_true, values)` when rows are drawn again with replacement.

    Rows are drawn within each true class, so every resample has as many of each class as the data. With `groups` (N,), rows
    of one patient say, whole groups are drawn instead, since their rows are no independent draws; within the class that most
    of a group's rows have, and leaving out resamples on which the metric is undefined. `y_true` is (N,)
    and `values` (N, ...) belongs to it row by row: scores, predicted labels, or a column a model. The same seed gives
    the same interval. Without groups it is (nan, nan) when the metric is undefined on any resample. It describes the chance
    in which rows were tested, not in training. Raises ValueError for inputs that are empty or differ in length.
    Source: Efron & Tibshirani 1993, An Introduction to the Bootstrap, chapter 13.
    """
    y_true, values = np.asarray(y_true), np.asarray(values)
    if len(y_true) != len(values) or not len(y_true):
        raise ValueError(f"y_true and values must have the same rows, at least one: {len(y_true)} and {len(values)}")
    rng, upper = np.random.default_rng(seed), upper_tail(confidence)
    if groups is None:
        strata, take = [np.flatnonzero(y_true == label) for label in np.unique(y_true)], np.take
    else:
        strata, take = _groups_by_class(y_true, np.asarray(groups)), _rows_of

    def resample() -> float:
        drawn = np.concatenate([take(units, rng.integers(len(units), size=len(units))) for units in strata])
        return metric(y_true[drawn], values[drawn])

    found = np.array([resample() for _ in range(resamples)])
    if groups is not None and not np.isnan(found).all():
        found = found[~np.isnan(found)]
    low, high = np.quantile(found, [1 - upper, upper])
    return float(low), float(high)


def _groups_by_class(y_true: np.ndarray, groups: np.ndarray) -> list[list[np.ndarray]]:
    """For each class the groups most of whose rows have it, each as its rows."""
    strata: dict[int, list[np.ndarray]] = {}
    for name in np.unique(groups):
        rows = np.flatnonzero(groups == name)
        labels, counts = np.unique(y_true[rows], return_counts=True)
        strata.setdefault(labels[counts.argmax()], []).append(rows)
    return list(strata.values())


def _rows_of(groups: list[np.ndarray], drawn: np.ndarray) -> np.ndarray:
    """The rows of the groups that were drawn, one after the other."""
    return np.concatenate([groups[k] for k in drawn])
