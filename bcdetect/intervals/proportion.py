"""An interval for a proportion."""

import math

from bcdetect.intervals.normal import z_value


def wilson(successes: float, trials: float, confidence: float = 0.95) -> tuple[float, float]:
    """Interval (low, high) for a proportion of s successes in n trials; (nan, nan) for no trials.

        (s + z^2 / 2  +-  z sqrt(s (n - s) / n + z^2 / 4)) / (n + z^2)

    It stays inside [0, 1] and keeps a width at s = 0 and s = n, where the textbook interval has none.
    Neither number has to be whole. Raises ValueError unless 0 <= s <= n. Source: Wilson 1927, JASA 22(158), 209-212.
    """
    if not 0 <= successes <= trials:
        raise ValueError(f"{successes} successes in {trials} trials")
    if trials == 0:
        return math.nan, math.nan
    z = z_value(confidence)
    failures, whole = trials - successes, trials + z * z
    margin = z * math.sqrt(successes * failures / trials + z * z / 4)
    return (successes + z * z / 2 - margin) / whole, 1 - (failures + z * z / 2 - margin) / whole
