"""A user's CSV file as a `Dataset`: one label column, everything else numbers, and every row good, or left out if asked for."""

import hashlib
import os
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from bcdetect.columns import match_columns, normalise
from bcdetect.datasets import Dataset, Needs, bad_rows, numbered
from bcdetect.datasets.labels import listed
from bcdetect.errors import InputError
from bcdetect.gate import decode_text, read_bytes
from bcdetect.table import Table, numbers, parse_table

_IDENTIFIER = re.compile(
    r"|unnamed: \d+|id|id number|mrn|sample code number|(patient|subject|participant|case|study|sample)( ?(id|no|number|code))?"
)
_FEWEST_COUNTED = 10  # rows, from which on measurements do not rise by one each by chance


def load_table(
    path: str | os.PathLike[str],
    label: str | None = None,
    positive: str | None = None,
    group: str | None = None,
    drop: Sequence[str] = (),
    needs: Needs | None = None,
    skip_bad: bool = False,
) -> Dataset:
    """Load a CSV file to train on, or for a saved model that `needs` some of its columns, in the file's order of rows.

    `label` is the column of classes (by default `diagnosis`), `positive` the class to detect when there are two,
    `group` the column whose rows belong together (a patient), `drop` columns to leave out. Identifiers and row numbers are left
    out and recorded in `provenance["left_out"]`; without `group`, one whose values repeat is taken as the group, since rows
    of one patient in two parts would make every number too good.
    With `skip_bad` rows with a bad cell are left out, and listed in `provenance["bad"]`; `names` then says which rows are left.
    Raises InputError when one row is bad, a column or class does not exist, or nothing can be learned from it.
    """
    file = os.fspath(path)
    data = read_bytes(path)
    table = parse_table(decode_text(data, file=file), file=file)
    return of_table(table, hashlib.sha256(data).hexdigest(), label, positive, group, drop, needs, skip_bad)


def of_table(
    table: Table,
    digest: str,
    label: str | None = None,
    positive: str | None = None,
    group: str | None = None,
    drop: Sequence[str] = (),
    needs: Needs | None = None,
    skip_bad: bool = False,
) -> Dataset:
    """The same for a file that was read, of this SHA-256. Raises InputError."""
    file = table.file
    label = _find(table, "diagnosis" if label is None else label, "label")
    group = _repeating_identifier(table, label, drop, needs) if group is None else _find(table, group, "group")
    left_out = {name: why for name in table.columns if (why := no_measurement(name))}
    left_out |= {_find(table, name, "drop"): "dropped on request" for name in drop}
    if group == label or "dropped on request" in (left_out.get(label), left_out.get(group)):
        raise InputError("one column cannot be two of label, group and drop", file=file)
    left_out = {name: reason for name, reason in left_out.items() if name not in (label, group)}
    features = [name for name in table.columns if name not in {label, group, *left_out}]
    if needs is not None:
        mapping, missing = match_columns(needs.columns, table.columns, file=file)
        if missing:
            raise InputError(f"columns are missing: {listed(missing)}", file=file, where="header")
        features, left_out = [mapping[name] for name in needs.columns], {}
    x, problems = numbers(table, features)
    if needs is None:  # of all rows: where some are left out the others still count on
        counting = _counting(table, features, x, bool(problems))
        x, left_out = x[:, [name not in counting for name in features]], left_out | counting
        features = [name for name in features if name not in counting]
        if counting and problems:  # some rows may be bad in these alone
            x, problems = numbers(table, features)
    if problems:
        bad_rows.refuse_text(table, features, needs is None)
    problems = bad_rows.with_bad_names(table, problems, label, group)
    if problems and not (skip_bad and len(problems) < len(table.rows)):
        bad_rows.refuse_rows(table, problems, needs is None)
    kept = np.setdiff1d(np.arange(len(table.rows)), list(problems))
    labelled = kept if needs else bad_rows.labelled(table, problems, label)
    class_names, y = numbered(_column(table, label, labelled), positive, needs, file=file, where=f"column {label!r}")
    if problems and needs is None:
        bad_rows.refuse_lost(table, problems, dict(zip(labelled, np.array(class_names)[y].tolist(), strict=True)))
    good = np.isin(labelled, kept)
    lost = np.bincount(y[~good], minlength=len(class_names)).tolist()  # rows of a class are seldom bad by chance alone
    x, y = x[kept], y[good]
    if not features:
        why = "; ".join(f"{name!r}: {reason}" for name, reason in list(left_out.items())[:5])
        raise InputError("no column of measurements is left" + f" ({why})" * bool(why), file=file)
    if needs is None and (x == x[0]).all():
        raise InputError("every measurement is the same in all rows", file=file)
    provenance = {
        "source": "table",
        "file": Path(file).name,  # a model is handed on; its maker's folders are not
        "sha256": digest,
        "rows": len(y),
        "label": label,
        "group": group,
        "left_out": left_out,
        **({"bad": bad_rows.described(table, problems)} if problems else {}),
        **({"bad_of_class": dict(zip(class_names, lost, strict=True))} if problems and needs is None else {}),
    }
    groups = None if group is None else np.array(_column(table, group, kept))
    columns = tuple(features) if needs is None else needs.columns
    names = np.array([f"row {index + 1}" for index in kept]) if problems else None  # as the file counts them
    return Dataset(Path(file).stem, x, y, class_names, columns, groups, provenance, names)


