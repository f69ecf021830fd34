"""What the library says, in the words of the page: it speaks of the command line's flags, and the page has fields."""

from __future__ import annotations

from pathlib import PurePath

WORDS = (  # the longer ones first
    ("Say which column names the classes: --label COLUMN", "Choose the column of classes"),
    ("Pass --label COLUMN", "Choose the column of classes"),
    ("Pass --group COLUMN", "Choose the column of patients"),
    ("Pass --drop COLUMN", "Choose the columns to leave out"),
    ("Pass --positive NAME", "Choose the class to look for"),
    ("Pass one to --positive", "Choose one of them as the class to look for"),
    ("Leave out --positive", "Choose no class to look for"),
    ("Pass a smaller rate with --set lr=NUMBER", "Choose a smaller learning rate"),
    ("and the others to --drop", "and the others as columns to leave out"),
    ("is left out with --drop COLUMN", "can be left out"),
    ("passed to --group COLUMN", "be chosen as the column of patients"),
    ("--group COLUMN", "choose the column of patients"),
    (", or leave them out with --skip-bad", ""),
    (", or leave it out with --skip-bad", ""),
    (" (python -m bcdetect audit-model)", "; whoever runs this server can have it made, with python -m bcdetect audit-model"),
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
