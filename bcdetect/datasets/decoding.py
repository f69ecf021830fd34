"""Picture files to one array: each decoded once, by a few threads that run ahead, and brought to the network's size."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from bcdetect.errors import InputError
from bcdetect.pictures import fitted, read_picture

THREADS = 4  # Pillow lets go of the interpreter while it decodes
NAMED = 5  # bad files in one message


@dataclass(frozen=True)
class Decoded:
    """Pictures (N, S, S, C), uint8 or uint16, of the `kept` rows (N,); `missing` (N, C) says which sequences were not there."""

    x: np.ndarray
    kept: np.ndarray
    missing: np.ndarray
    bad: list[str]


def decode(
    files: Sequence[Sequence[str | None]], size: int, skip_bad: bool = False, on_picture: Callable[[int], None] | None = None
) -> Decoded:
    """Read R rows of files; with more than one a row they are the sequences of one exam, and each becomes a channel.

    Raises InputError that names the first bad files, unless `skip_bad`: then they are left out and listed.
    """
    rows: list[np.ndarray | None] = []
    bad: list[str] = []
    with ThreadPoolExecutor(THREADS) as pool:
        for number, result in enumerate(_ahead(pool, files, size)):
            if isinstance(result, InputError):
                bad.append(str(result))
                result = None
            rows.append(result)
            if on_picture is not None:
                on_picture(number + 1)
    if bad and not skip_bad:
        more = f" And {len(bad) - NAMED} more." if len(bad) > NAMED else ""
        few = " ".join(bad[:NAMED])
        raise InputError(
            f"{len(bad)} of {len(files)} cannot be used: {few}{more}", hint="Correct them, or leave them out with --skip-bad"
        )
    kept = np.array([i for i, row in enumerate(rows) if row is not None], np.intp)
    if not len(kept):
        raise InputError("not one picture can be used", hint=bad[0] if bad else "")
    pictures = [rows[i] for i in kept]
    deep = any(row.dtype == np.uint16 for row in pictures)
    channels = max(row.shape[-1] for row in pictures)
    x = np.empty((len(kept), size, size, channels), np.uint16 if deep else np.uint8)
    for i, row in enumerate(pictures):
        x[i] = row * np.uint16(257) if deep and row.dtype == np.uint8 else row  # grey beside colour: the same in all three
    missing = np.array([[file is None for file in files[i]] for i in kept])
    return Decoded(x, kept, missing, bad)


def _ahead(pool: ThreadPoolExecutor, files, size):
    """Results in order, with a bounded number decoded before they are taken."""
    waiting = []
    for row in files:
        waiting.append(pool.submit(_row, row, size))
        if len(waiting) > 4 * THREADS:
            yield waiting.pop(0).result()
    for each in waiting:
        yield each.result()


def _row(files: Sequence[str | None], size: int) -> np.ndarray | InputError:
    try:
        pictures = [None if file is None else fitted(read_picture(file), size) for file in files]
    except InputError as error:
        return error
    if len(pictures) == 1:
        return pictures[0]
    deep = any(picture is not None and picture.dtype == np.uint16 for picture in pictures)
    row = np.zeros((size, size, len(pictures)), np.uint16 if deep else np.uint8)
    for c, picture in enumerate(pictures):
        if picture is not None:
            plane = np.rint(picture.mean(axis=2))  # a colour picture of one sequence is grey
            row[:, :, c] = plane * 257 if deep and picture.dtype == np.uint8 else plane
    return row


def picture_files(folder: str | os.PathLike, suffixes: Sequence[str]) -> list[str]:
    """All picture files below a folder, sorted by name; hidden ones are passed over."""
    found = []
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found += [
            os.path.join(place, name) for name in sorted(names) if name.lower().endswith(tuple(suffixes)) and name[0] != "."
        ]
    return found
