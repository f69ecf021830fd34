"""A grade in words."""

from __future__ import annotations

import textwrap

from bcdetect.explain.grade import NOT_RUN, Grade
from bcdetect.tables import number, table

WIDTH = 120


def grade_text(grade: Grade) -> str:
    """The table of all checks, what their numbers mean, and the line that stands under every explanation."""
    rows = [["check", "found (95 % interval)", "asked for", "verdict"]]
    for check in grade.checks:
        found = "" if check.verdict == NOT_RUN else f"{number(check.value)} ({number(check.low)} to {number(check.high)})"
        rows.append([check.name, found, check.asked, check.verdict])
    layer = f" of {grade.layer}" if grade.layer else ""
    lines = [f"{grade.method}{layer}, on {grade.rows} rows of {grade.data}: {grade.part}", "", table(rows, left=4), ""]
    for check in grade.checks:
        lines += textwrap.wrap(f"{check.name}: {check.why}", WIDTH, subsequent_indent="  ")
    return "\n".join([*lines, "", grade.line()])
