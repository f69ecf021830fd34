"""Scores of an order: curves over all thresholds, and the areas under them.

One counting primitive, `counts_by_threshold`, feeds every curve: how many benign and malignant rows score at or above each
distinct score.
"""

import numpy as np
from numpy.typing import ArrayLike

from bcdetect.metrics.inputs import ratio, scored


def counts_by_threshold(
    y_true: ArrayLike, y_score: ArrayLike, sample_weight: ArrayLike | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Benign (fp) and malignant (tp) rows that score at or above each threshold, from none to all: (T + 1,) each.

    The thresholds are +inf and then the T distinct scores, falling. Weighted rows count their weight.
    """
    y_true, y_score, weight = scored(y_true, y_score, sample_weight)
    order = np.argsort(-y_score, kind="stable")
    y_true, y_score, weight = y_true[order], y_score[order], weight[order]
    last_of_tie = np.flatnonzero(np.append(y_score[1:] != y_score[:-1], len(y_score) > 0))
    tp, fp = (np.append(0, np.cumsum(weight * (y_true == k))[last_of_tie]) for k in (1, 0))
    return fp, tp, np.append(y_score.dtype.type(np.inf), y_score[last_of_tie])


def roc_curve(
    y_true: ArrayLike, y_score: ArrayLike, *, sample_weight: ArrayLike | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """False- and true-positive rates when `y_score >= threshold` is called malignant.

    Returns (fpr, tpr, thresholds), each (T + 1,) for T distinct scores: the thresholds fall from +inf (nothing is
    called malignant), and equal scores share a point. scikit-learn's `roc_curve(..., drop_intermediate=False)`.
    """
    fp, tp, thresholds = counts_by_threshold(y_true, y_score, sample_weight)
    return _share_of_all(fp), _share_of_all(tp), thresholds


def precision_recall_curve(
    y_true: ArrayLike, y_score: ArrayLike, *, sample_weight: ArrayLike | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Precision and sensitivity when `y_score >= threshold` is called malignant.

    Returns (precision, recall, thresholds), (T + 1,), (T + 1,) and (T,) for T distinct scores: the thresholds rise, and a last
    point of precision 1 and recall 0, without a threshold, ends the curve. scikit-learn's function of this name.
    """
    fp, tp, thresholds = counts_by_threshold(y_true, y_score, sample_weight)
    precision = np.append(1.0, tp[1:] / (tp + fp)[1:])
    return precision[::-1], _share_of_all(tp)[::-1], thresholds[:0:-1]


def auc(x: ArrayLike, y: ArrayLike) -> float:
    """Area under straight lines through the points (x, y), x (T,) rising or falling. ValueError for fewer than two points."""
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    step = np.diff(x)
    if x.ndim != 1 or x.shape != y.shape or len(x) < 2 or ((step > 0).any() and (step < 0).any()):
        raise ValueError("auc needs x (T,) that rises or falls throughout, and y (T,), of at least two points")
    area = float(np.sum(step * (y[1:] + y[:-1])) / 2)
    return -area if (step < 0).any() else area


def roc_auc_score(y_true: ArrayLike, y_score: ArrayLike, *, sample_weight: ArrayLike | None = None) -> float:
    """Area under the ROC curve: the chance that a malignant row scores above a benign one, a tie counting one half.

    Summed in whole numbers (where the weights are), so that the order of the rows cannot change the last digit.
    Source: Hanley & McNeil 1982, Radiology 143(1), 29-36.
    """
    fp, tp, _ = counts_by_threshold(y_true, y_score, sample_weight)
    return ratio(np.sum(np.diff(fp) * (tp[1:] + tp[:-1])), 2 * fp[-1] * tp[-1])


def average_precision_score(y_true: ArrayLike, y_score: ArrayLike, *, sample_weight: ArrayLike | None = None) -> float:
    """Mean precision over the malignant rows, each at the threshold that finds it: sum_t (R_t - R_{t-1}) P_t.

    The area under the precision-recall curve in steps, which does not draw lines between points that no threshold reaches.
    A useless score has the share of malignant rows, not one half. Source: Zhu 2004, Recall, precision and average precision.
    """
    fp, tp, _ = counts_by_threshold(y_true, y_score, sample_weight)
    return ratio(np.sum(np.diff(tp) * tp[1:] / (tp + fp)[1:]), tp[-1])


def pr_auc_score(y_true: ArrayLike, y_score: ArrayLike, *, sample_weight: ArrayLike | None = None) -> float:
    """Area under straight lines through the points of the precision-recall curve: `auc(recall, precision)`.

    The lines make it a little too good (Davis & Goadrich 2006); `average_precision_score` is the honest one.
    """
    precision, recall, _ = precision_recall_curve(y_true, y_score, sample_weight=sample_weight)
    return auc(recall, precision) if len(recall) > 1 else float("nan")


def _share_of_all(counts: np.ndarray) -> np.ndarray:
    """Running counts over their last one; nan where there is nothing to count."""
    return counts / counts[-1] if counts[-1] else np.full(len(counts), np.nan)
