"""The folder of a tuning: what was asked for, its trials, and at the end its results."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from shlex import quote

from bcdetect.config import Config
from bcdetect.errors import InputError, OutputError
from bcdetect.gate import read_text
from bcdetect.output import default_folder, save_text

ASKED = "asked.json"
TRIALS = "trials.db"


@dataclass(frozen=True)
class Begun:
    """What was asked for. `shared`: the trials lie in a storage elsewhere, whose URL, which may hold a password, is not kept."""

    config: Config
    only: list[str]
    inner: int
    objective: str
    trials: int
    shared: bool


def begin(path: str | os.PathLike, begun: Begun) -> Path:
    """Make the folder, which must not hold anything. Raises OutputError."""
    folder = Path(path)
    if (folder / ASKED).exists():
        raise OutputError("a tuning was begun here", file=str(path), hint=f"Go on with: {go_on(folder, begun)}")
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise OutputError("already exists", file=str(path), hint="Choose another --out, or remove it first")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot be made: {error.strerror or error}", file=str(path)) from error
    save_text(folder / ASKED, json.dumps(asdict(begun), indent=1) + "\n")
    return folder


def taken_up(path: str | os.PathLike) -> tuple[Path, Begun]:
    """The folder and what was asked for in it. Raises InputError."""
    folder = Path(path)
    if not (folder / ASKED).is_file():
        raise InputError("no tuning was begun there", file=str(path), hint="Begin one with --out FOLDER")
    text = read_text(folder / ASKED)
    try:
        values = json.loads(text)
        config = Config.from_json(json.dumps(values.pop("config")), file=str(folder / ASKED))
        return folder, Begun(config, **values)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise InputError("not what tune writes", file=str(folder / ASKED), hint="Begin anew with --out FOLDER") from None


def default(config: Config) -> Path:
    """runs/tune-NAME-1, or the first that is free."""
    return default_folder("tune", config.data)


def sqlite(folder: Path) -> str:
    """The URL of the folder's own storage."""
    return f"sqlite:///{(folder / TRIALS).resolve()}"


def go_on(folder: Path, begun: Begun) -> str:
    """The command that goes on with it."""
    return f"python -m bcdetect tune --resume {quote(str(folder))}" + (" --storage URL" if begun.shared else "")
