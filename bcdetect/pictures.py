"""The one door for pictures: a file is told by its first bytes, checked against limits, and only then decoded.

    path or path#n -> what kind of file -> its pictures, counted from its header -> the n-th as an array -> the network's size

`path#n` is the n-th picture of a file that holds several, counted from 1: a frame, a slice, a page. Each kind of file has a
room of its own: `raster` (PNG, JPEG, BMP, TIFF, PGM), `dicom`, `nifti`.
"""

from __future__ import annotations

import io
import os
import re
import threading
from collections import OrderedDict
from typing import Protocol

import numpy as np

from bcdetect import dicom, nifti, raster
from bcdetect.errors import InputError
from bcdetect.gate import check_size, opened, read_bytes
from bcdetect.quiet import quiet

SUFFIXES = (*raster.SUFFIXES, *dicom.SUFFIXES, *nifti.SUFFIXES)
MAX_BYTES = 256 * 2**20
KEPT_BYTES = 2**30  # of files that stay open while their pictures pass by
HEAD = 352  # bytes that tell every kind


class Pictures(Protocol):
    """What a kind of file gives: `count` pictures; `nbytes` of memory that keeping them at hand takes."""

    count: int
    nbytes: int

    def read(self, number: int) -> np.ndarray:
        """Picture `number`, from 1, upright. Shape: (H, W, 1) or (H, W, 3), uint8 or uint16. Raises InputError."""
        ...


def split_reference(reference: str | os.PathLike) -> tuple[str, int | None]:
    """`path#3` as its path and 3, `path` as itself and None. A file whose name truly ends so is that file."""
    text = os.fspath(reference)
    found = re.fullmatch(r"(.+)#([0-9]{1,9})", text, re.DOTALL)
    if found is None or os.path.lexists(text):
        return text, None
    return found[1], int(found[2])


def names_picture(text: str) -> bool:
    """Whether a text ends as the name of a picture file, or of one picture in it, does."""
    return re.sub(r"#[0-9]+$", "", text).lower().endswith(SUFFIXES)


def read_picture(reference: str | os.PathLike) -> np.ndarray:
    """The picture that `path` or `path#n` names. Shape: (H, W, 1) or (H, W, 3), uint8 or uint16 (spread over all its range).

    A colour picture whose three channels are the same is grey. Transparent parts are black. Raises InputError.
    """
    return Reader().read(reference)


def open_pictures(path: str | os.PathLike) -> Pictures:
    """The pictures of a file, its header read and within limits. Raises InputError, or UsageError for a missing extra."""
    return open_bytes(read_bytes(path, limit=MAX_BYTES), os.fspath(path))


def open_bytes(data: bytes, name: str) -> Pictures:
    """The same for a file that is in memory already: its bytes, and what people call it. Raises as `open_pictures` does."""
    check_size(data, limit=MAX_BYTES, file=name)
    return _room(data[:HEAD]).open_pictures(data, name)


def count_pictures(data: bytes, name: str) -> int:
    """How many pictures the bytes of a file hold, from its header alone. Raises as `open_pictures` does."""
    check_size(data, limit=MAX_BYTES, file=name)
    room = _room(data[:HEAD])
    return room.open_pictures(data, name).count if room is raster else room.peek(io.BytesIO(data), name)[0]


def only_picture(pictures: Pictures, file: str) -> np.ndarray:
    """The picture of a file that holds one. Raises InputError where it holds more."""
    if pictures.count > 1:
        hint = f"Name one of them, such as {os.path.basename(file)}#1, or save each in a file of its own"
        raise InputError(f"holds {pictures.count} pictures", file=file, hint=hint)
    return pictures.read(1)


def peek(path: str | os.PathLike) -> tuple[int, str | None]:
    """How many pictures a file holds, and whose: the PatientID of a DICOM file. From its header alone. Raises InputError."""
    with opened(path, limit=MAX_BYTES) as stream, quiet():
        room = _room(stream.read(HEAD))
        stream.seek(0)
        return (1, None) if room is raster else room.peek(stream, os.fspath(path))


