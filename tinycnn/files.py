"""The one way to write a file: whole or not at all."""

import os
from contextlib import suppress


def write_bytes(path: str | os.PathLike, data: bytes) -> None:
    """Write `data` to `path` so that a reader, or a crash at any moment, meets the old file or the new one, never a part.

    A temporary file in the same folder is written, synced and renamed over `path`; then the folder is synced. A symbolic
    link is followed. Raises OSError; the temporary file is then gone and `path` is as it was.
    """
    path = os.path.realpath(path)
    if os.path.exists(path) and not os.path.isfile(path):
        raise OSError(f"{path} is not a regular file")  # renaming over a device or a folder would destroy it
    folder, name = os.path.split(path)
    temporary = os.path.join(folder, f".{name[:100]}.{os.getpid()}-{os.urandom(4).hex()}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
    try:
        with open(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
    _sync_folder(folder)


def write_text(path: str | os.PathLike, text: str) -> None:
    """Write `text` as UTF-8, whole or not at all; see `write_bytes`."""
    write_bytes(path, text.encode("utf-8"))


def _sync_folder(folder: str) -> None:
    if os.name == "nt":  # Windows cannot open a folder, and its rename is durable without
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # some network file systems cannot; the file itself is synced and in its place
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
