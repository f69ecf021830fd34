"""Pictures that come one by one, collected into one array: in memory where they are few, else in a file (see `cache`)."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np

from bcdetect.datasets import cache
from bcdetect.errors import InputError
from bcdetect.places import spoken

LIMIT = 512 * 2**20  # bytes; a larger array lives in a file
SPARE = 64 * 2**20  # bytes of the disk that are left free


class Collector:
    """Room for up to `rows` pictures (S, S, 1 or C), uint8 or uint16, that come one after the other; use it in a `with` block.

    Depth and channels are learnt as pictures come: the first that is deeper, or in colour, has those before it rewritten, which
    happens at most twice. Nothing of it stays on the disk unless `finish` was called. Raises OutputError for a full disk.
    """

    def __init__(self, rows: int, key: str, masked: bool = False):
        """`masked` says whether any row has a mask."""
        self.rows, self.key = rows, key
        self.masks: list[np.ndarray] | None = [] if masked else None  # a bit a pixel
        self.facts: list[tuple[int, ...]] = []
        self.store: _InMemory | _InFile | None = None

    def __enter__(self) -> Collector:
        return self

    def __exit__(self, *unused) -> None:
        if self.store is not None:
            self.store.close()

    def add(self, picture: np.ndarray, mask: np.ndarray | None = None, facts: tuple[int, ...] = ()) -> None:
        """Take the next picture, its mask (S, S) bool, and what is known of its file."""
        shape, dtype = picture.shape, picture.dtype
        if self.store is not None:
            shape = (*shape[:2], max(shape[2], self.store.shape[2]))
            dtype = np.promote_types(dtype, self.store.dtype)
        if self.store is None or (shape, dtype) != (self.store.shape, self.store.dtype):
            before = self.store
            large = self.rows * int(np.prod(shape)) * dtype.itemsize > LIMIT
            self.store = _InFile(self.rows, shape, dtype, self.masks is not None) if large else _InMemory(self.rows, shape, dtype)
            if before is not None:
                try:
                    for row in before.pictures():
                        self.store.add(_raised(row, shape, dtype))
                finally:
                    before.close()
        self.store.add(_raised(picture, shape, dtype))
        self.facts.append(facts)
        if self.masks is not None:
            self.masks.append(np.packbits(np.zeros(shape[:2], bool) if mask is None else mask, axis=1))

    def finish(self, problems: dict[int, InputError]) -> cache.Kept:
        """The pictures that came; those of a file are kept for the next run. `problems` are those of the rows that did not."""
        width = self.store.shape[1]
        masks = None if self.masks is None else (np.unpackbits(m, axis=1, count=width).view(bool) for m in self.masks)
        if isinstance(self.store, _InMemory):
            x = self.store.x[: self.store.count]
            return cache.Kept(x, cache.digest_of(x), problems, self.facts, None if masks is None else np.stack(list(masks)))
        return cache.keep(self.key, self.store.complete(), self.store.digest.hexdigest(), problems, self.facts, masks)


class _InMemory:
    def __init__(self, rows: int, shape: tuple[int, ...], dtype: np.dtype):
        self.shape, self.dtype, self.count = shape, dtype, 0
        self.x = np.empty((rows, *shape), dtype)

    def add(self, picture: np.ndarray) -> None:
        self.x[self.count] = picture
        self.count += 1

    def pictures(self) -> Iterator[np.ndarray]:
        yield from self.x[: self.count]

    def close(self) -> None:
        pass


class _InFile:
    """Written in order and by `write`: on a full disk that is an error, where storing into mapped memory would be a crash."""

    def __init__(self, rows: int, shape: tuple[int, ...], dtype: np.dtype, masked: bool):
        self.shape, self.dtype, self.count, self.rows = shape, dtype, 0, rows
        folder = cache.folder()
        needed = rows * (int(np.prod(shape)) * dtype.itemsize + masked * shape[0] * shape[1])
        with cache.saying(folder):
            folder.mkdir(parents=True, exist_ok=True)
            if (free := shutil.disk_usage(folder).free) < needed + SPARE:
                raise OSError(errno.ENOSPC, f"decoded pictures need {spoken(needed)} and {spoken(free)} are free")
            self.path = folder / f"{os.getpid()}-{os.urandom(4).hex()}.tmp"
            self.file = open(self.path, "xb")
            self._header(rows)
            self.start = self.file.tell()
        self.digest = hashlib.sha256()

    def add(self, picture: np.ndarray) -> None:
        data = picture.tobytes()
        self.digest.update(data)
        with cache.saying(self.path.parent):
            self.file.write(data)
        self.count += 1

    def pictures(self) -> Iterator[np.ndarray]:
        self.file.flush()
        yield from np.memmap(self.path, self.dtype, "r", self.start, (self.count, *self.shape))

    def complete(self) -> Path:
        with cache.saying(self.path.parent):
            self.file.seek(0)
            self._header(self.count)
            if self.file.tell() != self.start:  # NumPy pads headers so that the number of rows may grow to any
                raise OSError("the header of an .npy file changed its length")
            self.file.flush()
            os.fsync(self.file.fileno())
            self.file.close()
        return self.path

    def close(self) -> None:
        with suppress(OSError):  # of what could not be written; that was said
            self.file.close()
        self.path.unlink(missing_ok=True)

    def _header(self, rows: int) -> None:
        described = {"descr": np.lib.format.dtype_to_descr(self.dtype), "fortran_order": False, "shape": (rows, *self.shape)}
        np.lib.format.write_array_header_1_0(self.file, described)


def _raised(picture: np.ndarray, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """The picture at this depth, white staying white, and with these channels: grey beside colour is the same in all three."""
    if picture.dtype != dtype:
        picture = picture * np.uint16(257)
    return np.broadcast_to(picture, shape)
