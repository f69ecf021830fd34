"""A run as one self-contained HTML page, made from its folder alone: it opens offline, needs no script, and prints to A4.

Every number carries the place in metrics.json that it came from (see `page.Numbers`).
"""

from __future__ import annotations

import os
from html import escape
from pathlib import Path

from bcdetect import NOTICE
from bcdetect.output import save_text
from bcdetect.report import cards, findings, sections
from bcdetect.report.folder import RunFolder, read_run
from bcdetect.report.page import STYLE, Numbers, section

__all__ = ["report", "write_report"]

CHAPTERS = (
    ("data", "Data and parts", sections.data),
    ("result", "Result on the test part", findings.result),
    ("calibration", "Calibration", findings.calibration),
    ("operating", "Operating point", findings.operating),
    ("referral", "Uncertain: refer", findings.referral),
    ("learning", "Learning", sections.learning),
    ("explanations", "Explanations and failures", findings.explanations),
    ("limits", "Known limits", sections.limits),
    ("model-card", "Model card", cards.model_card),
    ("checklist", "TRIPOD+AI and CLAIM", cards.checklist),
    ("technical", "Network, settings, versions", sections.technical),
)


def write_report(folder: str | os.PathLike) -> Path:
    """Write report.html into a run's folder, from the other files there. Raises InputError, ModelFileError, OutputError."""
    path = Path(folder) / "report.html"
    save_text(path, report(read_run(folder)))
    return path


def report(run: RunFolder) -> str:
    """The page."""
    numbers = Numbers(run.metrics)
    name = escape(str(run.metrics["data_name"]))
    links = "\n".join(f'<a href="#{anchor}">{escape(title)}</a>' for anchor, title, _ in CHAPTERS)
    chapters = "\n".join(section(anchor, title, *chapter(run, numbers)) for anchor, title, chapter in CHAPTERS)
    head = (
        f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>bcdetect: {name}</title>'
        f"<style>{STYLE}</style>"
    )
    body = f"""<h1>Training run on {name}</h1>
<p class="notice"><strong>{NOTICE}</strong></p>
<nav>{links}</nav>
{sections.headline(run, numbers)}
{chapters}
<p class="key">Every number on this page stands in metrics.json beside it: point at it for its place there, or read the small
print above its table. Intervals are of 95 %; (-) stands where there is none.</p>
<p class="notice"><strong>{NOTICE}</strong></p>"""
    return f"<!doctype html>\n<html lang=en><head>{head}</head><body>\n{body}\n</body></html>\n"
