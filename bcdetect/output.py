"""Where results go: a folder that appears whole or not at all, and files that do."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from shlex import quote

from bcdetect.errors import OutputError, TrainingError
from tinycnn.files import write_text


def save_text(path: str | os.PathLike, text: str) -> None:
    """Write a text file, whole or not at all. Raises OutputError."""
    try:
        write_text(path, text)
    except OSError as error:
        raise OutputError(f"cannot be written: {error.strerror or error}", file=os.fspath(path)) from error


def check_place(path: str | os.PathLike) -> None:
    """Raise OutputError now, before a long computation, where `path` can hold no file later."""
    folder = os.path.dirname(os.path.abspath(path))
    if os.path.isdir(path) or not os.path.isdir(folder) or not os.access(folder, os.W_OK):
        raise OutputError("no file can be written here", file=os.fspath(path), hint="Name a file in an existing folder")


@contextmanager
def new_folder(path: str | os.PathLike) -> Iterator[Path]:
    """A folder to fill, under another name beside `path`, that becomes `path` when the block ends well and goes when it does not.

    Raises OutputError, before anything is done, where `path` holds something already or cannot be made.
    """
    target = Path(path).resolve()
    folder = target.parent / f".{target.name}.{os.getpid()}.tmp"
    made = _make(folder, target, path)
    try:
        yield folder
        _put(folder, target)
    except BrokenPipeError:  # of whoever reads what is printed meanwhile, not of the folder
        raise
    except OSError as error:
        raise OutputError(f"cannot be written: {error.strerror or error}", file=str(path)) from error
    finally:
        _remove(folder, made)


@contextmanager
def run_folder(path: str | os.PathLike, resume: bool, worth_keeping: str) -> Iterator[Path]:
    """As `new_folder`, but the folder is called `path.unfinished`, and stays when the block is interrupted or the machine fails.

    It goes without a file `worth_keeping`, and where training diverged in the very process that began the run, since a resumed
    one would meet that again. With `resume` an unfinished folder is taken up again, and so is one at `path` that holds such a
    file; that one is put back when the block does not end well. Raises OutputError; KeyboardInterrupt then says how to go on.
    """
    target = Path(path).resolve()
    folder = unfinished(target)
    go_on = f"python -m bcdetect train --resume {quote(str(path))}"
    if folder.exists() and not resume:
        raise OutputError("an unfinished run is here", file=str(path), hint=f"Go on with: {go_on} (or remove {folder.name})")
    if folder.exists() and target.exists() and any(target.iterdir()):
        raise OutputError("is in the way of its unfinished run", file=str(path), hint=f"Remove it, or {folder.name}")
    taken = resume and not folder.exists() and (target / worth_keeping).exists()
    made: list[Path] = []
    if taken:
        _rename(target, folder, path)
    elif not folder.exists():
        made = _make(folder, target, path)
    begun_here, keep, done = not resume or bool(made) or not (folder / worth_keeping).exists(), True, False
    try:
        yield folder
        _put(folder, target)
        done = True
    except BrokenPipeError:
        raise
    except TrainingError:
        keep = not begun_here
        raise
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"interrupted; go on with: {go_on}" if (folder / worth_keeping).exists() else "") from None
    except OSError as error:
        raise OutputError(f"cannot be written: {error.strerror or error}", file=str(path)) from error
    finally:
        if not done and not (keep and (folder / worth_keeping).exists()):
            _remove(folder, made)
        elif not done and taken:
            _rename(folder, target, path)


def unfinished(path: str | os.PathLike) -> Path:
    """Where a run that is to become `path` lies until it is done."""
    target = Path(path).resolve()
    return target.parent / f"{target.name}.unfinished"


def _rename(before: Path, after: Path, path) -> None:
    try:
        os.replace(before, after)
    except OSError as error:
        raise OutputError(f"cannot be moved: {error.strerror or error}", file=str(path)) from error


def _make(folder: Path, target: Path, path) -> list[Path]:
    """Make the folder; returns those around it that had to be made first, the innermost first. Raises OutputError."""
    around = [place for place in target.parents if not place.exists()]
    try:
        if target == Path.cwd():
            raise OutputError("is the present folder", file=str(path), hint="Name a new one")
        if target.exists() and not (target.is_dir() and not any(target.iterdir())):
            raise OutputError("already exists", file=str(path), hint="Choose another --out, or remove it first")
        target.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir()
    except OSError as error:
        raise OutputError(f"cannot be made: {error.strerror or error}", file=str(path)) from error
    return around


def _remove(folder: Path, around: list[Path]) -> None:
    """Remove the folder, if it is there still, and those around it that were made for it and hold nothing else."""
    shutil.rmtree(folder, ignore_errors=True)
    with suppress(OSError):
        for place in around:
            place.rmdir()


def _put(folder: Path, target: Path) -> None:
    if target.exists():
        target.rmdir()
    os.replace(folder, target)


def free_name(stem: str | os.PathLike) -> Path:
    """`stem-1`, or the first number after it that is not taken."""
    number = 1
    while Path(f"{stem}-{number}").exists() or unfinished(f"{stem}-{number}").exists():
        number += 1
    return Path(f"{stem}-{number}")


def default_folder(command: str, data: str | None) -> Path:
    """runs/COMMAND-NAME-1, -2, ...: the first that is not taken, named after the data."""
    return free_name(Path("runs") / f"{command}-{(Path(data).stem if data else '') or 'wisconsin'}")
