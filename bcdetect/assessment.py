"""What a part of the data says beyond scores: calibration before and after, predictive values, referral, errors, comparison.

Every function gives a dict that is ready for JSON, an undefined number being None with its reason under "why".
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bcdetect import metrics
from bcdetect.calibration import reliability_bins
from bcdetect.classifier import Classifier
from bcdetect.intervals import auc_difference, mcnemar
from bcdetect.judgement import Judgement, Referral
from bcdetect.novelty import UNLIKE
from bcdetect.operating import threshold_counts
from bcdetect.prevalence import PREVALENCES, at_prevalence
from bcdetect.scores import NAMES, entry, limits, score_part, share

PROPER = ("brier", "log_loss", "expected_calibration_error", "calibration_slope", "calibration_intercept")
THRESHOLDS = tuple(round(0.05 * k, 2) for k in range(1, 20))
ERRORS = 12  # that are listed, the surest first
DEPENDENT = "rows of one group are no independent draws"


def assess(
    classifier: Classifier,
    y: np.ndarray,
    raw: np.ndarray,
    referrals: Sequence[Referral],
    names: Sequence[str],
    groups: np.ndarray | None = None,
) -> dict:
    """Everything that one model's answers for labelled rows say, by the names below.

    Shape: y (N,), the networks' own probabilities `raw` (N, K), one referral and one name a row, groups (N,) or None.
    """
    judgement, class_names = classifier.judgement, classifier.class_names
    p = judgement.calibrated(raw)
    called = classifier.decide(p)
    found = {
        "operating_point": operating_point(judgement),
        "calibration": calibration(judgement, y, raw, p, class_names),
        "referral": referral(judgement, referrals, y, called, class_names, groups),
        "errors": errors(y, p, called, referrals, names, class_names),
        "notes": list(judgement.notes),
    }
    if len(class_names) == 2:
        found["at_prevalence"] = by_prevalence(metrics.confusion_matrix(y, called), groups)
        positive = np.ascontiguousarray(p[:, 1])
        found["threshold_counts"] = threshold_counts(y, positive, judgement.threshold)
        found["reliability"] = reliability(y, positive, groups)
        curve = metrics.decision_curve(y, positive, THRESHOLDS)
        found["decision_curve"] = {
            name: [None if np.isnan(n) else round(float(n), 6) for n in values] for name, values in curve._asdict().items()
        }
    return found


def operating_point(judgement: Judgement) -> dict | None:
    """The rule, the threshold, and what it gave on the validation part; None for three and more classes."""
    return judgement.meta()["point"]


def calibration(judgement: Judgement, y: np.ndarray, raw: np.ndarray, p: np.ndarray, class_names: Sequence[str]) -> dict:
    """Which calibration, its numbers (of a staircase, how many knots), and the scores of probabilities before and after it."""
    kind = judgement.calibration and judgement.calibration.kind
    numbers = {} if kind is None else judgement.calibration.state()
    told = {name: float(a) if a.ndim == 0 else f"{len(a)} knots" for name, a in numbers.items()}
    before, after = (_proper(y, probabilities, class_names) for probabilities in (raw, p))
    return {"kind": kind, "numbers": told, "before": before, "after": after}


def _proper(y: np.ndarray, p: np.ndarray, class_names: Sequence[str]) -> dict:
    names = PROPER if len(class_names) == 2 else PROPER[:2]
    scores = np.ascontiguousarray(p[:, 1]) if len(class_names) == 2 else p
    return {name: entry(getattr(metrics, NAMES[name])(y, scores), np.nan, np.nan)["value"] for name in names}


def by_prevalence(confusion: np.ndarray, groups: np.ndarray | None = None) -> dict:
    """PPV and NPV where the disease is as rare as PREVALENCES: {"0.005": {"ppv", "npv"}}, with intervals for independent rows."""
    found = {}
    for prevalence in PREVALENCES:
        values = at_prevalence(confusion, prevalence)
        for each in values.values():
            low, high = (each["low"], each["high"]) if groups is None else (np.nan, np.nan)
            each |= entry(each["value"], low, high, "a class has no rows, or nobody gets this answer")
        found[f"{prevalence:g}"] = values
    return found


def reliability(y: np.ndarray, positive: np.ndarray, groups: np.ndarray | None = None) -> list[dict]:
    """The bins of `calibration.reliability_bins`, with intervals for independent rows; without any for groups, or rows."""
    bins = reliability_bins(y, positive) if len(y) else []
    return bins if groups is None else [each | {"low": None, "high": None} for each in bins]


def referral(
    judgement: Judgement,
    referrals: Sequence[Referral],
    y: np.ndarray,
    called: np.ndarray,
    class_names: Sequence[str],
    groups: np.ndarray | None = None,
) -> dict:
    """How many rows are referred and why, how often the sets hold the true class, and how right the answers to the others are."""
    conformal = judgement.conformal
    every, hit = np.ones(len(y), bool), y == called
    referred = np.array([each.reason is not None for each in referrals], bool)
    unlike = np.array([UNLIKE in (each.reason or "") for each in referrals], bool)
    found = {
        "error_rate": None if conformal is None else conformal.error_rate,
        "validation_rows": None if conformal is None else dict(zip(class_names, conformal.rows.tolist(), strict=True)),
        "referred": share(referred, every, y, groups),
        "unlike_the_training_data": share(unlike, every, y, groups),
        "accuracy_of_the_referred": share(hit, referred, y, groups),
        "accuracy_of_the_others": share(hit, ~referred, y, groups),
    }
    if conformal is not None:
        pairs = zip(referrals, y.tolist(), strict=True)
        held = np.array([class_names[number] in each.classes for each, number in pairs], bool)
        sizes = np.array([len(each.classes) for each in referrals])
        found["coverage"] = share(held, every, y, groups)
        found["coverage_by_class"] = {name: share(held, y == k, y, groups) for k, name in enumerate(class_names)}
        found["rows_by_set_size"] = {str(size): int((sizes == size).sum()) for size in range(len(class_names) + 1)}
    return found


def errors(
    y: np.ndarray,
    p: np.ndarray,
    called: np.ndarray,
    referrals: Sequence[Referral],
    names: Sequence[str],
    class_names: Sequence[str],
) -> dict:
    """How many answers are wrong, how many of those are referred, and the surest of them."""
    wrong = np.flatnonzero(y != called)
    surest = wrong[np.argsort(p[wrong, y[wrong]], kind="stable")][:ERRORS]
    shown = [
        {
            "row": str(names[i]),
            "reference": class_names[y[i]],
            "predicted": class_names[called[i]],
            "probability_of_predicted": float(p[i, called[i]]),
            "refer": referrals[i].reason,
        }
        for i in surest
    ]
    return {"rows": len(wrong), "referred": sum(referrals[i].reason is not None for i in wrong), "surest": shown}


def against(
    y: np.ndarray,
    first: tuple[np.ndarray, np.ndarray],
    second: tuple[np.ndarray, np.ndarray],
    groups: np.ndarray | None = None,
) -> dict:
    """Two models on the same rows, each as (probabilities (N, K), predicted classes (N,)): difference of AUC, and McNemar's test.

    With groups the difference has a bootstrap's interval over whole groups, and no p-value. For three and more classes only the
    predicted classes are compared.
    """
    found = {}
    if first[0].shape[1] == 2:
        scores = np.stack([first[0][:, 1], second[0][:, 1]], axis=1).astype(np.float64)
        difference = auc_difference(y, scores[:, 0], scores[:, 1])
        low, high, p_value = difference.low, difference.high, difference.p_value
        if groups is not None:
            (low, high), p_value = limits(_auc_difference, y, scores, groups), np.nan
        p_value = entry(p_value, np.nan, np.nan)["value"]
        found["roc_auc_difference"] = entry(difference.difference, low, high, "a class has no rows") | {"p_value": p_value}
        if groups is not None:
            found["roc_auc_difference"]["why_no_p_value"] = DEPENDENT
    test = mcnemar(y, first[1], second[1])
    found["only_first_right"], found["only_second_right"] = test.only_first, test.only_second
    found["mcnemar_exact_p"], found["mcnemar_mid_p"] = (test.exact, test.mid) if groups is None else (None, None)
    if groups is not None:
        found["why_no_mcnemar"] = DEPENDENT
    return found


def _auc_difference(y: np.ndarray, scores: np.ndarray) -> float:
    return metrics.roc_auc_score(y, scores[:, 0]) - metrics.roc_auc_score(y, scores[:, 1])


def by_subgroup(
    values: np.ndarray,
    y: np.ndarray,
    p: np.ndarray,
    called: np.ndarray,
    class_names: Sequence[str],
    groups: np.ndarray | None = None,
) -> dict:
    """For each value of a column (N,) its rows, rows of each class, and every score of `scores.score_part`."""
    found = {}
    for value in sorted(set(values.tolist())):
        rows = np.flatnonzero(values == value)
        counts = np.bincount(y[rows], minlength=len(class_names)).tolist()
        inside = None if groups is None else groups[rows]
        scores = score_part(y[rows], p[rows], called[rows], class_names, inside)
        found[value] = {"rows": len(rows), "classes": dict(zip(class_names, counts, strict=True)), "scores": scores}
    return found
