"""The audit itself: each check with its finding, and the short form that every training run makes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from bcdetect.audit.duplicates import Duplicates, duplicated_in, find_duplicates, shared_rows
from bcdetect.audit.pairs import MOST_PAIRS, Pair
from bcdetect.audit.shortcuts import TELLS, Cue, find_shortcuts
from bcdetect.datasets import Dataset
from bcdetect.splits import PARTS
from bcdetect.tables import number

OK, LOOK, BAD = "ok", "look", "bad"
QUICK = {True: 2000, False: 20_000}  # pictures, and rows of a table, whose near duplicates are found within about a second

KEEP_TOGETHER = "Give copies one patient number (--group COLUMN, or patient_id in a manifest) so that they stay in one part"
WHICH_LABEL = "Find out which label is right; the same scan cannot have both"
COUNT_ONCE = "Keep one of each; copies count one case several times, and make intervals too narrow"


@dataclass(frozen=True)
class Check:
    """One line of the summary; `result` is ok, look or bad, `count` what was counted, `advice` what to do unless all is well."""

    name: str
    result: str
    count: int
    found: str
    advice: str = ""


@dataclass(frozen=True)
class Audit:
    """What an audit found. `pairs` come in the order of concern; `leave_out` are test rows with a duplicate in training."""

    data: Dataset
    parts: dict[str, np.ndarray]
    checks: list[Check]
    pairs: list[Pair]
    clusters: list[list[int]]
    leave_out: np.ndarray
    cues: list[Cue]

    @property
    def clean(self) -> bool:
        """Whether every check is ok."""
        return all(check.result == OK for check in self.checks)


def audit(data: Dataset, parts: dict[str, np.ndarray], say: Callable[[str], None] = lambda text: None) -> Audit:
    """Look for what makes the numbers of a run on these parts too good. `say` is told what goes on."""
    say(f"comparing {len(data.y):,} rows with each other")
    of_row = part_of_rows(data, parts)
    found = _without_neighbours(find_duplicates(data), data, of_row)
    clusters = found.clusters()
    pairs = found.pairs()
    pairs.sort(key=lambda p: (not _across(p, of_row), not _torn(p, data), -p.similarity))
    leave_out = duplicated_in(data, parts, found=found)
    checks = _copies(data, parts, found, pairs, of_row, leave_out)
    checks += _patients(data, parts)
    say("asking whether size, shape, border or missing sequences tell the class")
    cues = find_shortcuts(data, data.groups if data.groups is not None else clusters)
    checks += [_of_cue(cue) for cue in cues]
    members: dict[int, list[int]] = {}
    for row, name in enumerate(clusters.tolist()):
        members.setdefault(name, []).append(row)
    grouped = sorted((rows for rows in members.values() if len(rows) > 1), key=len, reverse=True)
    return Audit(data, parts, checks, pairs, grouped, leave_out, cues)


def quick_audit(data: Dataset, parts: dict[str, np.ndarray]) -> list[str]:
    """Warnings before a training run, within a second: duplicates in two parts or of two classes, and shared patients."""
    of_row = part_of_rows(data, parts)
    found = _without_neighbours(find_duplicates(data, near=len(data.y) <= QUICK[data.pictures]), data, of_row)
    pairs = found.pairs()
    warnings = []
    if shared := shared_rows(data, parts):
        warnings.append(f"{_rows(shared, 'stands', 'stand')} in more than one part, exactly alike: the numbers are too good")
    if both := sum(p.kind == "exact" and _torn(p, data) for p in pairs):
        warnings.append(f"{_pairs(both)} of rows that are exactly alike have different labels")
    if near := sum(p.kind != "exact" and _across(p, of_row) for p in pairs):
        rows = len(duplicated_in(data, parts, found=found))
        warnings.append(
            f"{_pairs(near)} of rows in different parts {'is' if near == 1 else 'are'} nearly alike, and {rows} of "
            f"{len(parts['test'])} test rows have a copy in training: the numbers are too good (see: python -m bcdetect audit)"
        )
    return warnings + [check.found for check in _patients(data, parts) if check.result != OK]


def _without_neighbours(found: Duplicates, data: Dataset, of_row: np.ndarray) -> Duplicates:
    """Less the near pairs of one group, in one part and of one class: a patient's slices may be alike."""
    if data.groups is None:
        return found

    def expected(p: Pair) -> bool:
        return bool(data.groups[p.a] == data.groups[p.b]) and not _across(p, of_row) and not _torn(p, data)

    return replace(found, near=[pair for pair in found.near if not expected(pair)])