def _counting(table: Table, features: Sequence[str], x: np.ndarray, torn: bool) -> dict[str, str]:
    """The features that number the rows, and that they do; `torn`: rows of `x` are NaN where another column is bad."""
    columns = (numbers(table, [name])[0][:, 0] for name in features) if torn else x.T
    return {name: why for name, values in zip(features, columns, strict=True) if (why := no_measurement(name, values))}


def _repeating_identifier(table: Table, label: str, drop: Sequence[str], needs: Needs | None) -> str | None:
    """The identifier that several rows share, as the rows of one patient do; None where there is none."""
    dropped = {_find(table, name, "drop") for name in drop}
    found = {}
    for name in table.columns:
        if is_identifier(name) and name != label and name not in dropped:
            at = table.columns.index(name)
            values = [row[at] for index, row in enumerate(table.rows) if not table.problem(index)]
            if 1 < len(set(values)) < len(values):
                found[name] = len(set(values))
    if len(found) > 1:
        names = ", ".join(f"{name!r} ({count} values)" for name, count in found.items())
        what = f"in {len(table.rows)} rows several identifiers repeat: {names}; which rows belong to one patient?"
        others = ", and the others to --drop" if needs is None else ""  # a saved model takes its own columns alone
        raise InputError(what, file=table.file, hint=f"Pass --group COLUMN{others}")
    return next(iter(found), None)


def is_identifier(name: str) -> bool:
    """Whether a column of this name plainly numbers its rows or patients instead of measuring something."""
    return _IDENTIFIER.fullmatch(normalise(name)) is not None


def no_measurement(name: str, values: np.ndarray | None = None) -> str | None:
    """Why a column is nothing to learn from, by its name or its numbers (N,) top to bottom; None for one that may be measured."""
    if is_identifier(name):
        return "an identifier is not a measurement"
    return "it numbers the rows" if values is not None and _counts_rows(values) else None


def _counts_rows(values: np.ndarray) -> bool:
    """Whether whole numbers rise by one a row, also past missing ones: in a file that is sorted by class they tell the class."""
    at = np.flatnonzero(~np.isnan(values))
    known = values[at]
    if len(known) < _FEWEST_COUNTED or not (known[0] >= 0 and known[0] % 1 == 0):
        return False
    return bool((np.diff(known) == np.diff(at)).all())


def _find(table: Table, name: str, option: str) -> str:
    """Return the column of `table` meant by `name`, the value of the flag `option`."""
    mapping, missing = match_columns([name], table.columns, file=table.file)
    if not missing:
        return mapping[name]
    from difflib import get_close_matches

    spelled = {normalise(column): column for column in table.columns}
    close = get_close_matches(normalise(name), spelled, n=1)
    hint = f"Did you mean {spelled[close[0]]!r}? " if close else ""
    hint += f"Pass --{option} COLUMN"
    what = f"no column {name!r}; the columns are {listed(table.columns)}"
    raise InputError(what, file=table.file, hint=hint)


def _column(table: Table, name: str, rows: Sequence[int]) -> list[str]:
    at = table.columns.index(name)
    return [table.rows[index][at] for index in rows]
