"""Scores of a classifier: pure functions of the reference standard and the model's answer.

Names and numbers are scikit-learn's, with one difference: **a value that is undefined is nan**, never a silent 0 or 0.5 and
never a warning; `why_undefined` says why. Sensitivity, specificity and balanced accuracy are undefined when a class they
count has no rows, precision when nothing is predicted positive, F1 when a class is neither present nor predicted, an AUC
when a class has no rows or every row, and everything when there are no rows at all.

`y_true` (N,) and `y_pred` (N,) are class indices 0..K-1; of two classes benign = 0, and malignant = 1 is the positive
one. `y_score` (N,) is anything that grows with malignancy; where it must be a probability the text says so.
`sample_weight` (N,) says what each row counts: a whole number is that many rows alike, 0 leaves it out. Every function
raises ValueError for inputs that differ in length, labels outside 0..K-1, NaN scores, and weights below 0.
"""

from bcdetect.metrics.counts import (
    accuracy_score,
    balanced_accuracy_score,
    confusion_matrix,
    f1_score,
    matthews_corrcoef,
    negative_predictive_value,
    precision_score,
    sensitivity,
    specificity,
)
from bcdetect.metrics.decision import decision_curve, net_benefit
from bcdetect.metrics.many import macro_auc_score, macro_f1_score, one_vs_rest
from bcdetect.metrics.probabilities import brier_score_loss, log_loss
from bcdetect.metrics.ranking import (
    auc,
    average_precision_score,
    pr_auc_score,
    precision_recall_curve,
    roc_auc_score,
    roc_curve,
)
from bcdetect.metrics.reliability import (
    calibration_intercept,
    calibration_slope,
    expected_calibration_error,
    reliability_curve,
)
from bcdetect.metrics.undefined import why_undefined

__all__ = [
    "accuracy_score",
    "auc",
    "average_precision_score",
    "balanced_accuracy_score",
    "brier_score_loss",
    "calibration_intercept",
    "calibration_slope",
    "confusion_matrix",
    "decision_curve",
    "expected_calibration_error",
    "f1_score",
    "log_loss",
    "macro_auc_score",
    "macro_f1_score",
    "matthews_corrcoef",
    "negative_predictive_value",
    "net_benefit",
    "one_vs_rest",
    "pr_auc_score",
    "precision_recall_curve",
    "precision_score",
    "reliability_curve",
    "roc_auc_score",
    "roc_curve",
    "sensitivity",
    "specificity",
    "why_undefined",
]
