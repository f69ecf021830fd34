"""The page's bricks: numbers that carry the place in metrics.json they came from, tables, figures, and the style."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from html import escape

from bcdetect.tables import number

STYLE = """
:root { color-scheme: light; }
body { font: 16px/1.55 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1.2rem;
  color: #1b1b1b; background: #fff; }
h1 { font-size: 1.9rem; line-height: 1.2; margin-bottom: .3rem; }
h2 { font-size: 1.35rem; margin: 2.6rem 0 .6rem; border-bottom: 2px solid #0072b2; padding-bottom: .2rem; }
h3 { font-size: 1.05rem; margin: 1.6rem 0 .3rem; }
.notice { border-left: 4px solid #b45309; background: #fff7ed; padding: .5rem 1rem; }
nav { font-size: .9rem; margin: 1rem 0; } nav a { margin-right: .9rem; white-space: nowrap; }
table { border-collapse: collapse; margin: 1rem 0; font-size: .92rem; }
caption { text-align: left; font-weight: 600; padding-bottom: .3rem; }
th, td { padding: .25rem .7rem; border-bottom: 1px solid #ddd; text-align: right; vertical-align: top;
  font-variant-numeric: tabular-nums; }
thead th { border-bottom: 2px solid #999; } th:first-child { text-align: left; } tbody th { font-weight: 500; }
table.words td, table.words th { text-align: left; }
table.small { display: inline-table; margin-right: 2rem; }
.key { font: .72rem/1.3 ui-monospace, monospace; color: #667; font-weight: 400; overflow-wrap: anywhere; }
.todo { color: #92400e; font-style: italic; }
code { overflow-wrap: anywhere; }
img { max-width: 100%; height: auto; }
figure { margin: 1rem 0; display: inline-block; vertical-align: top; max-width: 46rem; } figure.half { width: 48%; }
pre { background: #f5f5f5; padding: .8rem 1rem; overflow: auto; font-size: .78rem; line-height: 1.35; }
dl { display: grid; grid-template-columns: 12rem 1fr; gap: .3rem 1rem; } dt { font-weight: 600; } dd { margin: 0; }
@media (max-width: 40rem) {
  figure.half { width: 100%; } dl { grid-template-columns: 1fr; } table { display: block; overflow-x: auto; }
}
@media print {
  @page { size: A4; margin: 15mm; }
  body { font-size: 10pt; max-width: none; margin: 0; padding: 0; } nav { display: none; } h2, h3 { break-after: avoid; }
  h2 { margin-top: 1.4rem; } table { font-size: 8pt; } th, td { padding: .12rem .4rem; }
  table:not(.words) td { white-space: nowrap; }
  table, figure, tr { break-inside: avoid; } table.words { break-inside: auto; } a { color: inherit; text-decoration: none; }
  figure { max-width: 130mm; } figure.half { width: 48%; }
  pre { white-space: pre; font-size: 6pt; overflow: hidden; }
}
"""


class Numbers:
    """Values of metrics.json as HTML: each says where it came from, to a machine in `data-key`, to a person when pointed at.

    A place is a JSON pointer (RFC 6901), such as /test/CNN/accuracy/value.
    """

    def __init__(self, metrics: dict):
        self.metrics = metrics

    def at(self, *path):
        """The value at a place. KeyError or IndexError where there is none."""
        found = self.metrics
        for step in path:
            found = found[step]
        return found

    def show(self, *path, form=None) -> str:
        """The value, in words that `form` makes of it: a share or any float with three decimals, whole numbers as they are."""
        value = self.at(*path)
        if value is None:
            text = "undefined"
        elif form is not None:
            text = form(value)
        else:
            text = number(value) if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)
        key = pointer(path)
        return f'<span data-key="{escape(key)}" title="metrics.json: {escape(key)}">{escape(text)}</span>'

    def interval(self, *path) -> str:
        """A value with its interval, or the reason why there is none."""
        entry = self.at(*path)
        if entry["value"] is None:
            why = f" ({self.show(*path, 'why')})" if "why" in entry else ""
            return f"undefined{why}"
        value = self.show(*path, "value")
        if entry["low"] is None:
            return f"{value} (-)"
        return f"{value} ({self.show(*path, 'low')} to {self.show(*path, 'high')})"


def pointer(path: Sequence) -> str:
    """A JSON pointer."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)


def table(caption: str, rows: Sequence[Sequence[str]], key: str = "", kind: str = "") -> str:
    """Rows of HTML cells under a caption, the first row being the head; `key` says where the numbers are, in small print.

    `kind` is "words" for a table of text, "small" for one that others may stand beside.
    """
    head, *body = rows
    cells = "".join(f'<th scope="col">{cell}</th>' for cell in head)
    lines = "".join(
        f'<tr><th scope="row">{first}</th>' + "".join(f"<td>{cell}</td>" for cell in rest) + "</tr>" for first, *rest in body
    )
    hint = f'<br><span class="key">{escape(key)}</span>' if key else ""
    top = f"<caption>{escape(caption)}{hint}</caption><thead><tr>{cells}</tr></thead>"
    return f'<table class="{kind}">{top}<tbody>{lines}</tbody></table>'


def picture(png: bytes, alt: str, half: bool = False) -> str:
    """A figure inside the page."""
    image = base64.b64encode(png).decode("ascii")
    kind = ' class="half"' if half else ""
    return f'<figure{kind}><img alt="{escape(alt)}" src="data:image/png;base64,{image}"></figure>'


def paragraph(*sentences: str) -> str:
    """Sentences of HTML; empty ones are left out."""
    return f"<p>{' '.join(filter(None, sentences))}</p>"


def section(name: str, title: str, *parts: str) -> str:
    """A chapter with an anchor."""
    return f'<h2 id="{name}">{escape(title)}</h2>\n' + "\n".join(filter(None, parts))
