"""An interval for the ratio of two proportions of different rows, such as the likelihood ratio of a test's answer."""

import math

from bcdetect.intervals.normal import z_value

WIDEST = 60.0  # of the logarithm of a ratio: no counts reach that far


def proportion_ratio(x: float, m: float, y: float, n: float, confidence: float = 0.95) -> tuple[float, float]:
    """Interval (low, high) for the ratio r of the proportions behind x of m and y of n; high is inf for y = 0, low 0 for x = 0.

    It holds every r that a score test does not reject:

        (x - m p)^2 / (m p (1 - p)) + (y - n q)^2 / (n q (1 - q)) <= z^2

    with p and q = p / r the likeliest proportions if the ratio is r: p is the smaller root of
    (m + n) p^2 - (r (m + y) + x + n) p + r (x + y). Found by bisection on ln r. (nan, nan) for m or n = 0.
    Raises ValueError unless 0 <= x <= m and 0 <= y <= n. Source: Koopman 1984, Biometrics 40(2), 513-517.
    """
    if not (0 <= x <= m and 0 <= y <= n):
        raise ValueError(f"{x} of {m} and {y} of {n}")
    if not m or not n:
        return math.nan, math.nan
    if not x and not y:
        return 0.0, math.inf
    limit = z_value(confidence) ** 2
    centre = math.log((x or 0.5) / m) - math.log((y or 0.5) / n)

    def edge(inside: float, outside: float) -> float:
        for _ in range(80):
            middle = (inside + outside) / 2
            kept = _chi_square(math.exp(middle), x, m, y, n) <= limit
            inside, outside = (middle, outside) if kept else (inside, middle)
        return math.exp(inside)

    return edge(centre, -WIDEST) if x else 0.0, edge(centre, WIDEST) if y else math.inf


def _chi_square(r: float, x: float, m: float, y: float, n: float) -> float:
    b = r * (m + y) + x + n
    p = 2 * r * (x + y) / (b + math.sqrt(max(b * b - 4 * r * (m + n) * (x + y), 0)))  # the smaller root, without cancellation
    p = min(p, 1.0, r)
    return _square(x, m, p) + _square(y, n, p / r)


def _square(x: float, m: float, p: float) -> float:
    """Of x of m, how far from m p, in standard deviations, squared."""
    spread = m * p * (1 - p)
    return (x - m * p) ** 2 / spread if spread > 0 else 0.0 if abs(x - m * p) < 1e-9 * m else math.inf
