"""What a positive and a negative answer mean where the disease is rarer, or commoner, than in the test data."""

from __future__ import annotations

import math

from bcdetect.intervals.normal import z_value

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

    The value is Bayes' rule on the shares found. The interval is on the logit scale, where sensitivity and specificity add up:

        logit PPV = logit P + ln(se / (1 - sp)),  variance (1 - se) / (m se) + sp / (n (1 - sp))

    with z^2 / 2 rows added to each of the four counts, so that counts of 0 have an interval too; it is widened to hold the
    value. The prevalence counts as known. nan where a class has no rows. Source: Mercaldo, Lau & Zhou 2007, Stat. Med. 26,
    2170-2183. ValueError for a prevalence outside (0, 1) or counts below 0.
    """
    (tn, fp), (fn, tp) = ((float(n) for n in row) for row in counts)
    if not 0 < prevalence < 1 or min(tn, fp, fn, tp) < 0:
        raise ValueError("a prevalence must be between 0 and 1, and counts at least 0")
    if not tn + fp or not fn + tp:
        nothing = {"value": math.nan, "low": math.nan, "high": math.nan}
        return {"ppv": nothing, "npv": dict(nothing)}
    ppv, npv = predictive_values(tp / (tp + fn), tn / (tn + fp), prevalence)
    odds = math.log(prevalence / (1 - prevalence))
    z = z_value(confidence)
    tn, fp, fn, tp = (n + z * z / 2 for n in (tn, fp, fn, tp))
    return {
        "ppv": _interval(ppv, odds, tp, fn, fp, tn, z),
        "npv": _interval(npv, -odds, tn, fp, fn, tp, z),
    }


def _interval(value: float, odds: float, hit: float, miss: float, wrong: float, right: float, z: float) -> dict[str, float]:
    """On the logit scale: the answer goes to `hit` of hit + miss rows of the class it means, `wrong` of wrong + right others."""
    centre = odds + math.log(hit / (hit + miss)) - math.log(wrong / (wrong + right))
    margin = z * math.sqrt(miss / hit / (hit + miss) + right / wrong / (wrong + right))
    low, high = (1 / (1 + math.exp(-centre - side)) for side in (-margin, margin))
    if math.isnan(value):
        return {"value": value, "low": low, "high": high}
    return {"value": value, "low": min(low, value), "high": max(high, value)}


def _share(part: float, rest: float) -> float:
    return part / (part + rest) if part + rest else math.nan
