"""Scores of predicted classes: all are shares of the four (or K x K) numbers of one confusion matrix."""

import numpy as np
from numpy.typing import ArrayLike

from bcdetect.metrics.inputs import predicted, ratio


def confusion_matrix(
    y_true: ArrayLike, y_pred: ArrayLike, classes: int = 2, *, sample_weight: ArrayLike | None = None
) -> np.ndarray:
    """Count rows by true class (first axis) and predicted class (second axis): (K, K), integers unless weights are not."""
    y_true, y_pred, weight = predicted(y_true, y_pred, classes, sample_weight)
    counts = np.bincount(classes * y_true + y_pred, weight, minlength=classes**2)
    return counts.astype(weight.dtype).reshape(classes, classes)


def accuracy_score(y_true: ArrayLike, y_pred: ArrayLike, classes: int = 2, *, sample_weight: ArrayLike | None = None) -> float:
    """Share of rows whose class is right."""
    counts = confusion_matrix(y_true, y_pred, classes, sample_weight=sample_weight)
    return ratio(counts.trace(), counts.sum())


def balanced_accuracy_score(
    y_true: ArrayLike, y_pred: ArrayLike, classes: int = 2, *, sample_weight: ArrayLike | None = None
) -> float:
    """Mean over the classes of the share of that class's rows that are found."""
    counts = confusion_matrix(y_true, y_pred, classes, sample_weight=sample_weight)
    return float(np.mean([ratio(row[k], row.sum()) for k, row in enumerate(counts)]))


def sensitivity(y_true: ArrayLike, y_pred: ArrayLike, *, sample_weight: ArrayLike | None = None) -> float:
    """Share of malignant rows that are called malignant: TP / (TP + FN), the recall of class 1."""
    _, (fn, tp) = confusion_matrix(y_true, y_pred, sample_weight=sample_weight)
    return ratio(tp, tp + fn)


def specificity(y_true: ArrayLike, y_pred: ArrayLike, *, sample_weight: ArrayLike | None = None) -> float:
    """Share of benign rows that are called benign: TN / (TN + FP), the recall of class 0."""
    (tn, fp), _ = confusion_matrix(y_true, y_pred, sample_weight=sample_weight)
    return ratio(tn, tn + fp)


def precision_score(y_true: ArrayLike, y_pred: ArrayLike, *, sample_weight: ArrayLike | None = None) -> float:
    """Share of rows called malignant that are malignant: TP / (TP + FP), the positive predictive value."""
    (_, fp), (_, tp) = confusion_matrix(y_true, y_pred, sample_weight=sample_weight)
    return ratio(tp, tp + fp)


def negative_predictive_value(y_true: ArrayLike, y_pred: ArrayLike, *, sample_weight: ArrayLike | None = None) -> float:
    """Share of rows called benign that are benign: TN / (TN + FN), the precision of class 0."""
    (tn, _), (fn, _) = confusion_matrix(y_true, y_pred, sample_weight=sample_weight)
    return ratio(tn, tn + fn)


def f1_score(y_true: ArrayLike, y_pred: ArrayLike, *, sample_weight: ArrayLike | None = None) -> float:
    """Harmonic mean of precision and sensitivity: 2 TP / (2 TP + FP + FN)."""
    (_, fp), (fn, tp) = confusion_matrix(y_true, y_pred, sample_weight=sample_weight)
    return ratio(2 * tp, 2 * tp + fp + fn)


def matthews_corrcoef(y_true: ArrayLike, y_pred: ArrayLike, classes: int = 2, *, sample_weight: ArrayLike | None = None) -> float:
    """Correlation of the true and the predicted class, from -1 over 0 (no better than chance) to 1.

        (c s - sum_k p_k t_k) / sqrt((s^2 - sum_k p_k^2) (s^2 - sum_k t_k^2))

    with s rows, c of them right, t_k of class k, and p_k called k. For two classes it is
    (TP TN - FP FN) / sqrt((TP + FP) (TP + FN) (TN + FP) (TN + FN)).
    Source: Matthews 1975, BBA 405(2), 442-451; for K classes Gorodkin 2004, Comput. Biol. Chem. 28, 367-374.
    """
    counts = confusion_matrix(y_true, y_pred, classes, sample_weight=sample_weight)
    shares = counts / max(counts.sum(), 1e-300)  # of squares of whole numbers the product would overflow
    true, called = shares.sum(axis=1), shares.sum(axis=0)
    if np.count_nonzero(counts.sum(axis=1)) < 2 or np.count_nonzero(counts.sum(axis=0)) < 2:
        return float("nan")
    return float((shares.trace() - true @ called) / np.sqrt((1 - called @ called) * (1 - true @ true)))
