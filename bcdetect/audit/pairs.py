"""Two rows that are alike, and how many such pairs are listed."""

from __future__ import annotations

from dataclasses import dataclass

MOST_PAIRS = 100_000  # listed; 450 copies of one empty picture are that many already


@dataclass(frozen=True)
class Pair:
    """Rows `a` < `b`; `kind` is exact, near or mirrored; `similarity` is at most 1, which an exact copy has."""

    kind: str
    similarity: float
    a: int
    b: int
