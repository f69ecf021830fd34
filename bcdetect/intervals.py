"""How sure we are: intervals for a proportion, for a metric on a test set, and over repeated cross-validation.

Every interval is two-sided and equal-tailed; `confidence` is a share between 0 and 1.
"""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

__all__ = ["corrected_interval", "stratified_bootstrap", "t_quantile", "wilson"]


def wilson(successes: int, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """Interval (low, high) for a proportion of s successes in n trials; (nan, nan) for no trials.

        (s + z^2 / 2  +-  z sqrt(s (n - s) / n + z^2 / 4)) / (n + z^2)

    It stays inside [0, 1] and keeps a width at s = 0 and s = n, where the textbook interval has none.
    Raises ValueError unless 0 <= s <= n. Source: Wilson 1927, JASA 22(158), 209-212.
    """
    from statistics import NormalDist

    if not 0 <= successes <= trials:
        raise ValueError(f"{successes} successes in {trials} trials")
    if trials == 0:
        return math.nan, math.nan
    z = NormalDist().inv_cdf(_upper_tail(confidence))
    failures, whole = trials - successes, trials + z * z
    margin = z * math.sqrt(successes * failures / trials + z * z / 4)
    return (successes + z * z / 2 - margin) / whole, 1 - (failures + z * z / 2 - margin) / whole


def stratified_bootstrap(
    y_true: ArrayLike,
    values: ArrayLike,
    metric: Callable[[np.ndarray, np.ndarray], float],
    resamples: int = 2000,
    confidence: float = 0.95,
    seed: int = 0,
    groups: ArrayLike | None = None,
) -> tuple[float, float]:
    """Percentile interval (low, high) of `metric(y_true, values)` when rows are drawn again with replacement.

    Rows are drawn within each true class, so every resample has as many of each class as the data. With `groups` (N,), rows
    of one patient say, whole groups are drawn instead, since their rows are no independent draws; within the class that most
    of a group's rows have, and leaving out resamples on which the metric is undefined. `y_true` is (N,)
    and `values` (N, ...) belongs to it row by row: scores, predicted labels, or a column a model. The same seed gives
    the same interval. Without groups it is (nan, nan) when the metric is undefined on any resample. It describes the chance
    in which rows were tested, not in training. Raises ValueError for inputs that are empty or differ in length.
    Source: Efron & Tibshirani 1993, An Introduction to the Bootstrap, chapter 13.
    """
    y_true, values = np.asarray(y_true), np.asarray(values)
    if len(y_true) != len(values) or not len(y_true):
        raise ValueError(f"y_true and values must have the same rows, at least one: {len(y_true)} and {len(values)}")
    rng, upper = np.random.default_rng(seed), _upper_tail(confidence)
    strata = _rows_by_class(y_true) if groups is None else _groups_by_class(y_true, np.asarray(groups))

    def resample() -> float:
        drawn = np.concatenate([units[k] for units in strata for k in rng.integers(len(units), size=len(units))])
        return metric(y_true[drawn], values[drawn])

    found = np.array([resample() for _ in range(resamples)])
    if groups is not None and not np.isnan(found).all():
        found = found[~np.isnan(found)]
    low, high = np.quantile(found, [1 - upper, upper])
    return float(low), float(high)


def _rows_by_class(y_true: np.ndarray) -> list[np.ndarray]:
    """For each class its rows, each a unit of one row."""
    return [np.flatnonzero(y_true == label)[:, None] for label in np.unique(y_true)]


def _groups_by_class(y_true: np.ndarray, groups: np.ndarray) -> list[list[np.ndarray]]:
    """For each class the groups most of whose rows have it, each a unit of rows."""
    strata: dict[int, list[np.ndarray]] = {}
    for name in np.unique(groups):
        rows = np.flatnonzero(groups == name)
        labels, counts = np.unique(y_true[rows], return_counts=True)
        strata.setdefault(labels[counts.argmax()], []).append(rows)
    return list(strata.values())


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
    margin = t_quantile(_upper_tail(confidence), count - 1) * math.sqrt(variance)
    return mean, mean - margin, mean + margin


def t_quantile(p: float, df: int) -> float:
    """The value that a Student t variable with `df` degrees of freedom stays below with probability `p`.

    With t = sqrt(df) tan(a) the density is proportional to cos(a)^(df - 1), smooth enough for Gauss-Legendre quadrature
    to be exact to rounding. Right of the median the distribution function is concave, so that Newton's steps from there
    climb to the answer and never pass it. Good to 1e-8 for df from 1 to 10^4 and p from 1e-5 to 1 - 1e-5.
    Raises ValueError for p outside (0, 1) or df below 1. Source: Abramowitz & Stegun 1964, 26.7.3 and 26.7.4.
    """
    if not 0 < p < 1 or df < 1:
        raise ValueError(f"t_quantile needs 0 < p < 1 and df >= 1, not p={p}, df={df}")
    nodes, weights = np.polynomial.legendre.leggauss(64)

    def area(angle: float) -> float:
        return angle / 2 * float(weights @ np.cos(angle / 2 * (nodes + 1)) ** (df - 1))

    half = area(min(math.pi / 2, 9 / math.sqrt(df)))  # nine standard deviations are all there is, in float64
    target, angle = 2 * half * abs(p - 0.5), 0.0
    while (missing := target - area(angle)) > 1e-15 * half:
        angle += missing / math.cos(angle) ** (df - 1)
    return math.copysign(math.sqrt(df) * math.tan(angle), p - 0.5)


def _upper_tail(confidence: float) -> float:
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must be between 0 and 1, not {confidence}")
    return (1 + confidence) / 2
