"""What acting on the answer is worth, beside acting on everybody and on nobody.

A threshold t says how a harmed benign patient weighs against a found malignant one: t / (1 - t).
Source: Vickers & Elkin 2006, Medical Decision Making 26(6), 565-574.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from bcdetect.metrics.inputs import likely, ratio

THRESHOLDS = tuple(round(0.01 * k, 2) for k in range(1, 100))


class DecisionCurve(NamedTuple):
    """Net benefit over thresholds, (T,) each: of the model, of treating everybody, and of treating nobody (0)."""

    thresholds: np.ndarray
    model: np.ndarray
    treat_all: np.ndarray
    treat_none: np.ndarray


def net_benefit(
    y_true: ArrayLike, y_score: ArrayLike, threshold: float = 0.5, *, sample_weight: ArrayLike | None = None
) -> float:
    """TP / N - FP / N * t / (1 - t) when probabilities from the threshold t on are acted on, in true positives a row.

    ValueError unless 0 <= t < 1.
    """
    if not 0 <= threshold < 1:
        raise ValueError(f"a threshold probability must be at least 0 and below 1, not {threshold}")
    y_true, y_score, weight = likely(y_true, y_score, sample_weight)
    acted = y_score >= threshold
    found, harmed = weight[acted & (y_true == 1)].sum(), weight[acted & (y_true == 0)].sum()
    return ratio(found - harmed * threshold / (1 - threshold), weight.sum())


def decision_curve(
    y_true: ArrayLike,
    y_score: ArrayLike,
    thresholds: ArrayLike = THRESHOLDS,
    *,
    sample_weight: ArrayLike | None = None,
) -> DecisionCurve:
    """`net_benefit` over thresholds, of the model and of the two policies that need none."""
    thresholds = np.asarray(thresholds, np.float64)
    everybody = np.ones(np.shape(y_true))

    def benefit(score):
        return np.array([net_benefit(y_true, score, t, sample_weight=sample_weight) for t in thresholds])

    return DecisionCurve(thresholds, benefit(y_score), benefit(everybody), np.zeros(len(thresholds)))
