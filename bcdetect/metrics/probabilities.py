"""Proper scores of probabilities: the best answer to give is what one believes."""

import numpy as np
from numpy.typing import ArrayLike

from bcdetect.metrics.inputs import likely_of_many, ratio


def log_loss(y_true: ArrayLike, y_score: ArrayLike, *, sample_weight: ArrayLike | None = None) -> float:
    """Mean of -ln(probability given to the true class), in nats.

    `y_score` holds probabilities, (N,) of malignant or (N, K) of every class. They are kept one machine epsilon of
    their own type away from 0 and 1, as scikit-learn does: a certain mistake costs 36 nats in float64, 16 in float32.
    """
    y_true, y_score, weight = likely_of_many(y_true, y_score, sample_weight)
    eps = np.finfo(y_score.dtype).eps
    of_true_class = y_score[np.arange(len(y_true)), y_true].clip(eps, 1 - eps)
    return ratio(np.sum(-np.log(of_true_class) * weight, dtype=np.float64), weight.sum())


def brier_score_loss(y_true: ArrayLike, y_score: ArrayLike, *, sample_weight: ArrayLike | None = None) -> float:
    """Mean of (probability - outcome)^2: of malignant for (N,); summed over the classes for (N, K > 2).

    0 is perfect; of two classes, 0.25 is a constant one half. Source: Brier 1950, Monthly Weather Review 78(1), 1-3, halved for
    two classes, as is usual.
    """
    y_true, y_score, weight = likely_of_many(y_true, y_score, sample_weight)
    classes = y_score.shape[1]
    off = (y_score.astype(np.float64) - np.eye(classes)[y_true]) ** 2
    return ratio(np.sum(off.sum(axis=1) * weight), weight.sum() * (2 if classes == 2 else 1))
