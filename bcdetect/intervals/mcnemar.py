"""McNemar's test: do two models that answered the same rows err equally often?"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike


class McNemar(NamedTuple):
    """Rows that only the first model has right, and only the second, with two-sided p-values of a fair coin."""

    only_first: int
    only_second: int
    exact: float
    mid: float


def mcnemar(y_true: ArrayLike, first: ArrayLike, second: ArrayLike) -> McNemar:
    """Compare two models' predicted classes, (N,) each, by the rows on which just one of them is right.

    If they err equally often, each such row is a coin's toss: with b and c of them, and f the binomial probabilities of b + c
    tosses,

        exact = 2 sum_{x <= min(b, c)} f(x), at most 1;    mid = exact - f(min(b, c)), for b = c: 1 - f(b) / 2

    The exact test rejects too seldom (it never exceeds its level), the mid-p test about as often as it says. Both are 1 without
    such rows. Source: McNemar 1947, Psychometrika 12, 153-157; mid-p: Fagerland et al. 2013, BMC Med. Res. Methodol. 13:91.
    """
    y_true, first, second = (np.asarray(y) for y in (y_true, first, second))
    if y_true.ndim != 1 or not y_true.shape == first.shape == second.shape:
        raise ValueError(f"three arrays (N,) of the same rows, not {y_true.shape}, {first.shape} and {second.shape}")
    b = int(np.sum((first == y_true) & (second != y_true)))
    c = int(np.sum((first != y_true) & (second == y_true)))
    tosses, fewer = b + c, min(b, c)
    if not tosses:
        return McNemar(0, 0, 1.0, 1.0)
    ways, below, at = 2**tosses, 0, 1
    for x in range(fewer):  # whole numbers of any size: nothing to round
        below, at = below + at, at * (tosses - x) // (x + 1)
    exact = min(1.0, 2 * (below + at) / ways)
    mid = 1 - at / (2 * ways) if b == c else (2 * below + at) / ways
    return McNemar(b, c, exact, mid)
