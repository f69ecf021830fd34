"""A run as one self-contained HTML page."""

from __future__ import annotations

import base64
from html import escape
from pathlib import Path

from bcdetect import NOTICE
from bcdetect.audit import shared_rows
from bcdetect.scores import BY_GROUP, METHODS
from bcdetect.splits import part_counts, shared_groups
from bcdetect.tables import interval

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem;
  color: #1b1b1b; background: #fff; }
.notice { border-left: 4px solid #b45309; background: #fff7ed; padding: .5rem 1rem; }
table { border-collapse: collapse; margin: 1rem 0; } caption { text-align: left; font-weight: 600; }
th, td { padding: .25rem .8rem; border-bottom: 1px solid #ddd; text-align: right; } th:first-child { text-align: left; }
img { max-width: 100%; height: auto; } figure { margin: 1.5rem 0; } pre { background: #f5f5f5; padding: 1rem; overflow: auto; }
"""


def report(run, figures: list[Path]) -> str:
    """The page for a `bcdetect.run.Run`; `figures` are PNG files to put inside."""
    data, names = run.data, run.data.class_names
    counts = part_counts(data, run.parts)
    parts = [["part", "rows", *names]] + [[p, c["rows"], *c["classes"].values()] for p, c in counts.items()]
    models = list(run.scores)
    scores = [["", *models]]
    scores += [[m.replace("_", " "), *(interval(run.scores[x][m]) for x in models)] for m in run.scores[models[0]]]
    matrices = [
        _table(
            f"Confusion matrix, {part}",
            [["reference \\ predicted", *names], *([n, *r] for n, r in zip(names, c.tolist(), strict=True))],
        )
        for part, c in run.confusion.items()
    ]
    groups = "The data names no groups (patients): if rows share a patient, these numbers are too good."
    if data.groups is not None:
        column = escape(repr(data.provenance["group"]))
        groups = f"Rows are split by {column}: {shared_groups(data, run.parts)} groups are shared by two parts."
    method = BY_GROUP if data.groups is not None else METHODS
    shared = shared_rows(data, run.parts)
    duplicates = f"{shared} rows stand in more than one part, exactly alike: the numbers are too good." if shared else ""
    facts = "".join(f"<li>{escape(k)} {escape(v)}</li>" for k, v in run.classifier.card["versions"].items())
    left_out = "; ".join(f"{n!r}: {why}" for n, why in data.provenance.get("left_out", {}).items())
    body = f"""
<h1>Training run on {escape(data.name)}</h1>
<p class="notice"><strong>{NOTICE}</strong></p>
<h2>Data</h2>
<p>{data.described()}.
SHA-256 of the file: <code>{escape(data.provenance.get("sha256", "-"))}</code>.
{escape("Left out: " + left_out + "." if left_out else "")}</p>
{_table("Parts", parts)}
<p>{groups} <strong>{duplicates}</strong></p>
<p>The epoch was chosen on the validation part ({escape(chosen_epochs(run))});
the test part was used once in this run, for the numbers below.</p>
<h2>The test part</h2>
{_table(f"Value and 95 % interval ({method})", scores)}
<p>The baselines, which choose nothing, were fitted on the training and the validation rows. (-) stands
where every resample of the bootstrap gives the same value.</p>
<p>One split is one draw: other random splits of the same data give other numbers.
<code>python -m bcdetect evaluate --config config.json --cv 10x10</code> in this folder gives the mean over many.</p>
{"".join(matrices)}
{"".join(map(_figure, figures)) or "<p>No figures: matplotlib is not installed (pip install matplotlib).</p>"}
<h2>Network</h2><pre>{escape(run.classifier.models[0].summary())}</pre>
<h2>Settings</h2><pre>{escape(run.config.to_json())}</pre>
<h2>Versions</h2><ul>{facts}</ul>
"""
    head = (
        f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>bcdetect: {escape(data.name)}</title>'
    )
    return f"<!doctype html>\n<html lang=en><head>{head}<style>{STYLE}</style></head><body>{body}</body></html>\n"


def chosen_epochs(run) -> str:
    """Such as `epoch 12 of 30`; of several networks, of each."""
    each = [f"epoch {history.best_epoch} of {len(history.columns['epoch'])}" for history in run.histories]
    return ", ".join(each) + ("; training was interrupted" if run.interrupted else "")


def _table(caption: str, rows: list[list]) -> str:
    head, *body = rows
    cells = "".join(f'<th scope="col">{escape(str(c))}</th>' for c in head)
    lines = "".join(
        f'<tr><th scope="row">{escape(str(first))}</th>' + "".join(f"<td>{escape(str(c))}</td>" for c in rest) + "</tr>"
        for first, *rest in body
    )
    return f"<table><caption>{escape(caption)}</caption><thead><tr>{cells}</tr></thead><tbody>{lines}</tbody></table>"


def _figure(path: Path) -> str:
    name = path.stem.replace("_", " ")
    image = base64.b64encode(path.read_bytes()).decode("ascii")
    text = f"{escape(name)} (its numbers are in this page's tables and in history.csv)"
    return f'<figure><img alt="{text}" src="data:image/png;base64,{image}"></figure>'
