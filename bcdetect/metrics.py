"""Scores of a classifier: pure functions of the reference standard and the model's answer.

Names and numbers are scikit-learn's, with one difference: **a value that is undefined is nan**, never a silent 0 and
never a warning. Sensitivity, specificity and balanced accuracy are undefined when a class they count has no rows,
precision when nothing is predicted positive, F1 when a class is neither present nor predicted, an AUC when a class has
no rows or every row.

`y_true` (N,) and `y_pred` (N,) are class indices 0..K-1; of two classes benign = 0, and malignant = 1 is the positive
one. `y_score` (N,) is anything that grows with malignancy; where it must be a probability the text says so. Every
function raises ValueError for inputs that are empty or differ in length, labels outside 0..K-1, and NaN scores.
"""

import numpy as np
from numpy.typing import ArrayLike

__all__ = [
    "accuracy_score",
    "balanced_accuracy_score",
    "brier_score_loss",
    "confusion_matrix",
    "f1_score",
    "log_loss",
    "macro_auc_score",
    "macro_f1_score",
    "precision_score",
    "roc_auc_score",
    "roc_curve",
    "sensitivity",
    "specificity",
]

ONE, MANY = {1: "(N,)"}, {2: "(N, K)"}


def confusion_matrix(y_true: ArrayLike, y_pred: ArrayLike, classes: int = 2) -> np.ndarray:
    """Count rows by true class (first axis) and predicted class (second axis): (K, K) integers."""
    y_true, y_pred = _labels(y_true, classes), _labels(y_pred, classes)
    _same_length(y_true, y_pred)
    return np.bincount(classes * y_true + y_pred, minlength=classes**2).reshape(classes, classes)


def accuracy_score(y_true: ArrayLike, y_pred: ArrayLike, classes: int = 2) -> float:
    """Share of rows whose class is right."""
    counts = confusion_matrix(y_true, y_pred, classes)
    return _ratio(counts.trace(), counts.sum())


def balanced_accuracy_score(y_true: ArrayLike, y_pred: ArrayLike, classes: int = 2) -> float:
    """Mean over the classes of the share of that class's rows that are found."""
    counts = confusion_matrix(y_true, y_pred, classes)
    return float(np.mean([_ratio(row[k], row.sum()) for k, row in enumerate(counts)]))


