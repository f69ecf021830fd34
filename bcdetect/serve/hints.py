"""What the library says, in the words of the page and the API: it speaks of the command line's flags, and they have fields.

A field is called as on the page, with its name in the API behind it.
"""

from __future__ import annotations

from pathlib import PurePath

_OPERATOR = "whoever runs this server can"
WORDS = (  # the longer ones first
    ("Say which column names the classes: --label COLUMN", "Choose the column of classes (label)"),
    ("Pass --label COLUMN", "Choose the column of classes (label)"),
    ("Pass --group COLUMN", "Choose the column of patients (group)"),
    ("Pass --drop COLUMN", "Choose the columns to leave out (drop)"),
    ("Pass --positive NAME", "Choose the class to look for (positive)"),
    ("Pass one to --positive", "Choose one of them as the class to look for (positive)"),
    ("Leave out --positive", "Choose no class to look for (positive)"),
    ("Pass a smaller rate with --set lr=NUMBER", "Choose a smaller learning rate (lr)"),
    ("and the others to --drop", "and the others as columns to leave out (drop)"),
    ("is left out with --drop COLUMN", "can be left out (drop)"),
    ("passed to --group COLUMN", "be chosen as the column of patients (group)"),
    ("(--group COLUMN)", "(choose the column of patients, group)"),
    (", or leave them out with --skip-bad", ""),
    (", or leave it out with --skip-bad", ""),
    (" (see: python -m bcdetect audit)", ""),
    (" (python -m bcdetect audit-model)", f"; {_OPERATOR} have it made, with python -m bcdetect audit-model"),
    (
        "Pass a model.npz that 'python -m bcdetect train' wrote",
        f"Choose another model; {_OPERATOR} put one in its place that python -m bcdetect train wrote",
    ),
    ("Pass one picture a file", "Send each picture in a part named picture"),
    *((f"Install {what} with: pip", f"{_OPERATOR.capitalize()} install {what} with: pip") for what in ("it", "them")),
    ("Install pydicom's decoder", f"{_OPERATOR.capitalize()} install pydicom's decoder"),
)


def spoken(text: str) -> str:
    """A hint or a line of the library."""
    for theirs, ours in WORDS:
        text = text.replace(theirs, ours)
    return text


def on_the_wire(event: dict) -> dict:
    """A run's event as the page gets it: without folders of this machine, and "failed" where it is an error.

    A browser's EventSource calls a lost connection "error".
    """
    if event["event"] == "line":
        return {**event, "text": spoken(event["text"])}
    if event["event"] == "error":
        return {**event, "event": "failed", "error": parts_of(event["error"])}
    return event


def parts_of(error: dict) -> dict:
    """The parts of a run's error."""
    return {**error, "file": PurePath(error["file"]).name, "hint": spoken(error["hint"])}
