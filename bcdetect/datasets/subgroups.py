"""A column of the data that names subgroups, such as the scanner, the site, or the decade of age: judged one by one."""

from __future__ import annotations

import os

import numpy as np

from bcdetect.columns import match_columns
from bcdetect.datasets.labels import listed
from bcdetect.errors import InputError
from bcdetect.table import read_table

MOST = 20


def subgroup_values(path: str | os.PathLike, column: str, rows: int) -> np.ndarray:
    """The cells of one column of a table or manifest of so many rows: (rows,) of str, an empty one being "(empty)".

    Raises InputError where the data is no table, has no such column or another number of rows, or the column has more than MOST
    values.
    """
    file = os.fspath(path)
    if not file.lower().endswith(".csv"):
        raise InputError("names no subgroups: it is no table", file=file, hint="Pass a CSV table, or a manifest CSV")
    table = read_table(path)
    mapping, missing = match_columns([column], table.columns, file=file)
    if missing:
        raise InputError(
            f"no column {column!r}; the columns are {listed(table.columns)}", file=file, hint="Pass --subgroup COLUMN"
        )
    if len(table.rows) != rows:
        what = f"{len(table.rows)} rows, of which {rows} could be read: which row has which subgroup is not known"
        raise InputError(what, file=file, hint="Correct the rows, or leave out --subgroup")
    at = table.columns.index(mapping[column])
    values = np.array([row[at].strip() or "(empty)" for row in table.rows])
    if (count := len(set(values.tolist()))) > MOST:
        hint = "Make a column of ranges, such as 40-49"
        raise InputError(f"column {column!r} has {count} values; at most {MOST} make subgroups", file=file, hint=hint)
    return values
