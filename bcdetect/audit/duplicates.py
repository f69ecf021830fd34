"""Rows that stand in the data twice: exactly alike, or nearly."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations, islice, product

import numpy as np

from bcdetect.audit.near_pictures import near_pictures
from bcdetect.audit.near_rows import near_rows
from bcdetect.audit.pairs import MOST_PAIRS, Pair
from bcdetect.datasets import Dataset


@dataclass(frozen=True)
class Duplicates:
    """`first` (N,) is for each row the first that is exactly alike, itself where there is none before.

    `near` has the pairs of such first rows that are nearly alike; it is not complete where `cut` says so.
    """

    first: np.ndarray
    near: list[Pair]
    cut: bool = False

    def pairs(self, most: int = MOST_PAIRS) -> list[Pair]:
        """Every pair of rows, the exact ones first, then by falling similarity; no more than `most`."""
        return list(islice(self._all_pairs(), most))

    def _all_pairs(self) -> Iterator[Pair]:
        members = self.members()
        for rows in members.values():
            for a, b in combinations(rows, 2):
                yield Pair("exact", 1.0, a, b)
        for pair in sorted(self.near, key=lambda pair: -pair.similarity):
            for a, b in product(members[pair.a], members[pair.b]):
                yield Pair(pair.kind, pair.similarity, min(a, b), max(a, b))

    def members(self) -> dict[int, list[int]]:
        """For each first row all the rows that are exactly alike."""
        found: dict[int, list[int]] = {}
        for row, first in enumerate(self.first.tolist()):
            found.setdefault(first, []).append(row)
        return found

    def clusters(self) -> np.ndarray:
        """A number for each row (N,), the same for rows that pairs of any kind connect: the smallest row among them."""
        root = self.first.copy()

        def top(row: int) -> int:
            while root[row] != row:
                root[row] = root[root[row]]
                row = root[row]
            return int(row)

        for pair in self.near:
            a, b = sorted((top(pair.a), top(pair.b)))
            root[b] = a
        return np.array([top(row) for row in range(len(root))], np.intp)


def find_duplicates(data: Dataset, near: bool = True) -> Duplicates:
    """All exact duplicates and, if asked for, near ones; see `near_pictures` and `near_rows` for what near means."""
    first = first_alike(data.x)
    if not near:
        return Duplicates(first, [])
    rows = np.flatnonzero(first == np.arange(len(first)))
    found, cut = (near_pictures if data.pictures else near_rows)(data, rows)
    return Duplicates(first, [Pair(p.kind, p.similarity, int(rows[p.a]), int(rows[p.b])) for p in found], cut)


def first_alike(x: np.ndarray) -> np.ndarray:
    """For each row (N, ...) the first with the same SHA-256 of its decoded values: (N,) row numbers."""
    seen: dict[bytes, int] = {}
    tables = x.dtype.kind == "f"
    digests = (hashlib.sha256((row + 0.0 if tables else row).tobytes()).digest() for row in x)  # + 0.0: -0 is 0
    return np.array([seen.setdefault(digest, row) for row, digest in enumerate(digests)], np.intp)


def shared_rows(data: Dataset, parts: dict[str, np.ndarray]) -> int:
    """How many different rows stand in more than one part: exact duplicates, which make the numbers too good."""
    first = first_alike(data.x)
    sets = [set(first[rows].tolist()) for rows in parts.values()]
    return len({row for one, other in combinations(sets, 2) for row in one & other})


def duplicated_in(
    data: Dataset, parts: dict[str, np.ndarray], of: str = "test", within: str = "train", found: Duplicates | None = None
) -> np.ndarray:
    """The rows of the part `of` that have an exact or near duplicate in the part `within`: sorted row numbers.

    Scores without them say what the others hide. `found` is what `find_duplicates` gave, if it is at hand.
    """
    found = find_duplicates(data) if found is None else found
    inside = set(found.first[parts[within]].tolist())
    seen = set(inside)
    for pair in found.near:
        seen |= {pair.a} if pair.b in inside else set()
        seen |= {pair.b} if pair.a in inside else set()
    return np.array(sorted(row for row in parts[of].tolist() if int(found.first[row]) in seen), np.intp)
