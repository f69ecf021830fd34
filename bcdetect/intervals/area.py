"""Intervals for an AUC, and for the difference of two on the same rows."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from bcdetect.intervals.delong import delong
from bcdetect.intervals.normal import two_sided, upper_tail, z_value
from bcdetect.intervals.proportion import wilson

CAUTION = 1 / 20  # weight of the largest variance possible; 0 is too sure near an AUC of 1, 1/8 too wide below it


def auc_interval(y_true: ArrayLike, y_score: ArrayLike, confidence: float = 0.95) -> tuple[float, float]:
    """Interval (low, high) for an AUC: Wilson's, with the number of rows that would make a proportion as uncertain.

        rows = 1 / ((1 - c) V / (A (1 - A)) + c / min(m, n)),  c = 1/20

    V is DeLong's variance of the area A of m malignant and n benign rows. Near A = 1 the few rows that are out of order decide
    V, which then is often far too small just where A is too high; the second term, the largest variance that any scores can have,
    holds against that. It alone is left where V says nothing: all scores equal, or a class of one row.

    Where every pair of rows is in order (A = 1) the interval is (((1 - confidence) / 2)^(1 / min(m, n)), 1), which holds whatever
    the scores' distribution: they contain min(m, n) pairs without a row in common, and a true area of A lets all of these be in
    order with probability A^min(m, n) at most. That is far wider than for one pair out of order, which shows where the scores
    meet. Mirrored for A = 0. (nan, nan) where a class has no rows.

    Source: Wilson 1927; DeLong et al. 1988; the rows as Korn & Graubard 1998, Survey Methodology 24(2), 193-201, count them for
    proportions; the largest variance: Birnbaum & Klose 1957, Ann. Math. Stat. 28(4), 933-945. How often it holds the
    truth, beside `auc_interval_logit`: benchmarks/interval_coverage.py.
    """
    (area,), ((variance,),), m, n = delong(y_true, y_score)
    if math.isnan(area):
        return math.nan, math.nan
    if area in (0, 1):
        return _all_in_order(area, min(m, n), confidence)
    a_row = 1 / min(m, n)
    if variance > 0:
        a_row = (1 - CAUTION) * variance / (area * (1 - area)) + CAUTION * a_row
    low, high = wilson(area / a_row, 1 / a_row, confidence)
    return float(low), float(high)


def auc_interval_logit(y_true: ArrayLike, y_score: ArrayLike, confidence: float = 0.95) -> tuple[float, float]:
    """DeLong's interval on the logit scale: logit(A) +- z sqrt(V) / (A (1 - A)), to compare `auc_interval` with.

    Where V is 0 or unknown, it is `auc_interval`. Source: Pepe 2003, The Statistical Evaluation of Medical Tests, 5.2.
    """
    (area,), ((variance,),), _, _ = delong(y_true, y_score)
    if math.isnan(area) or area in (0, 1) or not variance > 0:
        return auc_interval(y_true, y_score, confidence)
    centre, margin = math.log(area / (1 - area)), z_value(confidence) * math.sqrt(variance) / (area * (1 - area))
    return 1 / (1 + math.exp(margin - centre)), 1 / (1 + math.exp(-margin - centre))


class AucDifference(NamedTuple):
    """One AUC minus another on the same rows, its interval, and the p-value of there being no difference."""

    difference: float
    low: float
    high: float
    p_value: float


def auc_difference(y_true: ArrayLike, first: ArrayLike, second: ArrayLike, confidence: float = 0.95) -> AucDifference:
    """AUC of the scores `first` (N,) minus that of `second` (N,), paired: D +- z sqrt(V), with DeLong's variance V of D.

    Where V is 0 (both put every pair of rows in the same order, say both have an AUC of 1) the interval still has a width. With
    k = min(m, n) pairs that have no row in common, all of which differ by D: a true difference further than
    (1 + |D|) (1 - ((1 - confidence) / 2)^(1/k)) from D, or none where there is D, would show that with a chance below 2.5 %,
    and the p-value is such a bound too. So it is for a class of one row. nan where a class has no rows.
    """
    areas, covariance, m, n = delong(y_true, np.stack([np.asarray(first) * 1.0, np.asarray(second) * 1.0], axis=1))
    difference = float(areas[0] - areas[1])
    variance = float(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    if math.isnan(difference):
        return AucDifference(math.nan, math.nan, math.nan, math.nan)
    if variance > 1e-15:  # below is rounding: one pair of rows out of a billion, and more
        error = math.sqrt(variance)
        margin, p_value = z_value(confidence) * error, two_sided(difference / error)
    else:
        pairs = min(m, n)
        margin = (1 + abs(difference)) * (1 - (1 - upper_tail(confidence)) ** (1 / pairs))
        p_value = min(1.0, 2 / (1 + abs(difference)) ** pairs)
    return AucDifference(difference, max(-1.0, difference - margin), min(1.0, difference + margin), p_value)


def _all_in_order(area: float, pairs: int, confidence: float) -> tuple[float, float]:
    bound = (1 - upper_tail(confidence)) ** (1 / pairs)
    return (bound, 1.0) if area == 1 else (0.0, 1 - bound)
