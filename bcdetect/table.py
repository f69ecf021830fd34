"""One strict CSV reader for training and prediction: nothing is guessed, filled in or silently left out."""

import csv
import io
import os
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bcdetect.errors import InputError
from bcdetect.gate import read_text

MAX_COLUMNS = 10_000
MAX_NAME = 255  # characters of a column's name: every bad row repeats it

Cells = tuple[tuple[str, str], ...]  # what is wrong with a row: a column and a reason for each bad cell

# Where the comma is the decimal sign, Excel saves every CSV file with semicolons.
CONVERTED = "pandas.read_csv('old.csv', sep=';', decimal=',').to_csv('new.csv', index=False)"
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
# Three digits after the comma may be thousands: no advice is better than wrong advice.
_DECIMAL_COMMA = re.compile(r"[+-]?[0-9]+,(?![0-9]{3}$)[0-9]+")
_NUMBER_BYTES = b"0123456789+-.eE\n"


@dataclass(frozen=True)
class Table:
    """A CSV file as text: R rows of stripped cells under C column names, and the line of the file each row starts on.

    Only the first name may be empty (the index that pandas writes). A row may be shorter or longer than the header:
    `problem` says so.
    """

    file: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    lines: tuple[int, ...]

    def problem(self, index: int) -> str | None:
        """Say what is wrong with the shape of row `index`, or return None."""
        cells = len(self.rows[index])
        if cells == len(self.columns):
            return None
        return f"{cells} cell{'s' * (cells != 1)}, the header has {len(self.columns)}"


def read_table(path: str | os.PathLike[str]) -> Table:
    """Read a CSV file through the gate. Raises InputError as `read_text` and `parse_table` do."""
    return parse_table(read_text(path), file=os.fspath(path))


def parse_table(text: str, *, file: str = "", most_rows: int | None = None) -> Table:
    """Read CSV text: a header, then rows, `most_rows` of them at most; blank lines are skipped.

    Trailing columns without a name go, with the empty cells below them: a header that ends in a comma is common.
    Raises InputError for broken quotes, a missing or unusable header, another delimiter, no rows, or too many.
    """
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, skipinitialspace=True)
    columns, rows, lines, start = (), [], [], 1
    try:
        for raw in reader:
            cells, line, start = tuple(map(str.strip, raw)), start, reader.line_num + 1
            if not columns:
                if any(cells):
                    columns = _header(cells, file, f"line {line}")
                continue
            if not cells or (cells == ("",) and len(columns) > 1):
                continue
            if not any(cells[len(columns) :]):
                cells = cells[: len(columns)]
            if len(rows) == most_rows:
                raise InputError(f"more than {most_rows:,} rows", file=file, hint="Split it into smaller files")
            rows.append(cells)
            lines.append(line)
    except csv.Error as error:
        hint = "Look for a quote that is opened and not closed; a quote inside a quoted cell is written twice"
        raise InputError(f"not valid CSV: {error}", file=file, where=f"line {start}", hint=hint) from None
    if not columns:
        raise InputError("no header", file=file, hint="The first line must name the columns")
    if not rows:
        raise InputError("a header and no rows below it", file=file)
    return Table(file, columns, tuple(rows), tuple(lines))


def _header(names: tuple[str, ...], file: str, where: str) -> tuple[str, ...]:
    width = max(place for place, name in enumerate(names, 1) if name)
    names = names[:width]

    def refuse(what: str, hint: str) -> None:
        raise InputError(what, file=file, where=where, hint=hint)

    if width > MAX_COLUMNS:
        refuse(f"{width:,} columns; the limit is {MAX_COLUMNS:,}", "Keep the columns that are needed")
    for delimiter, word in ((";", "semicolons"), ("\t", "tabs"), ("|", "bars")):
        if width == 1 and delimiter in names[0]:
            converted = f"; where numbers have commas, by {CONVERTED}" if delimiter == ";" else ""
            hint = f"Save it with commas, and decimal points in numbers{converted}"
            refuse(f"the cells seem to be separated by {word}", hint)
    # M and B: the Wisconsin file of the UCI repository comes without a header.
    if all(name in ("", "M", "B") or _NUMBER.fullmatch(name) for name in names):
        refuse("the first line holds values, not column names", "Put a line with the names of the columns above it")
    if longest := next((name for name in names if len(name) > MAX_NAME), ""):
        refuse(f"the column name {_shown(longest)} has {len(longest):,} characters; the limit is {MAX_NAME}", "Shorten it")
    if "" in names[1:]:
        refuse(f"column {names.index('', 1) + 1} has no name", "Name every column")
    if repeated := [name for name, count in Counter(names).items() if count > 1]:
        refuse(f"the column name {_shown(repeated[0])} occurs more than once", "Give every column its own name")
    return names


