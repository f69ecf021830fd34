"""Rows of measurements that differ by no more than rounding."""

from __future__ import annotations

import numpy as np

from bcdetect.audit.pairs import MOST_PAIRS, Pair
from bcdetect.datasets import Dataset

# Of a column's standard deviation, in every column at once: three or four digits are left of a measurement that was rounded so.
# The two rows of the Wisconsin table that are nearest differ by .38 in their worst column.
ROUNDING = 5e-3
FEWEST_COLUMNS = 5  # that vary; with fewer, strangers come as near by chance


def near_rows(data: Dataset, rows: np.ndarray) -> tuple[list[Pair], bool]:
    """The pairs among `rows`, by their places there, no column of which differs by more than ROUNDING deviations.

    Also whether there are more than are listed.

    Similarity is 1 less the largest difference. Rows are sorted along one direction r of length 1, on which such rows are at
    most ROUNDING * sum |r| apart, and only compared in full with the rows so near, along a second direction too.
    """
    x = data.x[rows]
    if not len(x) or np.count_nonzero((x != x[0]).any(axis=0)) < FEWEST_COLUMNS:
        return [], False
    largest = np.abs(x).max(axis=0)
    x = x / np.where(largest > 0, largest, 1)  # so that no square overflows
    std = x.std(axis=0)
    z = (x - x.mean(axis=0)) / np.where(std > 0, std, 1)
    directions = np.random.default_rng(0).standard_normal((2, z.shape[1]))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    along, second = directions @ z.T
    order = np.argsort(along)
    reach, second_reach = ROUNDING * np.abs(directions).sum(axis=1) * (1 + 1e-9)
    found: list[Pair] = []
    for step in range(1, len(z)):
        close = np.flatnonzero(along[order[step:]] - along[order[:-step]] <= reach)
        if not len(close):
            break
        a, b = order[close], order[close + step]
        near = np.abs(second[a] - second[b]) <= second_reach
        if not near.any():
            continue
        a, b = a[near], b[near]
        apart = np.concatenate([np.abs(z[a[i : i + 4096]] - z[b[i : i + 4096]]).max(axis=1) for i in range(0, len(a), 4096)])
        for i in np.flatnonzero(apart <= ROUNDING):
            found.append(Pair("near", float(1 - apart[i]), int(min(a[i], b[i])), int(max(a[i], b[i]))))
        if len(found) > MOST_PAIRS:
            return found[:MOST_PAIRS], True
    return found, False