def begins_as_dicom(path: str | os.PathLike) -> bool:
    """Whether a file of any name is DICOM; False for one that cannot be read."""
    try:
        with opened(path, limit=MAX_BYTES) as stream:
            return dicom.begins(stream.read(HEAD))
    except InputError:
        return False


def _room(head: bytes):
    return next((room for room in (dicom, nifti) if room.begins(head)), raster)


class Reader:
    """Reads references, from several threads; a file of many pictures stays open while its own pass by."""

    def __init__(self):
        self._lock, self._open = threading.Lock(), OrderedDict()

    def read(self, reference: str | os.PathLike) -> np.ndarray:
        """As `read_picture`."""
        path, number = split_reference(reference)
        with quiet():
            if number is None:
                return only_picture(open_pictures(path), path)
            with self._shared(path) as entry:
                pictures = entry.opened(path)
                if not 1 <= number <= pictures.count:
                    what = f"has no picture {number}; it holds {pictures.count}, counted from 1"
                    raise InputError(what, file=path, hint="Correct the number after #")
                return pictures.read(number)

    def _shared(self, path: str) -> _Entry:
        """The file's entry, now the latest; the oldest go where all together hold too much."""
        with self._lock:
            entry = self._open.setdefault(path, _Entry())
            self._open.move_to_end(path)
            while len(self._open) > 1 and sum(entry.nbytes for entry in self._open.values()) > KEPT_BYTES:
                self._open.popitem(last=False)
            return entry


class _Entry:
    """A file that is opened once, by whichever thread comes first; the others wait, and meet the same error."""

    def __init__(self):
        self._lock, self._pictures, self._error, self.nbytes = threading.Lock(), None, None, 0

    def __enter__(self):
        self._lock.acquire()
        return self

    def __exit__(self, *exception):
        self._lock.release()

    def opened(self, path: str) -> Pictures:
        if self._error is not None:
            raise InputError(self._error.what, file=self._error.file, where=self._error.where, hint=self._error.hint)
        if self._pictures is None:
            try:
                self._pictures = open_pictures(path)
            except InputError as error:
                self._error = error
                raise
            self.nbytes = self._pictures.nbytes
        return self._pictures


def fitted(picture: np.ndarray, size: int) -> np.ndarray:
    """Scaled down or up to fit a square, its shape kept and the rest black. Shape: (H, W, C) -> (size, size, C)."""
    from PIL import Image

    height, width, channels = picture.shape
    if (height, width) == (size, size):
        return picture
    rows, columns = _inside(height, width, size)
    inner = columns.stop - columns.start, rows.stop - rows.start
    result = np.zeros((size, size, channels), picture.dtype)
    most = np.iinfo(picture.dtype).max
    for c in range(channels):
        plane = Image.fromarray(np.ascontiguousarray(picture[:, :, c], np.float32))
        plane = np.asarray(plane.resize(inner, Image.Resampling.BILINEAR))  # averages what it scales down
        result[rows, columns, c] = np.clip(np.rint(plane), 0, most)
    return result


def fitted_mask(mask: np.ndarray, size: int) -> np.ndarray:
    """As `fitted` does with its picture; each pixel is its nearest. Shape: (H, W) bool -> (size, size) bool."""
    rows, columns = _inside(*mask.shape, size)
    down, across = (
        ((np.arange(inner.stop - inner.start) + 0.5) * length / (inner.stop - inner.start)).astype(int)
        for inner, length in zip((rows, columns), mask.shape, strict=True)
    )
    result = np.zeros((size, size), bool)
    result[rows, columns] = mask[down[:, None], across]
    return result


def _inside(height: int, width: int, size: int) -> tuple[slice, slice]:
    """Rows and columns of a square that a picture of this shape fills."""
    scale = size / max(height, width)
    inner = max(1, round(height * scale)), max(1, round(width * scale))
    top, left = (size - inner[0]) // 2, (size - inner[1]) // 2
    return slice(top, top + inner[0]), slice(left, left + inner[1])