def sensitivity(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Share of malignant rows that are called malignant: TP / (TP + FN), the recall of class 1."""
    _, (fn, tp) = confusion_matrix(y_true, y_pred)
    return _ratio(tp, tp + fn)


def specificity(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Share of benign rows that are called benign: TN / (TN + FP), the recall of class 0."""
    (tn, fp), _ = confusion_matrix(y_true, y_pred)
    return _ratio(tn, tn + fp)


def precision_score(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Share of rows called malignant that are malignant: TP / (TP + FP)."""
    (_, fp), (_, tp) = confusion_matrix(y_true, y_pred)
    return _ratio(tp, tp + fp)


def f1_score(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    """Harmonic mean of precision and sensitivity: 2 TP / (2 TP + FP + FN)."""
    return _f1(confusion_matrix(y_true, y_pred), 1)


def macro_f1_score(y_true: ArrayLike, y_pred: ArrayLike, classes: int = 3) -> float:
    """Unweighted mean over the classes of the F1 of that class against the rest."""
    counts = confusion_matrix(y_true, y_pred, classes)
    return float(np.mean([_f1(counts, k) for k in range(classes)]))


def roc_curve(y_true: ArrayLike, y_score: ArrayLike) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """False- and true-positive rates when `y_score >= threshold` is called malignant.

    Returns (fpr, tpr, thresholds), each (T + 1,) for T distinct scores: the thresholds fall from +inf (nothing is
    called malignant), and equal scores share a point. scikit-learn's `roc_curve(..., drop_intermediate=False)`.
    """
    fp, tp, thresholds = _counts_by_threshold(y_true, y_score)
    undefined = np.full(len(fp), np.nan)
    return fp / fp[-1] if fp[-1] else undefined, tp / tp[-1] if tp[-1] else undefined, thresholds


def roc_auc_score(y_true: ArrayLike, y_score: ArrayLike) -> float:
    """Area under the ROC curve: the chance that a malignant row scores above a benign one, a tie counting one half.

    Summed in whole numbers, so that the order of the rows cannot change the last digit.
    Source: Hanley & McNeil 1982, Radiology 143(1), 29-36.
    """
    fp, tp, _ = _counts_by_threshold(y_true, y_score)
    return _ratio(np.sum(np.diff(fp) * (tp[1:] + tp[:-1])), 2 * fp[-1] * tp[-1])


def macro_auc_score(y_true: ArrayLike, y_score: ArrayLike) -> float:
    """Unweighted mean over the classes of the AUC of class against rest; `y_score` (N, K) has a column a class."""
    y_score = _scores(y_score, MANY)
    y_true = _labels(y_true, y_score.shape[1])
    return float(np.mean([roc_auc_score(y_true == k, column) for k, column in enumerate(y_score.T)]))


def log_loss(y_true: ArrayLike, y_score: ArrayLike) -> float:
    """Mean of -ln(probability given to the true class), in nats.

    `y_score` holds probabilities, (N,) of malignant or (N, K) of every class. They are kept one machine epsilon of
    their own type away from 0 and 1, as scikit-learn does: a certain mistake costs 36 nats in float64, 16 in float32.
    """
    y_score = _probabilities(y_score, ONE | MANY)
    if y_score.ndim == 1:
        y_score = np.stack([1 - y_score, y_score], axis=1)
    y_true = _labels(y_true, y_score.shape[1])
    _same_length(y_true, y_score)
    eps = np.finfo(y_score.dtype).eps
    of_true_class = y_score[np.arange(len(y_true)), y_true]
    return float(-np.log(of_true_class.clip(eps, 1 - eps)).mean(dtype=np.float64))


def brier_score_loss(y_true: ArrayLike, y_score: ArrayLike) -> float:
    """Mean of (probability of malignant - outcome)^2; 0 is perfect, 0.25 is a constant one half.

    Source: Brier 1950, Monthly Weather Review 78(1), 1-3, halved as is usual for two classes.
    """
    y_true, y_score = _labels(y_true, 2), _probabilities(y_score, ONE)
    _same_length(y_true, y_score)
    return float(np.mean((y_score - y_true) ** 2, dtype=np.float64))


def _counts_by_threshold(y_true: ArrayLike, y_score: ArrayLike) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """How many benign (fp) and malignant (tp) rows score at or above each distinct score, from none to all."""
    y_true, y_score = _labels(y_true, 2), _scores(y_score, ONE)
    _same_length(y_true, y_score)
    order = np.argsort(-y_score, kind="stable")
    y_true, y_score = y_true[order], y_score[order]
    last_of_tie = np.append(np.flatnonzero(y_score[1:] != y_score[:-1]), len(y_score) - 1)
    tp = np.append(0, np.cumsum(y_true)[last_of_tie])
    return np.append(0, last_of_tie + 1) - tp, tp, np.append(np.inf, y_score[last_of_tie])


def _f1(counts: np.ndarray, k: int) -> float:
    return _ratio(2 * counts[k, k], counts[k].sum() + counts[:, k].sum())


def _ratio(part: int, whole: int) -> float:
    return float(part / whole) if whole else float("nan")


def _labels(y: ArrayLike, classes: int) -> np.ndarray:
    y = np.asarray(y)
    if y.ndim != 1 or not y.size or not np.isin(y, np.arange(classes)).all():
        raise ValueError(f"labels must be (N,) class indices 0..{classes - 1} and not empty, not {y.dtype} {y.shape}")
    return y.astype(np.int64)


def _scores(y: ArrayLike, shapes: dict[int, str]) -> np.ndarray:
    y = np.asarray(y) * 1.0  # floats: minus an unsigned integer would wrap around
    if y.ndim not in shapes or np.isnan(y).any():
        raise ValueError(f"y_score must be {' or '.join(shapes.values())} numbers, none of them NaN, not {y.shape}")
    return y


def _probabilities(y: ArrayLike, shapes: dict[int, str]) -> np.ndarray:
    y = _scores(y, shapes)
    if y.min(initial=0) < 0 or y.max(initial=1) > 1:
        raise ValueError(f"y_score must hold probabilities, but runs from {y.min():.6g} to {y.max():.6g}")
    return y


def _same_length(a: np.ndarray, b: np.ndarray) -> None:
    if len(a) != len(b):
        raise ValueError(f"inputs differ in length: {len(a)} and {len(b)}")
