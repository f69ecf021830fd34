"""Rows of a table that nothing can be learned from: what is wrong with each, said in one line or written down."""

from collections.abc import Sequence

from bcdetect.datasets.labels import NO_LABEL, listed
from bcdetect.errors import InputError
from bcdetect.table import MAX_NAME, Table, text_instead

NAMED = 5


def with_bad_names(table: Table, problems: dict[int, str], label: str, group: str | None) -> dict[int, str]:
    """What is wrong with each row: `problems` of its numbers by row index, and those of its label and its group."""
    found = dict(problems)
    for name, missing in ((label, NO_LABEL), (group, {""})):
        at = None if name is None else table.columns.index(name)
        for index, row in enumerate(table.rows):
            if at is None or index in found:
                continue
            if len(row[at]) > MAX_NAME:  # an array of names takes the longest one's room for every row
                found[index] = f"column {name!r}: {len(row[at]):,} characters; the limit is {MAX_NAME}"
            elif row[at].casefold() in missing:
                found[index] = f"column {name!r}: " + (f"{row[at]!r} is no value" if row[at] else "empty")
    return dict(sorted(found.items()))


def labelled(table: Table, problems: dict[int, str], label: str) -> list[int]:
    """The rows of which the class is known, good or bad: a class of bad rows alone is a class all the same."""
    at = table.columns.index(label)

    def known(index: int) -> bool:
        cell = "" if table.problem(index) else table.rows[index][at]
        return cell.casefold() not in NO_LABEL and len(cell) <= MAX_NAME

    return [index for index in range(len(table.rows)) if index not in problems or known(index)]


def described(table: Table, problems: dict[int, str]) -> list[str]:
    """A line for each bad row, such as `row 7 (line 8), column 'a': empty`."""
    return [f"row {index + 1} (line {table.lines[index]}), {text}" for index, text in problems.items()]


def row_of(line: str) -> str:
    """Which row a line of `described` is about, without what its cells hold."""
    return line.partition(", ")[0]


def refuse_text(table: Table, names: Sequence[str], training: bool) -> None:
    """Raise InputError where columns hold no number from top to bottom: that is said once, and not of every row."""
    found = {name: text for name in names if (text := text_instead(table, name)) is not None}
    if not found:
        return
    hold = f"columns {listed(found, NAMED)} hold" if len(found) > 1 else f"column {next(iter(found))!r} holds"
    texts = [repr(text) for text in dict.fromkeys(found.values()) if text]
    examples = f"such as {', '.join(texts[:NAMED])}" if texts else "all cells are empty"
    hint = "A column that holds no numbers is left out with --drop COLUMN, or, if it names the patient, passed to --group COLUMN"
    hint = hint if training else "The model takes numbers there"
    raise InputError(f"{hold} no numbers ({examples})", file=table.file, hint=hint)


def refuse_rows(table: Table, problems: dict[int, str], training: bool) -> None:
    """Raise InputError that names the first of these rows."""
    lines = described(table, problems)
    if len(problems) == len(table.rows):
        raise InputError(f"not one row is good: {_first(lines)}", file=table.file, hint="Correct the rows")
    hint = "Correct or remove these rows, or leave them out with --skip-bad"
    if training:
        hint += "; a column that holds no numbers is left out with --drop COLUMN, or, if it names the patient, "
        hint += "passed to --group COLUMN"
    raise InputError(f"training needs every row to be good: {_first(lines)}", file=table.file, hint=hint)


def refuse_lost(table: Table, problems: dict[int, str], classes: dict[int, str]) -> None:
    """Raise InputError where a class, of `classes` by row, has no good row: without it the question would be another."""
    lost = set(classes.values()) - {name for row, name in classes.items() if row not in problems}
    if lost:
        what = f"no row of {listed(sorted(lost))} is good, and leaving out the bad rows would leave out the class"
        first = _first(described(table, {row: text for row, text in problems.items() if classes.get(row) in lost}))
        raise InputError(f"{what}: {first}", file=table.file, hint="Correct the rows, or remove the class")


def _first(lines: list[str]) -> str:
    more = f"; and {len(lines) - NAMED} more rows" if len(lines) > NAMED else ""
    return "; ".join(lines[:NAMED]) + more
