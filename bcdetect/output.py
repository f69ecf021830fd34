"""Where results go: a folder that appears whole or not at all, and files that do."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bcdetect.errors import OutputError
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
    try:
        if target == Path.cwd():
            raise OutputError("is the present folder", file=str(path), hint="Name a new one")
        if target.exists() and not (target.is_dir() and not any(target.iterdir())):
            raise OutputError("already exists", file=str(path), hint="Choose another --out, or remove it first")
        target.parent.mkdir(parents=True, exist_ok=True)
        folder = target.parent / f".{target.name}.{os.getpid()}.tmp"
        folder.mkdir()
    except OSError as error:
        raise OutputError(f"cannot be made: {error.strerror or error}", file=str(path)) from error
    try:
        yield folder
        if target.exists():
            target.rmdir()
        os.replace(folder, target)
    except BrokenPipeError:  # of whoever reads what is printed meanwhile, not of the folder
        raise
    except OSError as error:
        raise OutputError(f"cannot be written: {error.strerror or error}", file=str(path)) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def free_name(stem: str | os.PathLike) -> Path:
    """`stem-1`, or the first number after it that is not taken."""
    number = 1
    while Path(f"{stem}-{number}").exists():
        number += 1
    return Path(f"{stem}-{number}")
