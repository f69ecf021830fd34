"""Every score of one part of the data, with its interval, or the reason why it has none."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from bcdetect import metrics
from bcdetect.intervals import auc_interval, intercept_interval, slope_interval, stratified_bootstrap, wilson

NAMES = {  # of the scores of two classes, and of those that any number has: the metric behind each
    "accuracy": "accuracy_score",
    "balanced_accuracy": "balanced_accuracy_score",
    "sensitivity": "sensitivity",
    "specificity": "specificity",
    "precision": "precision_score",
    "negative_predictive_value": "negative_predictive_value",
    "f1": "f1_score",
    "matthews_correlation": "matthews_corrcoef",
    "roc_auc": "roc_auc_score",
    "average_precision": "average_precision_score",
    "brier": "brier_score_loss",
    "log_loss": "log_loss",
    "expected_calibration_error": "expected_calibration_error",
    "calibration_slope": "calibration_slope",
    "calibration_intercept": "calibration_intercept",
    "macro_f1": "macro_f1_score",
    "macro_auc": "macro_auc_score",
}
OF_SCORES = ("roc_auc", "average_precision", "brier", "log_loss", "expected_calibration_error", "calibration_slope",
             "calibration_intercept", "macro_auc")  # fmt: skip
METHODS = (
    "Wilson for proportions; Wilson with DeLong's variance for the AUC; Wald for calibration slope and intercept; stratified "
    "bootstrap for the others"
)
BY_GROUP = "bootstrap over whole groups"


def score_part(
    y_true: np.ndarray,
    probabilities: np.ndarray,
    y_pred: np.ndarray,
    class_names: Sequence[str],
    groups: np.ndarray | None = None,
) -> dict[str, dict]:
    """Every metric of one part as {name: {"value", "low", "high"}}, with 95 % intervals.

    Shape: y_true (N,), probabilities (N, K), y_pred (N,), groups (N,) or None. Intervals are made as METHODS says; with groups,
    whose rows are no independent draws, every interval is a bootstrap over whole groups. For three and more classes: accuracy,
    balanced accuracy, each class's sensitivity, macro F1 and macro AUC, Matthews correlation, Brier score and log loss. What is
    undefined is None, and "why" says the reason; the interval alone is None of a value that is the same in every resample, and of
    the expected calibration error, whose resamples are biased upwards and need not hold the value itself.
    """
    part = _Part(y_true, probabilities, y_pred, list(class_names), groups)
    classes = probabilities.shape[1]
    scores = {"accuracy": part.share(np.ones(len(y_true), bool), "accuracy")}
    scores["balanced_accuracy"] = part.resampled("balanced_accuracy", classes)
    if classes > 2:
        for number, name in enumerate(class_names):
            scores[f"sensitivity of {name}"] = part.share(y_true == number, why=f"no row is {name}")
        scores["macro_f1"] = part.resampled("macro_f1", classes)
        scores["matthews_correlation"] = part.resampled("matthews_correlation", classes)
        return scores | {name: part.resampled(name) for name in ("macro_auc", "brier", "log_loss")}
    scores["sensitivity"] = part.share(y_true == 1, "sensitivity")
    scores["specificity"] = part.share(y_true == 0, "specificity")
    scores["precision"] = part.share(y_pred == 1, "precision")
    scores["negative_predictive_value"] = part.share(y_pred == 0, "negative_predictive_value")
    scores |= {name: part.resampled(name) for name in ("f1", "matthews_correlation")}
    scores["roc_auc"] = part.by_formula("roc_auc", auc_interval)
    scores |= {name: part.resampled(name) for name in ("average_precision", "brier", "log_loss")}
    scores["expected_calibration_error"] = part.entry("expected_calibration_error", np.nan, np.nan)
    scores["calibration_slope"] = part.by_formula("calibration_slope", slope_interval)
    scores["calibration_intercept"] = part.by_formula("calibration_intercept", intercept_interval)
    return scores


class _Part:
    """The rows of a part, and the ways to an interval."""

    def __init__(self, y_true, probabilities, y_pred, class_names, groups):
        self.y_true, self.y_pred, self.class_names, self.groups = y_true, y_pred, class_names, groups
        self.score = np.ascontiguousarray(probabilities[:, 1]) if probabilities.shape[1] == 2 else probabilities
        self.hit = y_true == y_pred

    def values(self, name: str) -> np.ndarray:
        """What the metric takes beside the labels."""
        return self.score if name in OF_SCORES else self.y_pred

    def entry(self, name: str, low: float, high: float, *more) -> dict:
        """The value, its limits, and why it has no value."""
        value = getattr(metrics, NAMES[name])(self.y_true, self.values(name), *more)
        return self.told(name, value, low, high)

    def told(self, name: str, value: float, low: float, high: float) -> dict:
        """The same for a value at hand."""
        why = metrics.why_undefined(NAMES[name], self.y_true, self.values(name), self.class_names) if np.isnan(value) else None
        return entry(value, low, high, why)

    def share(self, chosen: np.ndarray, name: str | None = None, why: str | None = None) -> dict:
        """The share of hits among the chosen rows."""
        found = share(self.hit, chosen, self.y_true, self.groups)
        if found["value"] is not None:
            return found
        return entry(np.nan, np.nan, np.nan, why) if name is None else self.told(name, np.nan, np.nan, np.nan)

    def resampled(self, name: str, *more) -> dict:
        """A bootstrap's interval."""
        metric = getattr(metrics, NAMES[name])
        return self.entry(name, *limits(lambda y, v: metric(y, v, *more), self.y_true, self.values(name), self.groups), *more)

    def by_formula(self, name: str, formula: Callable) -> dict:
        """A formula's interval for rows that are independent draws; a bootstrap's for others."""
        return self.resampled(name) if self.groups is not None else self.entry(name, *formula(self.y_true, self.score))


def share(hit: np.ndarray, chosen: np.ndarray, y_true: np.ndarray, groups: np.ndarray | None = None) -> dict:
    """The share of hits among the chosen rows, with its interval: Wilson's, or a bootstrap's over groups. Shapes: (N,)."""
    if groups is None:
        part, whole = int(hit[chosen].sum()), int(chosen.sum())
        return entry(part / whole if whole else np.nan, *wilson(part, whole))

    def mean(_, rows):
        return _mean(rows[rows[:, 1], 0])

    values = np.column_stack([hit, chosen])
    return entry(mean(None, values), *limits(mean, y_true, values, groups))


def limits(metric: Callable, y_true: np.ndarray, values: np.ndarray, groups: np.ndarray | None) -> tuple[float, float]:
    """A bootstrap's interval (low, high); nan where every resample gives the same, or one is undefined."""
    if not len(y_true):
        return np.nan, np.nan
    low, high = stratified_bootstrap(y_true, values, metric, groups=groups)
    return (low, high) if low < high else (np.nan, np.nan)


def entry(value: float, low: float, high: float, why: str | None = None) -> dict:
    """JSON has no NaN. A value that is undefined has a reason where one is known."""
    found = {key: None if np.isnan(n) else float(n) for key, n in (("value", value), ("low", low), ("high", high))}
    return found | ({"why": why} if why and found["value"] is None else {})


def _mean(hits: np.ndarray) -> float:
    return float(hits.mean()) if len(hits) else np.nan
