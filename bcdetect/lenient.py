"""A table read to be looked at: missing cells are counted, columns that hold no numbers are named, and neither is an error."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from bcdetect.columns import match_columns
from bcdetect.datasets.labels import MAX_CLASSES, encode_labels
from bcdetect.errors import InputError
from bcdetect.table import Table, all_numbers, parse_number

MISSING = {"", "?", "-", "na", "n/a", "nan", "null"}  # whatever their case


def is_missing(cell: str) -> bool:
    """Whether a cell says that nothing was measured."""
    return cell.casefold() in MISSING


def refuse_ragged(table: Table) -> None:
    """Raise InputError where a row is longer or shorter than the header: which cell is which column's is not known."""
    ragged = [(table.lines[row], text) for row in range(len(table.rows)) if (text := table.problem(row))]
    if ragged:
        line, text = ragged[0]
        what = text + (f" (and {len(ragged) - 1:,} more such rows)" if len(ragged) > 1 else "")
        raise InputError(what, file=table.file, where=f"line {line}", hint="Correct or remove the row")


def label_column(table: Table, label: str | None = None) -> str:
    """The column of classes, by default `diagnosis`, as the table spells it. Raises InputError where there is none."""
    mapping, missing = match_columns([label or "diagnosis"], table.columns, file=table.file)
    if missing:
        names = ", ".join(f"'{name}'" for name in table.columns[:40])
        hint = "Say which column names the classes: --label COLUMN"
        raise InputError(f"no column '{missing[0]}' among {names}", file=table.file, hint=hint)
    (found,) = mapping.values()
    return found


def measured(cells: Sequence[str]) -> np.ndarray | None:
    """A column of numbers, NaN where one is missing; None where a cell is something else, or all are missing. Shape: (R,)."""
    if (values := all_numbers(cells)) is not None:
        return values
    there = [at for at, cell in enumerate(cells) if not is_missing(cell)]
    known = all_numbers([cells[at] for at in there])
    if not there or known is None:
        return None
    values = np.full(len(cells), np.nan)
    values[there] = known
    return values


def first_text(cells: Iterable[str]) -> str:
    """The first cell that is neither missing nor a number; "" where there is none."""
    for cell in cells:
        if not is_missing(cell):
            try:
                parse_number(cell)
            except ValueError:
                return cell
    return ""


def classes_of(labels: Sequence[str], column: str, file: str = "") -> tuple[tuple[str, ...], np.ndarray]:
    """Class names and indices (N,) for N labels of a column; named and ordered as in training where training would take them.

    Raises InputError unless there are 1 to 50 classes.
    """
    try:
        return encode_labels(labels)
    except InputError:  # no reason to learn from it, but none not to look at it
        found = sorted(set(labels))
    if not 1 <= len(found) <= MAX_CLASSES:
        what = f"column '{column}' has {len(found):,} different values, which is not a set of classes"
        raise InputError(what, file=file, hint="Say which column names the classes: --label COLUMN")
    number = {name: k for k, name in enumerate(found)}
    return tuple(found), np.array([number[text] for text in labels], np.int64)
