"""Three and more classes, each against the rest."""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from bcdetect.metrics.counts import f1_score
from bcdetect.metrics.inputs import MANY, labels, scores
from bcdetect.metrics.ranking import roc_auc_score


def one_vs_rest(
    metric: Callable, y_true: ArrayLike, values: ArrayLike, classes: int, *, sample_weight: ArrayLike | None = None
) -> np.ndarray:
    """`metric` of every class against the rest: (K,), nan for each class of which it is undefined.

    `values` are predicted classes (N,), of which it gets whether they are that class, or scores (N, K), of which that column.
    """
    y_true, values = labels(y_true, classes), np.asarray(values)
    columns = [values == k for k in range(classes)] if values.ndim == 1 else scores(values, MANY).T
    if len(columns) != classes:
        raise ValueError(f"values have {len(columns)} columns for {classes} classes")
    return np.array([metric(y_true == k, column, sample_weight=sample_weight) for k, column in enumerate(columns)])


def macro_f1_score(y_true: ArrayLike, y_pred: ArrayLike, classes: int = 3, *, sample_weight: ArrayLike | None = None) -> float:
    """Unweighted mean over the classes of the F1 of that class against the rest."""
    return float(one_vs_rest(f1_score, y_true, labels(y_pred, classes), classes, sample_weight=sample_weight).mean())


def macro_auc_score(y_true: ArrayLike, y_score: ArrayLike, *, sample_weight: ArrayLike | None = None) -> float:
    """Unweighted mean over the classes of the AUC of class against rest; `y_score` (N, K) has a column a class."""
    y_score = scores(y_score, MANY)
    return float(one_vs_rest(roc_auc_score, y_true, y_score, y_score.shape[1], sample_weight=sample_weight).mean())
