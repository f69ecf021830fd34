"""Picture files to one array: each decoded once, by a few threads that run ahead, and brought to the network's size."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from bcdetect.datasets import cache
from bcdetect.datasets.collecting import Collector
from bcdetect.errors import InputError
from bcdetect.pictures import Reader, fitted, fitted_mask, split_reference

THREADS = 4  # decoders let go of the interpreter while they work
NAMED = 5  # bad rows in one message
LABELS = 16  # a mask of no more values than these holds numbers of lesions; of more, it was smoothed or compressed
FACTS = ("bytes", "height", "width")


@dataclass(frozen=True)
class Row:
    """What one row reads: a reference for each sequence (None: not taken), outlines of lesions, and its name for people."""

    files: tuple[str | None, ...]
    masks: tuple[str, ...] = ()
    name: str = ""


@dataclass(frozen=True)
class Picture:
    """A row that was read: picture (S, S, C) uint8 or uint16, mask (S, S) bool or None, FACTS of its first file."""

    picture: np.ndarray
    mask: np.ndarray | None
    facts: tuple[int, int, int]


@dataclass(frozen=True)
class Decoded:
    """Pictures (N, S, S, C), uint8 or uint16, of the `kept` rows (N,); `missing` (N, C) says which sequences were not there.

    `masks` (N, S, S) bool, or None where no row has one; `facts` as in `Dataset`; `bad` has a line for each row left out.
    Large ones are a `np.memmap`, read-only (see `cache`). `sha256` is that of the pictures' bytes.
    """

    x: np.ndarray
    kept: np.ndarray
    missing: np.ndarray
    masks: np.ndarray | None
    facts: dict[str, np.ndarray]
    bad: list[str]
    sha256: str


def decode(
    rows: Sequence[Row],
    size: int,
    skip_bad: bool = False,
    on_picture: Callable[[int], None] | None = None,
    source: str = "",
) -> Decoded:
    """Read R rows of files; with more than one file a row they are the sequences of one exam, and each becomes a channel.

    Raises InputError that names `source` and the first bad rows, unless `skip_bad`: then they are left out and listed.
    """
    key = cache.key_of([(row.files, row.masks) for row in rows], size)
    pictures = cache.reopen(key)
    if pictures is None:
        pictures = _collected(rows, size, key, skip_bad, on_picture, source)
    elif on_picture is not None:
        on_picture(len(rows))
    problems = pictures.problems
    if problems and not skip_bad:
        _refuse(rows, problems, source)
    kept = np.setdiff1d(np.arange(len(rows)), list(problems))
    facts = dict(zip(FACTS, np.array(pictures.facts, np.float64).T.copy(), strict=True))
    missing = np.array([[file is None for file in rows[i].files] for i in kept])
    bad = [f"{rows[i].name}: {problem_of(rows[i], error)}" for i, error in problems.items()]
    return Decoded(pictures.x, kept, missing, pictures.masks, facts, bad, pictures.sha256)


def _collected(rows: Sequence[Row], size: int, key: str, skip_bad: bool, on_picture, source: str) -> cache.Kept:
    problems: dict[int, InputError] = {}
    with Collector(len(rows), key, any(row.masks for row in rows)) as pictures:
        for number, result in enumerate(pictures_of(rows, size)):
            if isinstance(result, InputError):
                problems[number] = result
            else:
                pictures.add(result.picture, result.mask, result.facts)
            if on_picture is not None:
                on_picture(number + 1)
        if problems and not (skip_bad and len(problems) < len(rows)):
            _refuse(rows, problems, source)
        return pictures.finish(problems)


def pictures_of(rows: Sequence[Row], size: int) -> Iterator[Picture | InputError]:
    """What each row holds, or why it cannot be used; in order, with a bounded number decoded before they are taken."""
    reader, waiting = Reader(), []
    with ThreadPoolExecutor(THREADS) as pool:
        for row in rows:
            waiting.append(pool.submit(_read, reader, row, size))
            if len(waiting) > 4 * THREADS:
                yield waiting.pop(0).result()
        for each in waiting:
            yield each.result()


def _read(reader: Reader, row: Row, size: int) -> Picture | InputError:
    try:
        whole = [None if file is None else reader.read(file) for file in row.files]
        first, file = next((picture, file) for picture, file in zip(whole, row.files, strict=True) if picture is not None)
        mask = _mask(reader, row.masks, first.shape[:2], size) if row.masks else None
        facts = (os.path.getsize(split_reference(file)[0]), *first.shape[:2])
    except InputError as error:
        return error
    return Picture(at_size(whole, size), mask, facts)


def at_size(whole: Sequence[np.ndarray | None], size: int) -> np.ndarray:
    """What a row's files hold, as the network takes it: one picture, or the sequences of an exam as channels (None: not taken).

    Shape: (H, W, 1 or 3) each -> (size, size, 1 or 3), or (size, size, C) of C sequences; uint8 or uint16.
    """
    pictures = [None if picture is None else fitted(picture, size) for picture in whole]
    return pictures[0] if len(pictures) == 1 else _channels(pictures, size)


def _channels(pictures: list[np.ndarray | None], size: int) -> np.ndarray:
    """The sequences of one exam as channels; one that was not taken is black."""
    deep = any(picture is not None and picture.dtype == np.uint16 for picture in pictures)
    row = np.zeros((size, size, len(pictures)), np.uint16 if deep else np.uint8)
    for c, picture in enumerate(pictures):
        if picture is not None:
            plane = np.rint(picture.mean(axis=2))  # a colour picture of one sequence is grey
            row[:, :, c] = plane * 257 if deep and picture.dtype == np.uint8 else plane
    return row


def _mask(reader: Reader, files: Sequence[str], shape: tuple[int, int], size: int) -> np.ndarray:
    """The outlines in all files together. Shape: (S, S) bool. Raises InputError where one is not the size of its picture."""
    together = np.zeros(shape, bool)
    for file in files:
        values = reader.read(file).max(axis=2)
        if values.shape != shape:
            what = f"a mask of {values.shape[1]} x {values.shape[0]} pixels for a picture of {shape[1]} x {shape[0]}"
            raise InputError(what, file=file, hint="Make both of one size")
        few = len(np.unique(values)) <= LABELS
        together |= values > (0 if few else np.iinfo(values.dtype).max // 2)
    return fitted_mask(together, size)


def _refuse(rows: Sequence[Row], problems: dict[int, InputError], source: str) -> None:
    """One line for all that is wrong: the first few rows, and what to do where that is one thing."""
    alike = Counter((split_reference(rows[i].name)[0], problem_of(rows[i], error)) for i, error in problems.items())
    shown = [f"{name}{f' ({count} pictures)' * (count > 1)}: {what}" for (name, what), count in list(alike.items())[:NAMED]]
    said = "; ".join(shown) + (f"; and {len(alike) - NAMED:,} more" if len(alike) > NAMED else "")
    hints = list(dict.fromkeys(error.hint for error in problems.values()))
    hint = hints[0] if len(hints) == 1 and hints[0] else "Correct " + ("it" if len(problems) == 1 else "them")
    if len(problems) == len(rows):
        raise InputError(f"not one picture can be used: {said}", file=source, hint=hint)
    them = "it" if len(problems) == 1 else "them"
    what = f"{len(problems):,} of {len(rows):,} cannot be used: {said}"
    raise InputError(what, file=source, hint=f"{hint}, or leave {them} out with --skip-bad")


def problem_of(row: Row, error: InputError) -> str:
    """The problem, and its file where that is not the only one that the row is named after."""
    named = [split_reference(file)[0] for file in row.files if file is not None]
    other = error.file and named != [split_reference(error.file)[0]]
    return f"{os.path.basename(error.file)}: {error.what}" if other else error.what
