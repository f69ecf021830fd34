"""An audit as text, as CSV and as JSON."""

from __future__ import annotations

import csv
import io
import json

from bcdetect import NOTICE
from bcdetect.audit.checks import OK, Audit, part_of_rows
from bcdetect.audit.pairs import Pair
from bcdetect.datasets import Dataset
from bcdetect.splits import part_counts
from bcdetect.tables import number, table

SHOWN = 10  # pairs in the text
COLUMNS = ("kind", "similarity", "name_a", "part_a", "label_a", "name_b", "part_b", "label_b")


def describe(audit: Audit, out: str | None = None) -> str:
    """The checks, the first pairs by name, and what to do."""
    data = audit.data
    counts = part_counts(data, audit.parts)
    parts = [["part", "rows", *data.class_names]]
    parts += [[part, *map(str, (c["rows"], *c["classes"].values()))] for part, c in counts.items()]
    checks = [["check", "result", "found"], *([c.name, c.result, c.found] for c in audit.checks)]
    lines = [f"{data.name}: {data.described()}", *(f"left out: {bad}" for bad in data.provenance.get("bad", []))]
    lines += [f"warning: {data.provenance['warning']}"] if "warning" in data.provenance else []
    lines += [table(parts), "", table(checks, left=3)]
    if audit.pairs:
        lines += ["", f"the first of {len(audit.pairs):,} pairs, in {len(audit.clusters):,} clusters:"]
        lines += [_line(record) for record in records(audit, SHOWN)]
        if not out:
            lines.append("--out FILE.csv lists them all" + (", --sheet FILE.png shows some" if data.pictures else ""))
    advice = dict.fromkeys(check.advice for check in audit.checks if check.result != OK)
    lines += ["", "what to do:", *(f"- {text}." for text in advice)] if advice else ["", "nothing was found"]
    if audit.pairs and not data.pictures:
        lines.append("Rows of a few coarse numbers can be alike by chance; many exact measurements cannot.")
    return "\n".join([*lines, NOTICE])


def to_csv(audit: Audit) -> str:
    """One line a pair, under COLUMNS."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(records(audit))
    return text.getvalue()


def to_json(audit: Audit) -> str:
    """The notice, every check, pair and cluster, and the test rows to leave out, by name."""
    data = audit.data
    found = {
        "notice": NOTICE,
        "data": data.provenance,
        "clean": audit.clean,
        "parts": part_counts(data, audit.parts),
        "checks": [vars(check) for check in audit.checks],
        "cues": [{"cue": c.name, "auc": c.auc, "low": _finite(c.low), "high": _finite(c.high)} for c in audit.cues],
        "test_rows_with_a_copy_in_training": [row_name(data, row) for row in audit.leave_out.tolist()],
        "clusters": [[row_name(data, row) for row in rows] for rows in audit.clusters],
        "pairs": records(audit),
    }
    return json.dumps(found, indent=1, allow_nan=False) + "\n"


def records(audit: Audit, most: int | None = None) -> list[dict]:
    """The pairs in words, under COLUMNS."""
    data, of_row = audit.data, part_of_rows(audit.data, audit.parts)

    def record(pair: Pair) -> dict:
        values = [pair.kind, round(pair.similarity, 4)]
        for row in (pair.a, pair.b):
            values += [row_name(data, row), str(of_row[row]), data.class_names[data.y[row]]]
        return dict(zip(COLUMNS, values, strict=True))

    return [record(pair) for pair in audit.pairs[:most]]


def row_name(data: Dataset, row: int) -> str:
    """A picture's name, or a row's number counted from 1."""
    return f"row {row + 1}" if data.names is None else str(data.names[row])


def _line(record: dict) -> str:
    one, other = (f"{record[f'name_{k}']} ({record[f'part_{k}']}, {record[f'label_{k}']})" for k in "ab")
    return f"  {number(record['similarity']):>5}  {record['kind']:8}  {one}  {other}"


def _finite(value: float) -> float | None:
    return value if value == value else None