def parse_number(text: str) -> float:
    """Read one finite number in ASCII digits: `-1`, `.5`, `1e-3`. Raises ValueError with a short reason."""
    if _NUMBER.fullmatch(text):
        if abs(value := float(text)) < float("inf"):
            return value
        raise ValueError(f"{_shown(text)} is too large")
    if not text:
        raise ValueError("empty")
    if len(text) < 40 and _DECIMAL_COMMA.fullmatch(text):
        raise ValueError(f"decimal comma; write {text.replace(',', '.')}")
    raise ValueError(f"{_shown(text)} is not a number")


def numbers(table: Table, names: Sequence[str]) -> tuple[np.ndarray, dict[int, str]]:
    """Read the F columns `names` of every row as numbers: values (N, F) float64, and what is wrong by row index.

    A row with a problem is all NaN; its entry names the first bad column, in the order of `names`, and how many more.
    """
    values, bad = numbers_and_cells(table, names)
    return values, {index: described(cells) for index, cells in bad.items()}


def described(cells: Cells) -> str:
    """What is wrong with a row in one sentence: the first bad cell, and how many more."""
    (name, reason), *more = cells
    others = f" (and {len(more)} more column{'s' * (len(more) > 1)})" if more else ""
    return (f"column {name!r}: " if name else "") + reason + others


def numbers_and_cells(table: Table, names: Sequence[str]) -> tuple[np.ndarray, dict[int, Cells]]:
    """As `numbers`, with every bad cell of a bad row, in the order of `names`.

    A row of the wrong length has one entry, of the column "": which of its cells is meant by which column is not known.
    """
    problems = {index: (("", text),) for index in range(len(table.rows)) if (text := table.problem(index))}
    whole = [index for index in range(len(table.rows)) if index not in problems]
    rows, filled = [table.rows[index] for index in whole], np.array(whole, np.intp)
    position = {name: at for at, name in enumerate(table.columns)}
    places = [position[name] for name in names]
    values = np.full((len(table.rows), len(names)), np.nan)
    good = all_numbers([row[at] for row in rows for at in places])
    if good is not None:
        values[filled] = good.reshape(len(rows), len(names))
        return values, problems
    bad: dict[int, list[tuple[str, str]]] = {}
    for place, (name, at) in enumerate(zip(names, places, strict=True)):
        cells = [row[at] for row in rows]
        column = all_numbers(cells)
        if column is None:
            column, told = [], {}  # cells that are alike share an entry: a large table may be bad all over
            for index, cell in zip(whole, cells, strict=True):
                try:
                    column.append(parse_number(cell))
                except ValueError as error:
                    column.append(np.nan)
                    bad.setdefault(index, []).append(told.setdefault(cell, (name, str(error))))
        values[filled, place] = column
    for index, cells in bad.items():
        values[index] = np.nan
        problems[index] = tuple(cells)
    return values, dict(sorted(problems.items()))


def text_instead(table: Table, name: str) -> str | None:
    """The first text of a column without a number in any row, "" if all are empty; None for one with some, or decimal commas."""
    at, first = table.columns.index(name), ""
    for index, row in enumerate(table.rows):
        if table.problem(index) or not row[at]:
            continue
        if _NUMBER.fullmatch(row[at]) or _DECIMAL_COMMA.fullmatch(row[at]):
            return None
        first = first or row[at]
    return first if len(first) <= 40 else first[:37] + "..."


def all_numbers(cells: Sequence[str]) -> np.ndarray | None:
    """Read a column at once (N,), or return None where `parse_number` refuses a cell."""
    # Over these bytes `float` accepts exactly what `parse_number` does.
    text = "\n".join(cells)
    if not text.isascii() or text.encode().translate(None, _NUMBER_BYTES):
        return None
    try:
        column = np.array(list(map(float, cells)))
    except ValueError:
        return None
    return column if np.isfinite(column).all() else None


def plain(text: str) -> str:
    """Text for a cell of a CSV file, with an apostrophe in front where a spreadsheet would take it for a formula.

    A number, such as a class named -1, is none.
    """
    risky = text.startswith(("=", "+", "-", "@", "\t", "\r")) and not _NUMBER.fullmatch(text)
    return f"'{text}" if risky else text


def _shown(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:37] + "...")
