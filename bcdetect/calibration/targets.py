"""What a calibration is fitted to: classes, softened a little, so that a perfect validation part does not make it certain."""

import numpy as np
from numpy.typing import ArrayLike


def softened(y: np.ndarray, weight: np.ndarray, classes: int) -> np.ndarray:
    """Targets (N, K): a row of class k counts as (n_k + 1) / (n_k + K) of k, and 1 / (n_k + K) of each other class.

    n_k is the weight of that class's rows. It is as if one row of every class had been seen at each row's place, Laplace's
    rule, and keeps the fit finite where the scores separate the classes. Source: Platt 1999, Advances in Large Margin
    Classifiers, 61-74, for two classes.
    """
    rows = np.bincount(y, weight, minlength=classes)[y][:, None]
    return (np.eye(classes)[y] * rows + 1) / (rows + classes)


def checked(z: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None, classes: int):
    """z, class numbers y (N,) and weights (N,) as arrays, without rows of weight 0.

    ValueError for what cannot be fitted: other shapes, numbers that are not finite, or a class without rows.
    """
    z, y = np.asarray(z, np.float64), np.asarray(y)
    weight = np.ones(len(z)) if sample_weight is None else np.asarray(sample_weight, np.float64)
    if y.shape != z.shape[:1] or weight.shape != y.shape or not np.isin(y, np.arange(classes)).all():
        raise ValueError(f"y must be class numbers 0..{classes - 1}, one a row, and so many weights")
    if not np.isfinite(z).all() or not np.isfinite(weight).all() or (weight < 0).any():
        raise ValueError("scores must be finite, and weights too, none below 0")
    z, y, weight = z[weight > 0], y[weight > 0].astype(np.int64), weight[weight > 0]
    if len(np.unique(y)) < classes:
        raise ValueError("every class must have rows to calibrate on")
    return z, y, weight
