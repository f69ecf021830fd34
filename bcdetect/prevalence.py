"""What a positive and a negative answer mean where the disease is rarer, or commoner, than in the test data."""

from __future__ import annotations

import math

from bcdetect.intervals.ratio import proportion_ratio

PREVALENCES = (0.005, 0.01, 0.05, 0.30)  # screening, recall clinic, symptomatic clinic, biopsy: orders of magnitude


def predictive_values(sensitivity: float, specificity: float, prevalence: float) -> tuple[float, float]:
    """Positive and negative predictive value by Bayes' rule; nan where nobody gets that answer.

    PPV = se P / (se P + (1 - sp) (1 - P)),   NPV = sp (1 - P) / (sp (1 - P) + (1 - se) P)
    """
    found, alarms = sensitivity * prevalence, (1 - specificity) * (1 - prevalence)
    cleared, missed = specificity * (1 - prevalence), (1 - sensitivity) * prevalence
    return _share(found, alarms), _share(cleared, missed)


def at_prevalence(counts, prevalence: float, confidence: float = 0.95) -> dict[str, dict[str, float]]:
    """{"ppv", "npv": {"value", "low", "high"}} at a prevalence, from a confusion matrix [[TN, FP], [FN, TP]] of the test part.

    An answer turns the odds before it into those after it by its likelihood ratio, the ratio of two proportions:

        PPV / (1 - PPV) = P / (1 - P) * se / (1 - sp),    NPV / (1 - NPV) = (1 - P) / P * sp / (1 - se)

    so that Koopman's interval of that ratio is one of the predictive value; counts of 0 have one too. The prevalence counts as
    known. nan where a class has no rows, and for the value of an answer that nobody got. ValueError for a prevalence outside
    (0, 1).
    """
    (tn, fp), (fn, tp) = ((float(n) for n in row) for row in counts)
    if not 0 < prevalence < 1:
        raise ValueError(f"a prevalence must be between 0 and 1, not {prevalence}")
    odds = prevalence / (1 - prevalence)
    sensitivity = tp / (tp + fn) if tp + fn else math.nan
    specificity = tn / (tn + fp) if tn + fp else math.nan
    ppv, npv = predictive_values(sensitivity, specificity, prevalence)
    likely, unlikely = (tp, tp + fn, fp, fp + tn), (tn, tn + fp, fn, fn + tp)
    return {
        "ppv": _entry(ppv, odds, proportion_ratio(*likely, confidence)),
        "npv": _entry(npv, 1 / odds, proportion_ratio(*unlikely, confidence)),
    }


def _entry(value: float, odds: float, ratios: tuple[float, float]) -> dict[str, float]:
    """Limits of the likelihood ratio as limits of the predictive value."""
    low, high = (1.0 if ratio == math.inf else odds * ratio / (1 + odds * ratio) for ratio in ratios)
    return {"value": value, "low": low, "high": high}


def _share(part: float, rest: float) -> float:
    return part / (part + rest) if part + rest else math.nan
