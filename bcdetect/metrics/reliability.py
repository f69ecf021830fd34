"""Whether probabilities mean what they say: of rows called 30 % malignant, are 30 in a hundred?

Recalibration slope and intercept: Cox 1958, Biometrika 45, 562-565; the names as in Van Calster et al. 2019, BMC Medicine
17:230. Binned error: Naeini et al. 2015, AAAI; Guo et al. 2017, ICML.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from bcdetect.metrics.inputs import likely, ratio
from bcdetect.newton import log_odds, logistic_line, sigmoid

BINS = 10


class Reliability(NamedTuple):
    """Equal-width bins of the probability, (B,) each: rows in it, their mean probability, and share that is malignant."""

    edges: np.ndarray  # (B + 1,)
    rows: np.ndarray
    predicted: np.ndarray
    observed: np.ndarray


def reliability_curve(
    y_true: ArrayLike, y_score: ArrayLike, bins: int = BINS, *, sample_weight: ArrayLike | None = None
) -> Reliability:
    """Group rows by their probability of malignant, each bin holding its upper edge, and the first 0 too; nan where no row is.

    The bins that hold rows are scikit-learn's `calibration_curve(..., strategy="uniform")`.
    """
    y_true, y_score, weight = likely(y_true, y_score, sample_weight)
    edges = np.linspace(0, 1, bins + 1)
    number = np.searchsorted(edges[1:-1], y_score)

    def total(values):
        return np.bincount(number, weight * values, minlength=bins)

    rows = total(np.ones(len(y_true)))
    some = np.where(rows > 0, rows, np.nan)
    return Reliability(edges, rows, total(y_score.astype(np.float64)) / some, total(y_true) / some)


def expected_calibration_error(
    y_true: ArrayLike, y_score: ArrayLike, bins: int = BINS, *, sample_weight: ArrayLike | None = None
) -> float:
    """Mean over the rows of |share that is malignant - mean probability| of their bin (`reliability_curve`)."""
    curve = reliability_curve(y_true, y_score, bins, sample_weight=sample_weight)
    return ratio(np.nansum(curve.rows * np.abs(curve.observed - curve.predicted)), curve.rows.sum())


def calibration_slope(y_true: ArrayLike, y_score: ArrayLike, *, sample_weight: ArrayLike | None = None) -> float:
    """Slope b of ln odds(malignant) = a + b ln odds(probability), fitted by maximum likelihood; 1 is right.

    Below 1 the probabilities are too extreme, as those of an overfitted model; above 1 too timid. Probabilities of 0 and 1 are
    kept one epsilon away. nan where the rows do not determine it: one class, no two probabilities, or classes that a threshold
    separates, for which any steep line will do.
    """
    y_true, y_score, weight = likely(y_true, y_score, sample_weight)
    z = log_odds(y_score)
    return logistic_line(z, y_true, weight)[0] if determines_a_slope(y_true, z) else float("nan")


def calibration_intercept(y_true: ArrayLike, y_score: ArrayLike, *, sample_weight: ArrayLike | None = None) -> float:
    """Intercept a of ln odds(malignant) = a + ln odds(probability), the slope held at 1; 0 is right.

    Also called calibration in the large: above 0 the probabilities are too low. nan for one class only.
    """
    y_true, y_score, weight = likely(y_true, y_score, sample_weight)
    if len(np.unique(y_true)) < 2:
        return float("nan")
    z = log_odds(y_score)
    high = np.abs(z).max() + np.log(weight.sum() / weight.min()) + 1  # there every row is surely one class's
    low = -high
    while (middle := (low + high) / 2) not in (low, high):
        low, high = (low, middle) if weight @ (sigmoid(middle + z) - y_true) > 0 else (middle, high)
    return float(middle)


def determines_a_slope(y_true: np.ndarray, z: np.ndarray) -> bool:
    """Whether both classes are there, and overlap in their log odds."""
    benign, malignant = z[y_true == 0], z[y_true == 1]
    if not len(benign) or not len(malignant):
        return False
    return bool(malignant.min() < benign.max() and benign.min() < malignant.max())
