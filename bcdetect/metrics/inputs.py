"""What a metric takes: class numbers, scores, probabilities and weights, checked once, at the door."""

import numpy as np
from numpy.typing import ArrayLike

ONE, MANY = {1: "(N,)"}, {2: "(N, K)"}


def predicted(y_true: ArrayLike, y_pred: ArrayLike, classes: int, sample_weight: ArrayLike | None):
    """Class numbers, predicted ones, and weights: (N,) each, without rows of weight 0."""
    return _weighted(labels(y_true, classes), labels(y_pred, classes), sample_weight)


def scored(y_true: ArrayLike, y_score: ArrayLike, sample_weight: ArrayLike | None):
    """Class numbers 0 and 1, numbers that grow with malignancy, and weights: (N,) each, without rows of weight 0."""
    return _weighted(labels(y_true, 2), scores(y_score, ONE), sample_weight)


def likely(y_true: ArrayLike, y_score: ArrayLike, sample_weight: ArrayLike | None):
    """The same for probabilities of malignant."""
    return _weighted(labels(y_true, 2), probabilities(y_score, ONE), sample_weight)


def likely_of_many(y_true: ArrayLike, y_score: ArrayLike, sample_weight: ArrayLike | None):
    """Class numbers (N,), probabilities of every class (N, K), for (N,) those of 2, and weights (N,)."""
    y_score = probabilities(y_score, ONE | MANY)
    if y_score.ndim == 1:
        y_score = np.stack([1 - y_score, y_score], axis=1)
    return _weighted(labels(y_true, y_score.shape[1]), y_score, sample_weight)


def labels(y: ArrayLike, classes: int) -> np.ndarray:
    """Class numbers (N,) as integers. ValueError for others."""
    y = np.asarray(y)
    if y.dtype.kind in "bui":  # as a bootstrap asks thousands of times
        known = not y.size or (y.min() >= 0 and y.max() < classes)
    else:
        known = np.isin(y, np.arange(classes)).all()
    if y.ndim != 1 or not known:
        raise ValueError(f"labels must be (N,) class indices 0..{classes - 1}, not {y.dtype} {y.shape}")
    return y.astype(np.int64)


def scores(y: ArrayLike, shapes: dict[int, str]) -> np.ndarray:
    """Numbers of these shapes, as floats. ValueError for NaN."""
    y = np.asarray(y) * 1.0  # floats: minus an unsigned integer would wrap around
    if y.ndim not in shapes or np.isnan(y).any():
        raise ValueError(f"y_score must be {' or '.join(shapes.values())} numbers, none of them NaN, not {y.shape}")
    return y


def probabilities(y: ArrayLike, shapes: dict[int, str]) -> np.ndarray:
    """Numbers from 0 to 1. ValueError for others."""
    y = scores(y, shapes)
    if y.min(initial=0) < 0 or y.max(initial=1) > 1:
        raise ValueError(f"y_score must hold probabilities, but runs from {y.min():.6g} to {y.max():.6g}")
    return y


def ratio(part: float, whole: float) -> float:
    """A share; nan of nothing."""
    return float(part / whole) if whole else float("nan")


def _weighted(y_true: np.ndarray, other: np.ndarray, sample_weight: ArrayLike | None):
    """The rows that count, and what each counts: whole numbers stay whole, so that sums of them are exact."""
    if len(y_true) != len(other):
        raise ValueError(f"inputs differ in length: {len(y_true)} and {len(other)}")
    if sample_weight is None:
        return y_true, other, np.ones(len(y_true), np.int64)
    weight = np.asarray(sample_weight)
    weight = weight.astype(np.int64 if weight.dtype.kind in "bui" else np.float64)
    if weight.shape != y_true.shape or not np.isfinite(weight).all() or (weight < 0).any():
        raise ValueError(f"sample_weight must be ({len(y_true)},) finite numbers, none below 0, not {weight.shape}")
    counts = weight > 0
    return (y_true, other, weight) if counts.all() else (y_true[counts], other[counts], weight[counts])
