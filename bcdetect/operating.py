"""The operating point: which probability of malignant is called malignant, chosen on the validation part by a stated rule.

`threshold_counts` says what any other one would have given.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from bcdetect.metrics.inputs import likely
from bcdetect.metrics.ranking import counts_by_threshold

RULES = ("half", "sensitivity", "youden", "cost")
MOST = 500  # thresholds of `threshold_counts`


@dataclass(frozen=True)
class OperatingPoint:
    """A frozen threshold: rows whose probability is at least that are called malignant.

    Sensitivity and specificity are those of the rows it was chosen on, and so too good; nan for a class that had none.
    `reached` says whether the rule could be followed, `sentence` what was done, and why not otherwise.
    """

    rule: str
    threshold: float
    sensitivity: float
    specificity: float
    reached: bool
    sentence: str


def choose(
    y_true: ArrayLike,
    probability: ArrayLike,
    rule: str = "half",
    target: float = 0.95,
    cost_ratio: float = 10.0,
    prevalence: float | None = None,
    *,
    sample_weight: ArrayLike | None = None,
    class_names: tuple[str, str] = ("benign", "malignant"),
) -> OperatingPoint:
    """The threshold for probabilities (N,) of the second class, by one of RULES.

    - half: 0.5, whatever the rows;
    - sensitivity: the highest threshold with at least `target`, which keeps most specificity;
    - youden: the largest sensitivity + specificity - 1 (Youden 1950, Cancer 3(1), 32-35);
    - cost: the least cost_ratio P (1 - sensitivity) + (1 - P) (1 - specificity), a missed malignant row costing as much as
      `cost_ratio` false alarms, at the prevalence P, by default the share of malignant rows.

    Equal scores are called alike, so that no threshold cuts through a tie. Thresholds lie halfway between two neighbouring
    scores, the lowest between 0 and the first. Of thresholds that are equally good the lowest is taken: it misses fewest. Where
    the rule cannot be followed (a class without rows; a sensitivity that only calling everything reaches) `reached` is False;
    without rows of a class the threshold is 0.5. ValueError for another rule, or numbers out of range.
    """
    if rule not in RULES:
        raise ValueError(f"there is no rule {rule!r}; it must be one of {', '.join(RULES)}")
    if not 0 < target <= 1 or not 0 < cost_ratio < np.inf or not (prevalence is None or 0 < prevalence < 1):
        raise ValueError("target must be above 0 and at most 1, cost_ratio above 0, prevalence between 0 and 1")
    probability = np.asarray(probability)
    if probability.size and not (probability.min() >= 0 and probability.max() <= 1):
        raise ValueError("probability must be from 0 to 1")
    fp, tp, scores = counts_by_threshold(y_true, probability, sample_weight)
    missing = [name for name, counts in zip(class_names, (fp, tp), strict=True) if not counts[-1]]
    if rule == "half" or missing:
        why = "One half, whatever the data"
        why = why if rule == "half" else f"No validation row is {' or '.join(missing)}: the threshold stays 0.5"
        return _point(rule, 0.5, fp, tp, int((scores[1:] >= 0.5).sum()), rule == "half", why)
    if rule == "sensitivity":
        at, reached, sentence = _target(fp, tp, target, class_names)
    else:
        if rule == "youden":
            value, sentence = tp / tp[-1] - fp / fp[-1], "The largest sensitivity + specificity - 1 on the validation part"
        else:
            share = tp[-1] / (tp[-1] + fp[-1]) if prevalence is None else prevalence
            value = cost_ratio * share * tp / tp[-1] - (1 - share) * fp / fp[-1]
            sentence = f"The least cost on the validation part, a missed {class_names[1]} row costing {cost_ratio:g} false alarms"
            sentence += f", at a prevalence of {share:.3g}"
        nothing = 0 if scores[1] < 1 else 1  # no threshold is above 1: where a probability is 1, something is called
        at, reached = nothing + int(np.flatnonzero(value[nothing:] >= value[nothing:].max() - 1e-12)[-1]), True
    return _point(rule, _below(scores, at), fp, tp, at, reached, sentence)


def threshold_counts(y_true: ArrayLike, probability: ArrayLike, own: float = 0.5, most: int = MOST) -> dict[str, list]:
    """What every threshold gives: rows at or above it are called positive. Ready for JSON.

    Columns of one length: `thresholds` rising, and the rows `tp`, `fp`, `fn`, `tn` at each. They are the distinct probabilities
    (N,) and 1, thinned out evenly to `most` of at least 3, and `own` exactly. Between two of them the counts are those of the
    higher, but for rows in what was thinned out. ValueError for what is no probability.
    """
    y_true, probability, _ = likely(y_true, probability, None)
    kept = np.unique(np.append(probability, 1).astype(np.float64))
    if len(kept) >= most:
        kept = kept[np.unique(np.linspace(0, len(kept) - 1, most - 1).round().astype(int))]
    kept = np.union1d(kept, own)
    # Compared in the scores' own type, as `Classifier.decide` does.
    below = [np.searchsorted(np.sort(probability[y_true == k]), kept.astype(probability.dtype)) for k in (0, 1)]
    rows = np.bincount(y_true, minlength=2)
    counts = {"tp": rows[1] - below[1], "fp": rows[0] - below[0], "fn": below[1], "tn": below[0]}
    return {"thresholds": kept.tolist(), **{name: each.tolist() for name, each in counts.items()}}


def _target(fp: np.ndarray, tp: np.ndarray, target: float, class_names: tuple[str, str]) -> tuple[int, bool, str]:
    """How many distinct scores to call for the target sensitivity, whether that leaves any specificity, and a sentence."""
    at = int(np.flatnonzero(tp / tp[-1] >= target - 1e-12)[0])
    (other, name), needed = class_names, f"a sensitivity of {target:g}"
    if fp[at] == fp[-1]:
        return at, False, f"Only calling every {other} row {name} too reaches {needed} on the validation part"
    return at, True, f"The highest threshold with {needed} on the validation part: {tp[at]:g} of {tp[-1]:g} {name} rows found"


def _below(scores: np.ndarray, at: int) -> float:
    """Halfway from the score that is still called to the next lower one, in the scores' own type, so that rounding moves no row.

    `scores` (T + 1,) fall from +inf; `at` is how many distinct ones are called.
    """
    called = scores[at] if at else scores.dtype.type(1)
    lower = scores[at + 1] if at + 1 < len(scores) else scores.dtype.type(0)
    halfway = lower + (called - lower) / 2
    return float(halfway if halfway > lower else called)


def _point(rule: str, threshold: float, fp, tp, at: int, reached: bool, sentence: str) -> OperatingPoint:
    share = [float(found / whole) if whole else float("nan") for found, whole in ((tp[at], tp[-1]), (fp[-1] - fp[at], fp[-1]))]
    return OperatingPoint(rule, float(threshold), *share, reached, sentence)
