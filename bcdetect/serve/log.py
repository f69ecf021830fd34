"""The operator's log of predictions: one SQLite file in WAL mode, whole or said not to be.

It holds when, what kind, which input and which model by their SHA-256, and the answer; never the input itself.
"""

from __future__ import annotations

import json
import os
import sqlite3
import stat
import threading
import time
from contextlib import closing, contextmanager
from datetime import datetime, timezone

from bcdetect.errors import InputError, OutputError

VERSION = 1
APPLICATION = 0x62636C67  # "bclg", in the file's header: this is such a log
TABLE = """
CREATE TABLE predictions (
    id INTEGER PRIMARY KEY,
    time TEXT NOT NULL,
    kind TEXT NOT NULL,
    input_sha256 TEXT NOT NULL,
    model_sha256 TEXT NOT NULL,
    model_name TEXT NOT NULL,
    result TEXT NOT NULL
)
"""
ADD = "INSERT INTO predictions (time, kind, input_sha256, model_sha256, model_name, result) VALUES (?, ?, ?, ?, ?, ?)"
SECONDS = 10.0  # to wait for another process that writes
HINT = "Name a new file, or the log of an earlier server"


class PredictionLog:
    """One row an answer, in the table `predictions`; for any number of threads, and of processes with a log each."""

    def __init__(self, path: str | os.PathLike, seconds: float = SECONDS):
        """Make the file, readable to its owner alone, or go on with the log that it is.

        `seconds` is how long to wait for another process that writes. Raises InputError for any other file, which stays as it
        is, and OutputError where none can be written.
        """
        self.path = os.path.abspath(path)
        self._lock = threading.Lock()
        self._file = _own(self.path)
        with self._failing():
            self._connection = sqlite3.connect(self.path, timeout=seconds, isolation_level=None, check_same_thread=False)
            try:
                self._begin(time.monotonic() + seconds)
            except BaseException:
                self._connection.close()
                raise

    def add(self, kind: str, input_sha256: str, model_sha256: str, model_name: str, result: dict) -> None:
        """Write one answer; it is on the disk when this returns.

        Raises OutputError when it cannot be: an operator who wants a log wants it whole, so then there is to be no answer.
        """
        now = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
        row = (now, kind, input_sha256, model_sha256, model_name, json.dumps(result, allow_nan=False))
        with self._lock, self._failing():
            if _identity(os.stat(self.path)) != self._file:  # SQLite would go on writing to what nobody will find
                raise OutputError("is no longer the file that it was", file=self.path, hint="Start the server again")
            self._connection.execute(ADD, row)

    def close(self) -> None:
        """Write no more; the file is then whole by itself, without the two that stand beside it meanwhile."""
        with self._lock, self._failing():
            self._connection.close()

    def _begin(self, deadline: float) -> None:
        """Make the table where there is none. The header is written before WAL begins, so that it can be read without SQLite."""
        with closing(self._connection.cursor()) as cursor:
            cursor.execute("BEGIN IMMEDIATE")  # of two processes that find an empty file one makes the table
            if not cursor.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                cursor.execute(TABLE)
                cursor.execute(f"PRAGMA application_id = {APPLICATION}")
                cursor.execute(f"PRAGMA user_version = {VERSION}")
            cursor.execute("COMMIT")
            self._write_ahead(cursor, deadline)
            cursor.execute("PRAGMA synchronous = FULL")

    @staticmethod
    def _write_ahead(cursor: sqlite3.Cursor, deadline: float) -> None:
        """Begin WAL; SQLite waits for no other process in this, so it is asked until then."""
        while True:
            try:
                cursor.execute("PRAGMA journal_mode = WAL")
                return
            except sqlite3.OperationalError:
                if time.monotonic() > deadline:
                    raise
            time.sleep(0.01)

    @contextmanager
    def _failing(self):
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            what = f"the log of predictions cannot be written: {getattr(error, 'strerror', None) or error}"
            raise OutputError(what, file=self.path, hint="Make room or correct it, or start the server without a log") from error


def _own(path: str) -> tuple[int, int]:
    """Which file this is, made empty where there is none. Raises InputError for what is not our log, before SQLite touches it."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0), 0o600)
    except OSError as error:
        raise OutputError(f"no log can be written here: {error.strerror or error}", file=path, hint=HINT) from error
    with open(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise InputError("not a regular file", file=path, hint=HINT)
        header = file.read(100)
    version, application = (int.from_bytes(header[at : at + 4], "big") for at in (60, 68))  # https://sqlite.org/fileformat.html
    if header and (not header.startswith(b"SQLite format 3\0") or application != APPLICATION):
        raise InputError("this is no log of predictions", file=path, hint=HINT)
    if header and version != VERSION:
        raise InputError(f"a log of version {version}, and this program writes version {VERSION}", file=path, hint=HINT)
    return _identity(status)


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino
