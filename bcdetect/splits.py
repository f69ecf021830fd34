"""Which rows are trained on, which choose the model, which judge it: stratified, seeded, and no group in two parts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bcdetect.datasets import Dataset
from bcdetect.errors import InputError

PARTS = ("train", "validation", "test")


def split(
    y: np.ndarray,
    groups: np.ndarray | None,
    validation_size: float,
    test_size: float,
    seed: int,
    class_names: Sequence[str] | None = None,
) -> dict[str, np.ndarray]:
    """The row numbers of each of PARTS, sorted. Shape: y (N,), groups (N,) or None. Raises InputError as `assign` does."""
    part = assign(y, groups, (1 - validation_size - test_size, validation_size, test_size), seed, class_names)
    return {name: np.flatnonzero(part == number) for number, name in enumerate(PARTS)}


def official(data: Dataset) -> dict[str, np.ndarray]:
    """The parts that came with the data. Raises InputError unless there are all three, with rows of every class."""
    parts = {name: np.flatnonzero(data.parts == name) for name in PARTS}
    for name, rows in parts.items():
        missing = sorted(set(range(len(data.class_names))) - set(data.y[rows].tolist()))
        if missing:
            what = f"the part {name!r} of its split has no row of class {data.class_names[missing[0]]!r}"
            raise InputError(what, file=data.provenance.get("file", ""), hint="Leave the split out for one of ours")
    return parts


def folds(
    y: np.ndarray, groups: np.ndarray | None, count: int, seed: int, class_names: Sequence[str] | None = None
) -> list[np.ndarray]:
    """The row numbers of each of `count` equal test folds. Raises InputError as `assign` does."""
    part = assign(y, groups, (1 / count,) * count, seed, class_names)
    return [np.flatnonzero(part == number) for number in range(count)]


def assign(
    y: np.ndarray,
    groups: np.ndarray | None,
    shares: Sequence[float],
    seed: int,
    class_names: Sequence[str] | None = None,
) -> np.ndarray:
    """Deal N rows to parts of these shares, each class and, where there are groups, whole groups only: part numbers (N,).

    Raises InputError, in the words of `class_names`, unless every part gets a row of every class.
    """
    rng = np.random.default_rng(seed)
    part = _deal_rows(y, shares, rng) if groups is None else _deal_groups(y, groups, shares, rng)
    missing = _missing(y, part, len(shares))
    if missing and groups is not None:
        part = _deal_groups(y, groups, shares, np.random.default_rng(seed), sparing=True)
        missing = _missing(y, part, len(shares))
    if missing:
        of = "rows" if groups is None else "groups with rows"
        name = repr(class_names[missing[0]]) if class_names else f"number {missing[0]}"
        raise InputError(
            f"too few {of} of class {name} for {len(shares)} parts, each of which needs some",
            hint="Bring more data or ask for fewer parts",
        )
    return part


def _missing(y, part, parts):
    """The classes that some part has no row of, those of the first such part first."""
    every = set(np.unique(y).tolist())
    return [label for number in range(parts) for label in sorted(every - set(y[part == number].tolist()))]


def _deal_rows(y, shares, rng):
    """Shuffle each class and cut it at the cumulated shares, so that every part is within one row of its due."""
    part = np.empty(len(y), np.intp)
    for label in np.unique(y):
        rows = rng.permutation(np.flatnonzero(y == label))
        cuts = np.round(np.cumsum(shares)[:-1] * len(rows)).astype(int)
        for number, chunk in enumerate(np.split(rows, cuts)):
            part[chunk] = number
    return part


def _deal_groups(y, groups, shares, rng, sparing=False):
    """Largest groups first, each to the part that then is nearest to its due in every class.

    `sparing` is for few groups: when no more of them have a class than parts still lack it, they go to those parts.
    """
    of_row = np.unique(groups, return_inverse=True)[1]
    sizes, total = np.bincount(of_row), np.bincount(y)
    ends, by_group = np.cumsum(sizes), y[np.argsort(of_row, kind="stable")]
    due = np.asarray(shares)[:, None] * total  # rows of each class that each part should have
    have = np.zeros_like(due)
    part_of = np.empty(len(sizes), np.intp)
    order = rng.permutation(len(sizes))
    left = np.bincount(np.unique(of_row * len(total) + y) % len(total))  # groups of each class that are not dealt yet
    for group in order[np.argsort(-sizes[order], kind="stable")]:
        counts = np.bincount(by_group[ends[group] - sizes[group] : ends[group]], minlength=len(total))
        cost = ((np.square(have + counts - due) - np.square(have - due)) / np.maximum(due * total, 1e-9)).sum(axis=1)
        if sparing:
            lacks = have == 0
            scarce = (counts > 0) & (left <= lacks.sum(axis=0))
            if lacks[:, scarce].any():
                cost = np.where(lacks[:, scarce].any(axis=1), cost, np.inf)
            left -= counts > 0
        part_of[group] = cost.argmin()
        have[part_of[group]] += counts
    return part_of[of_row]


def part_counts(data: Dataset, parts: dict[str, np.ndarray]) -> dict[str, dict]:
    """For each part its rows, rows of each class, and groups where there are groups."""
    counts = {}
    for part, rows in parts.items():
        of_class = np.bincount(data.y[rows], minlength=len(data.class_names)).tolist()
        counts[part] = {"rows": len(rows), "classes": dict(zip(data.class_names, of_class, strict=True))}
        if data.groups is not None:
            counts[part]["groups"] = len(set(data.groups[rows].tolist()))
    return counts


def shared_groups(data: Dataset, parts: dict[str, np.ndarray]) -> int:
    """How many groups stand in more than one part: 0, unless the split is broken."""
    if data.groups is None:
        return 0
    sets = [set(data.groups[rows].tolist()) for rows in parts.values()]
    return sum(map(len, sets)) - len(set().union(*sets))
