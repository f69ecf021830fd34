"""The operating point: which probability of malignant is called malignant, chosen on the validation part by a stated rule."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from bcdetect.metrics.ranking import counts_by_threshold

RULES = ("half", "sensitivity", "youden", "cost")


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
    if rule == "half":
        found = int((scores[1:] >= 0.5).sum())
        return _point("half", 0.5, fp, tp, found, True, "Called from a probability of 0.5 on, whatever the data")
    if missing:
        found = int((scores[1:] >= 0.5).sum())
        why = f"No validation row is {' or '.join(missing)}: the threshold stays 0.5"
        return _point(rule, 0.5, fp, tp, found, False, why)
    sensitivity, specificity = tp / tp[-1], 1 - fp / fp[-1]
    first = 0 if scores[1] < 1 else 1  # no probability is above 1: where one is 1, something is always called
    reached = True
    if rule == "sensitivity":
        at = int(np.flatnonzero(sensitivity >= target - 1e-12)[0])
        name, needed = class_names[1], f"a sensitivity of {target:g}"
        if fp[at] == fp[-1]:
            reached, text = False, f"Only calling every {class_names[0]} row {name} too reaches {needed} on the validation part"
        else:
            text = f"The highest threshold with {needed} on the validation part: {tp[at]:g} of {tp[-1]:g} {name} rows found"
    elif rule == "youden":
        at = _last_best(sensitivity + specificity, first)
        text = "The largest sensitivity + specificity - 1 on the validation part"
    else:
        share = tp[-1] / (tp[-1] + fp[-1]) if prevalence is None else prevalence
        at = _last_best(-(cost_ratio * share * (1 - sensitivity) + (1 - share) * (1 - specificity)), first)
        text = f"The least cost on the validation part, a missed {class_names[1]} row costing {cost_ratio:g} false alarms"
        text += f", at a prevalence of {share:.3g}"
    return _point(rule, _below(scores, at), fp, tp, at, reached, text)


def _last_best(values: np.ndarray, first: int) -> int:
    """The last of the largest, rounding aside, from `first` on."""
    values = values[first:]
    return first + int(np.flatnonzero(values >= values.max() - 1e-12)[-1])


def _below(scores: np.ndarray, at: int) -> float:
    """Halfway from the score that is still called to the next lower one, exact in the scores' own type, so that no rounding
    moves a row.

    `scores` (T + 1,) fall from +inf; `at` is how many distinct ones are called.
    """
    called = scores[at] if at else scores.dtype.type(1)
    lower = scores[at + 1] if at + 1 < len(scores) else scores.dtype.type(0)
    halfway = lower + (called - lower) / 2
    return float(halfway if halfway > lower else called)


def _point(rule: str, threshold: float, fp, tp, at: int, reached: bool, sentence: str) -> OperatingPoint:
    share = [float(found / whole) if whole else float("nan") for found, whole in ((tp[at], tp[-1]), (fp[-1] - fp[at], fp[-1]))]
    return OperatingPoint(rule, float(threshold), *share, reached, sentence)