def part_of_rows(data: Dataset, parts: dict[str, np.ndarray]) -> np.ndarray:
    """The name of each row's part (N,); empty for a row that is in none."""
    names = np.full(len(data.y), "", f"U{max(map(len, parts))}")
    for part, rows in parts.items():
        names[rows] = part
    return names


def _copies(data, parts, found: Duplicates, pairs: list[Pair], of_row: np.ndarray, leave_out: np.ndarray) -> list[Check]:
    exact = [p for p in pairs if p.kind == "exact"]
    near = [p for p in pairs if p.kind != "exact"]
    checks = []
    for kind, some, worst in (("exact", exact, BAD), ("near", near, LOOK)):
        across = [p for p in some if _across(p, of_row)]
        torn = [p for p in some if _torn(p, data)]
        inside = len(some) - len(across)
        rows = [len({row for p in across for row in (p.a, p.b)} & set(parts[part].tolist())) for part in parts]
        of = ", ".join(f"{count} {part}" for count, part in zip(rows, parts, strict=True) if count)
        checks.append(
            _check(f"{kind} duplicates in two parts", worst, len(across), f" (rows: {of})" if across else "", KEEP_TOGETHER)
        )
        checks.append(_check(f"{kind} duplicates, two labels", worst, len(torn), "", WHICH_LABEL))
        checks.append(_check(f"{kind} duplicates in one part", LOOK, inside, "", COUNT_ONCE))
    total = len(parts["test"])
    checks.append(
        Check(
            "test rows with a copy in training",
            LOOK if len(leave_out) else OK,
            len(leave_out),
            f"{len(leave_out)} of {total}",
            "Report the scores with and without these rows",
        )
    )
    if found.cut or len(pairs) == MOST_PAIRS:
        text = f"more than {MOST_PAIRS:,} pairs; not all are listed"
        checks.append(Check("how many pairs", LOOK, len(pairs), text, "Remove the empty or repeated rows first, then ask again"))
    return checks


def _check(name: str, result: str, count: int, more: str, advice: str) -> Check:
    return Check(name, result if count else OK, count, _pairs(count) + more if count else "none", advice)


def _patients(data: Dataset, parts: dict[str, np.ndarray]) -> list[Check]:
    """Whether a group stands in two parts, and which; nothing where the data names none."""
    if data.groups is None:
        return []
    sets = {part: set(data.groups[rows].tolist()) for part, rows in parts.items()}
    seen: dict[str, list[str]] = {}
    for part in (p for p in PARTS if p in sets):
        for name in sets[part]:
            seen.setdefault(name, []).append(part)
    shared = sorted(name for name, among in seen.items() if len(among) > 1)
    if not shared:
        return [Check("patients in two parts", OK, 0, "none")]
    few = ", ".join(f"{name!r} in {' and '.join(seen[name])}" for name in shared[:5])
    more = f" and {len(shared) - 5} more" if len(shared) > 5 else ""
    text = f"{len(shared)} in more than one part: {few}{more}"
    return [Check("patients in two parts", BAD, len(shared), f"patients or groups, {text}", KEEP_TOGETHER)]


def _of_cue(cue: Cue) -> Check:
    interval = f"AUC {number(cue.auc)} ({number(cue.low)}-{number(cue.high)})"
    advice = (
        f"Look at the {cue.name} of some of each class: it alone tells the classes better than {number(TELLS)}. It may be true "
        "anatomy, or the mark of a scanner or a site that a network learns instead of the disease"
    )
    return Check(f"class told by {cue.name}", LOOK if cue.tells else OK, int(cue.tells), interval, advice)


def _across(pair: Pair, of_row: np.ndarray) -> bool:
    one, other = of_row[pair.a], of_row[pair.b]
    return bool(one != other and one and other)


def _torn(pair: Pair, data: Dataset) -> bool:
    return bool(data.y[pair.a] != data.y[pair.b])


def _pairs(count: int) -> str:
    return f"{count:,} pair{'s' * (count != 1)}"


def _rows(count: int, one: str, many: str) -> str:
    return f"{count:,} row {one}" if count == 1 else f"{count:,} rows {many}"
