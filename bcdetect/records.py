"""Rows that come as records, such as the objects of JSON: as the table of text that a CSV file of them would give.

So that one path reads numbers and answers, whatever the rows came in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bcdetect.columns import match_columns
from bcdetect.errors import InputError
from bcdetect.table import Table


def table_of(features: Sequence[str], records: Sequence[Mapping[str, float | None]]) -> Table:
    """A table with a column for each of `features`; each record's columns are matched by name, whatever the others' are.

    A feature that a record lacks, or that is None there, is an empty cell. A row of it has no line (0). Raises InputError for a
    record in which a feature could be any of several columns.
    """
    known: dict[tuple[str, ...], list[str | None]] = {}
    rows = []
    for number, record in enumerate(records, 1):
        names = tuple(record)
        if names not in known:
            try:
                mapping, _ = match_columns(features, names)
            except InputError as error:
                raise InputError(error.what, where=f"row {number}", hint=error.hint) from None
            known[names] = [mapping.get(feature) for feature in features]
        rows.append(tuple(_cell(record.get(name)) for name in known[names]))
    return Table("", tuple(features), tuple(rows), (0,) * len(rows))


def _cell(value: float | None) -> str:
    return "" if value is None else repr(float(value))
