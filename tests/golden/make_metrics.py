"""Write metrics.npz, the numbers of scikit-learn that tests/test_metrics.py expects: `python tests/golden/make_metrics.py`.

Calibration slope and intercept, which scikit-learn does not have under a name, are its unpenalised logistic regression and
SciPy's root of the score equation.
"""

from pathlib import Path

import numpy as np
import sklearn
from scipy.optimize import brentq
from scipy.special import expit, logit
from sklearn import metrics as sk
from sklearn.calibration import calibration_curve
from sklearn.linear_model import LogisticRegression


def two_classes(y_true, y_score, weight) -> dict:
    """Every metric of two classes; predicted is a score of at least 0.5."""
    y_pred = (y_score >= 0.5).astype(np.int64)
    w = {"sample_weight": weight}
    fpr, tpr, thresholds = sk.roc_curve(y_true, y_score, drop_intermediate=False, **w)
    precision, recall, rising = sk.precision_recall_curve(y_true, y_score, **w)
    undefined = {"zero_division": np.nan, **w}
    expected = {
        "confusion_matrix": sk.confusion_matrix(y_true, y_pred, **w),
        "accuracy_score": sk.accuracy_score(y_true, y_pred, **w),
        "balanced_accuracy_score": sk.balanced_accuracy_score(y_true, y_pred, **w),
        "sensitivity": sk.recall_score(y_true, y_pred, **undefined),
        "specificity": sk.recall_score(y_true, y_pred, pos_label=0, **undefined),
        "precision_score": sk.precision_score(y_true, y_pred, **undefined),
        "negative_predictive_value": sk.precision_score(y_true, y_pred, pos_label=0, **undefined),
        "f1_score": sk.f1_score(y_true, y_pred, **undefined),
        "matthews_corrcoef": sk.matthews_corrcoef(y_true, y_pred, **w),
        "roc_auc_score": sk.roc_auc_score(y_true, y_score, **w),
        "average_precision_score": sk.average_precision_score(y_true, y_score, **w),
        "pr_auc_score": sk.auc(recall, precision),
        "log_loss": sk.log_loss(y_true, y_score, **w),
        "brier_score_loss": sk.brier_score_loss(y_true, y_score, **w),
        "roc_curve": np.stack([fpr, tpr, thresholds]),
        "precision_recall_curve": np.stack([precision, recall, np.append(rising, np.nan)]),
    }
    if len(np.unique(y_score)) == 1:
        return {name: value for name, value in expected.items() if name != "matthews_corrcoef"}  # theirs is 0, ours undefined
    times = np.ones(len(y_true), int) if weight is None else weight
    eps = np.finfo(float).eps
    z = logit(y_score.clip(eps, 1 - eps))
    line = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-12, max_iter=1000).fit(z[:, None], y_true, weight)
    expected["calibration_slope"] = line.coef_[0, 0]
    expected["calibration_intercept"] = brentq(lambda a: times @ (expit(a + z) - y_true), -9, 9, xtol=1e-14)
    if times.dtype.kind == "i":
        y, p = np.repeat(y_true, times), np.repeat(y_score, times)
        observed, predicted = calibration_curve(y, p, n_bins=10, strategy="uniform")
        rows = np.bincount(np.searchsorted(np.linspace(0, 1, 11)[1:-1], p))
        expected["reliability_curve"] = np.stack([observed, predicted])
        expected["expected_calibration_error"] = rows[rows > 0] @ np.abs(observed - predicted) / len(y)
    return expected


def many_classes(y_true, y_score, weight) -> dict:
    """Every metric of four classes; predicted is the likeliest."""
    y_pred, w = y_score.argmax(axis=1), {"sample_weight": weight}
    return {
        "confusion_matrix": sk.confusion_matrix(y_true, y_pred, **w),
        "accuracy_score": sk.accuracy_score(y_true, y_pred, **w),
        "balanced_accuracy_score": sk.balanced_accuracy_score(y_true, y_pred, **w),
        "matthews_corrcoef": sk.matthews_corrcoef(y_true, y_pred, **w),
        "macro_f1_score": sk.f1_score(y_true, y_pred, average="macro", **w),
        "macro_auc_score": sk.roc_auc_score(y_true, y_score, multi_class="ovr", average="macro", **w),
        "log_loss": sk.log_loss(y_true, y_score, **w),
        "brier_score_loss": sk.brier_score_loss(y_true, y_score, **w),
        "one_vs_rest": [sk.average_precision_score(y_true == k, y_score[:, k], **w) for k in range(4)],
    }


def main() -> None:
    rng = np.random.default_rng(20240601)
    y_true = rng.permutation(np.repeat([0, 1], [71, 43]))
    free = np.clip(rng.normal(0.35 + 0.3 * y_true, 0.25), 0.001, 0.999)
    tied = np.clip(rng.normal(0.35 + 0.3 * y_true, 0.25), 0, 1).round(2)  # rounded and clipped: many ties, 0s and 1s
    whole, broken = rng.integers(0, 4, 114), rng.gamma(1.0, size=114)
    cases = {
        "random": (y_true, free, None),
        "tied": (y_true, tied, None),
        "whole weights": (y_true, tied, whole),
        "broken weights": (y_true, free, broken),
        "constant": (y_true, np.full(114, 0.7), None),
    }
    many_true = rng.permutation(np.repeat([0, 1, 2, 3], [40, 25, 15, 10]))
    logits = rng.normal(size=(90, 4)) + 1.5 * np.eye(4)[many_true]
    many_score = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    many = {"many": (many_true, many_score, None), "many weighted": (many_true, many_score, broken[:90])}
    arrays = {}
    for case, (y, score, weight) in {**cases, **many}.items():
        arrays |= {f"{case}/y_true": y, f"{case}/y_score": score}
        arrays |= {} if weight is None else {f"{case}/sample_weight": weight}
        found = (many_classes if score.ndim == 2 else two_classes)(y, score, weight)
        arrays |= {f"{case}/expected/{name}": value for name, value in found.items()}
    path = Path(__file__).with_name("metrics.npz")
    np.savez_compressed(path, **arrays, made_by=f"scikit-learn {sklearn.__version__}")
    print(path, path.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
