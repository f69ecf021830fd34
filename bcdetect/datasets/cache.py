"""Decoded pictures that are kept in a file, for a run to read as it needs them and for the next run to open again.

A kept file is `pictures/KEY.npy` in the cache folder, with `KEY.json` beside it, and `KEY.masks.npy` where there are masks. The
key is a digest of every picture file's path, size and time of change, of the pictures' size and of `FORMAT`; the SHA-256 of the
whole array is checked at every opening.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bcdetect import __version__
from bcdetect.errors import InputError, OutputError
from bcdetect.gate import read_text
from bcdetect.pictures import split_reference
from bcdetect.places import VARIABLE, cache_folder
from tinycnn.files import write_text

FORMAT = 1  # raised when the decoding of files, or what is kept of it, changes
CHUNK = 16 * 2**20  # bytes that are read at once


@dataclass(frozen=True)
class Kept:
    """Pictures x (K, S, S, C) and masks (K, S, S) bool or None, each an array or a `np.memmap`; the SHA-256 of x's bytes.

    `problems` says of each row that was left out why, `facts` of each other row what is known of its file.
    """

    x: np.ndarray
    sha256: str
    problems: dict[int, InputError]
    facts: list[tuple[int, ...]]
    masks: np.ndarray | None


def folder() -> Path:
    """Where the files are."""
    return cache_folder() / "pictures"


def key_of(rows: Sequence[tuple[Sequence[str | None], Sequence[str]]], size: int) -> str:
    """What the pictures and masks of these rows are called in the cache; another name as soon as one file changes."""
    digest = hashlib.sha256(json.dumps([FORMAT, __version__, size]).encode())
    for row in rows:
        digest.update(json.dumps([[_signature(file) for file in files] for files in row]).encode())
    return digest.hexdigest()[:32]


def digest_of(x: np.ndarray) -> str:
    """The SHA-256 of an array's bytes, read in chunks: that of `x.tobytes()` without a second copy in memory."""
    digest = hashlib.sha256()
    rows = max(1, CHUNK // max(1, x.nbytes // max(1, len(x))))
    for start in range(0, len(x), rows):
        digest.update(np.ascontiguousarray(x[start : start + rows]).tobytes())
    return digest.hexdigest()


def reopen(key: str) -> Kept | None:
    """What an earlier run kept under this key, read-only; None where there is nothing, or something damaged, which is removed."""
    array, note = _places(key)
    if not note.exists():
        return None
    said = _note(note)
    with suppress(OSError, ValueError, KeyError, TypeError):  # whatever damage does to the files: all of them go, below
        x = np.lib.format.open_memmap(array, mode="r")
        masks = np.lib.format.open_memmap(_masks(array), mode="r") if said["masks"] else None
        whole = os.path.getsize(array) == said["bytes"] and list(x.shape) == said["shape"] and digest_of(x) == said["sha256"]
        if whole and (masks is None or (masks.shape == x.shape[:3] and digest_of(masks) == said["masks"])):
            problems = {int(row): InputError(what, file=file, hint=hint) for row, what, file, hint in said["problems"]}
            return Kept(x, said["sha256"], problems, [tuple(facts) for facts in said["facts"]], masks)
    for path in (note, array, _masks(array)):
        path.unlink(missing_ok=True)
    return None


def keep(
    key: str,
    written: Path,
    sha256: str,
    problems: dict[int, InputError],
    facts: list[tuple[int, ...]],
    masks: Iterable[np.ndarray] | None,
) -> Kept:
    """Give a complete file the name that `reopen` looks for, and write what belongs to it beside it. Raises OutputError."""
    array, note = _places(key)
    with saying(array):
        os.replace(written, array)
        x = np.lib.format.open_memmap(array, mode="r")
        kept_masks = None if masks is None else _kept_masks(_masks(array), x.shape[:3], masks)
        said = {"shape": x.shape, "dtype": str(x.dtype), "bytes": os.path.getsize(array), "sha256": sha256, "facts": facts}
        said["masks"] = None if kept_masks is None else digest_of(kept_masks)
        said["problems"] = [[row, error.what, error.file, error.hint] for row, error in problems.items()]
        write_text(note, json.dumps(said) + "\n")
    return Kept(x, sha256, problems, facts, kept_masks)


def _kept_masks(path: Path, shape: tuple[int, ...], masks: Iterable[np.ndarray]) -> np.ndarray:
    """Written by `write`, so that a full disk is an error; renamed when whole, since another run may have the file open."""
    temporary = path.with_name(f"{os.getpid()}-{os.urandom(4).hex()}.tmp")
    try:
        with open(temporary, "xb") as file:
            described = {"descr": np.lib.format.dtype_to_descr(np.dtype(bool)), "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(file, described)
            for mask in masks:
                file.write(mask.tobytes())
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    return np.lib.format.open_memmap(path, mode="r")


def entries() -> list[dict]:
    """What is kept, by name: `file`, `bytes`, and `shape` and `dtype`, which are None where a run did not finish it."""
    found = []
    for path in _ours():
        if path.suffix != ".json" and not path.name.endswith(".masks.npy"):
            said = _note(path.with_suffix(".json"))
            found.append(
                {"file": str(path), "bytes": path.stat().st_size, "shape": said.get("shape"), "dtype": said.get("dtype")}
            )
    return found


def clear() -> int:
    """Remove all that is kept; returns its bytes. Raises OutputError."""
    freed = 0
    for path in _ours():
        with saying(path):
            freed += path.stat().st_size
            path.unlink()
    return freed


def _ours() -> list[Path]:
    return sorted(path for path in folder().glob("*") if path.suffix in (".npy", ".json", ".tmp") and path.is_file())


def _places(key: str) -> tuple[Path, Path]:
    return folder() / f"{key}.npy", folder() / f"{key}.json"


def _masks(array: Path) -> Path:
    return array.with_suffix(".masks.npy")


def _note(path: Path) -> dict:
    """What stands beside an array; empty where it cannot be read."""
    try:
        said = json.loads(read_text(path))
    except (InputError, ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def _signature(file: str | None) -> list | None:
    if file is None:
        return None
    try:
        status = os.stat(split_reference(file)[0])
    except (OSError, ValueError):
        return [os.path.abspath(file), None, None]
    return [os.path.abspath(file), status.st_size, status.st_mtime_ns]


@contextmanager
def saying(path: Path) -> Iterator[None]:
    """Say what the disk refuses. Raises OutputError."""
    try:
        yield
    except OSError as error:
        hint = f"Free some room, or set {VARIABLE} to a folder on another disk"
        raise OutputError(f"cannot be written: {error.strerror or error}", file=str(path), hint=hint) from error
