"""An interval over the folds of repeated cross-validation, whose training parts overlap."""

import math

import numpy as np
from numpy.typing import ArrayLike

from bcdetect.intervals.normal import upper_tail
from bcdetect.intervals.student import t_quantile


def corrected_interval(differences: ArrayLike, test_share: float, confidence: float = 0.95) -> tuple[float, float, float]:
    """Corrected resampled t interval (mean, low, high) over the scores of repeated cross-validation.

        mean +- t(df = J - 1) sqrt((1 / J + n_test / n_train) s^2)

    `differences` (J,) holds one number for each of the J = repeats x folds (a score, or one model's score minus
    another's), s^2 is their sample variance, and `test_share` = n_test / (n_test + n_train) is the share held out each
    time (0.2 in five folds). The plain t interval, without the second term, is far too narrow because the training
    parts overlap. Raises ValueError for fewer than two numbers or a share outside (0, 1).
    Source: Nadeau & Bengio 2003, Machine Learning 52, 239-281; for repeats x folds Bouckaert & Frank 2004, PAKDD.
    """
    differences = np.asarray(differences, dtype=np.float64)
    if differences.ndim != 1 or len(differences) < 2 or not 0 < test_share < 1:
        raise ValueError("needs at least two numbers (J,) and a test_share between 0 and 1")
    mean, count = float(differences.mean()), len(differences)
    variance = (1 / count + test_share / (1 - test_share)) * float(differences.var(ddof=1))
    margin = t_quantile(upper_tail(confidence), count - 1) * math.sqrt(variance)
    return mean, mean - margin, mean + margin
