"""The normal distribution: how many standard errors an interval reaches to either side."""

import math


def upper_tail(confidence: float) -> float:
    """The share of a distribution below the upper end of its central `confidence`. ValueError unless that is inside (0, 1)."""
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must be between 0 and 1, not {confidence}")
    return (1 + confidence) / 2


def z_value(confidence: float) -> float:
    """The normal quantile of it: 1.96 for 0.95."""
    from statistics import NormalDist

    return NormalDist().inv_cdf(upper_tail(confidence))


def two_sided(z: float) -> float:
    """The chance that a standard normal variable is at least |z| away from 0."""
    return math.erfc(abs(z) / math.sqrt(2))
