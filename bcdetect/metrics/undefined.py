"""Why a metric is undefined, in words: for a person who meets a gap in a table."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from bcdetect.metrics.inputs import labels, probabilities, scores
from bcdetect.metrics.reliability import determines_a_slope
from bcdetect.newton import log_odds

NEEDS = {  # of each metric that can be undefined, what has to be there, in the order to be told
    "accuracy_score": ("rows",),
    "average_precision_score": ("rows", "malignant"),
    "balanced_accuracy_score": ("rows", "every class"),
    "brier_score_loss": ("rows",),
    "calibration_intercept": ("rows", "every class"),
    "calibration_slope": ("rows", "every class", "overlap"),
    "decision_curve": ("rows",),
    "expected_calibration_error": ("rows",),
    "f1_score": ("rows", "malignant or called so"),
    "log_loss": ("rows",),
    "macro_auc_score": ("rows", "every class"),
    "macro_f1_score": ("rows", "every class or called so"),
    "matthews_corrcoef": ("rows", "two classes", "two called"),
    "negative_predictive_value": ("rows", "benign called"),
    "net_benefit": ("rows",),
    "pr_auc_score": ("rows", "malignant"),
    "precision_recall_curve": ("rows", "malignant"),
    "precision_score": ("rows", "malignant called"),
    "reliability_curve": ("rows",),
    "roc_auc_score": ("rows", "every class"),
    "roc_curve": ("rows", "every class"),
    "sensitivity": ("rows", "malignant"),
    "specificity": ("rows", "benign"),
}


def why_undefined(
    name: str,
    y_true: ArrayLike,
    other: ArrayLike | None = None,
    class_names: Sequence[str] = ("benign", "malignant"),
    *,
    sample_weight: ArrayLike | None = None,
) -> str | None:
    """The reason why `metrics.<name>` is nan (or has nan in it) for these rows; None where it is a number.

    `other` is what the metric takes beside `y_true`, predicted classes or scores: without it only what `y_true` alone rules out
    is found. Of more than two classes the reason names those that are missing. KeyError for a metric that is never undefined.
    """
    needs = NEEDS[name]
    y_true = labels(y_true, len(class_names))
    counts = np.ones(len(y_true), bool) if sample_weight is None else np.asarray(sample_weight) > 0
    other = None if other is None else np.asarray(other)[counts]
    facts = _Facts(y_true[counts], other, list(class_names))
    return next((reason for need in needs if (reason := facts.lacks(need))), None)


class _Facts:
    """Which classes there are, and which are called."""

    def __init__(self, y_true: np.ndarray, other: np.ndarray | None, names: list[str]):
        self.y_true, self.other, self.names = y_true, other, names

    def lacks(self, need: str) -> str | None:
        """What is missing of this need, in words."""
        true = set(self.y_true.tolist())
        if need == "rows":
            return None if true else "there are no rows"
        if need in ("malignant", "benign"):
            return self._no_row({int(need == "malignant")} - true)
        if need == "every class":
            return self._no_row(set(range(len(self.names))) - true)
        if need == "two classes":
            return None if len(true) > 1 else f"every row is {self.names[min(true)]}"
        return None if self.other is None else self._called(need, true)

    def _called(self, need: str, true: set[int]) -> str | None:
        if need == "overlap":
            return self._apart()
        called = set(labels(self.other, len(self.names)).tolist())
        if need in ("malignant called", "benign called"):
            return self._no_row({int(need == "malignant called")} - called, "called ")
        if need == "two called":
            return None if len(called) > 1 else f"every row is called {self.names[min(called)]}"
        wanted = {1} if need == "malignant or called so" else set(range(len(self.names)))
        return self._no_row(wanted - true - called, "or is called ")

    def _no_row(self, missing: set[int], how: str = "") -> str | None:
        which = " and none ".join(how + self.names[k] for k in sorted(missing))
        return f"no row is {which}" if missing else None

    def _apart(self) -> str | None:
        z = log_odds(probabilities(scores(self.other, {1: "(N,)"}), {1: "(N,)"}))
        if determines_a_slope(self.y_true, z):
            return None
        if z.min() == z.max():
            return "all probabilities are the same"
        return f"a threshold separates {self.names[0]} from {self.names[1]}, so that any steep slope fits"
