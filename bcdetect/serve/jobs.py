"""The training runs of the page: so many at once, each in a private folder that ends with the server."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import tempfile
import threading
from dataclasses import asdict, replace
from pathlib import Path

from bcdetect.config import Config
from bcdetect.errors import OutputError
from bcdetect.serve.child import REQUEST
from bcdetect.serve.choices import check
from bcdetect.serve.job import Job
from bcdetect.serve.work import Busy

LONGEST = 150  # bytes of a table's name
SECONDS = 3600.0  # that a run may take
GRACE = 30.0  # seconds that a run may take to end once it is asked to


class Jobs:
    """What is started here is stopped here. Nothing waits on an event loop: call it from a thread where that matters."""

    def __init__(
        self,
        folder: str | os.PathLike | None,
        models: str | os.PathLike,
        at_once: int = 1,
        kept: int = 20,
        seconds: float = SECONDS,
        grace: float = GRACE,
    ):
        """Make a private folder in `folder` (None: the system's for temporary files); `models` gets the runs worth keeping.

        `kept` ended runs are known, the older ones forgotten; a run that takes longer than `seconds` is ended as by `stop`.
        Raises OutputError.
        """
        self.models, self.at_once, self.kept, self.seconds, self.grace = Path(models), at_once, kept, seconds, grace
        self._jobs: dict[str, Job] = {}
        self._starting = 0
        self._closed = False
        self._lock = threading.Lock()
        try:
            self.folder = Path(tempfile.mkdtemp(prefix="bcdetect-jobs-", dir=folder)).resolve()  # readable to its owner alone
        except OSError as error:
            raise OutputError(f"no folder for training runs: {error.strerror or error}", file=str(folder or "")) from error

    def full(self) -> bool:
        """Whether a run that is asked for now would be refused."""
        with self._lock:
            return self._is_full()

    def start(self, config: Config, csv: bytes | None = None, name_of_csv: str = "") -> Job:
        """Train on the built-in data, or on the bytes of a table, which lie in the run's private folder until they are read.

        Raises Busy when `at_once` runs go on, UsageError for settings that are not to be chosen here, OutputError.
        """
        check(config)
        with self._lock:
            if self._closed:
                raise Busy("the server is ending", hint="Ask again when it has started anew")
            if self._is_full():
                raise Busy("as many runs go on as are trained at once", hint="Wait for one to end, or stop it")
            self._starting += 1
        try:
            job = self._start(config, csv, name_of_csv)
            with self._lock:
                self._jobs[job.id] = job
        finally:
            with self._lock:
                self._starting -= 1
        self._drop()
        if self._closed:  # meanwhile
            self.close()
        return job

    def get(self, key: str) -> Job | None:
        """The run of that id, unless there is none or it was forgotten."""
        job = self._jobs.get(key)
        return None if job is None or job.forgotten else job

    def all(self) -> list[Job]:
        """All that are known, the latest first."""
        with self._lock:
            return [job for job in reversed(self._jobs.values()) if not job.forgotten]

    def close(self) -> None:
        """Start no more, kill what runs, since nobody can keep it any more, and remove the private folder."""
        with self._lock:
            self._closed = True
            running = [job for job in self._jobs.values() if job.running]
        for job in running:
            job.kill()
        for job in running:
            job.wait(self.grace)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _is_full(self) -> bool:
        return self._starting + sum(job.running for job in self._jobs.values()) >= self.at_once

    def _start(self, config: Config, csv: bytes | None, name_of_csv: str) -> Job:
        config = replace(config, data=None if csv is None else plain_name(name_of_csv))
        key = secrets.token_hex(8)
        folder = self.folder / key
        try:
            folder.mkdir(mode=0o700)
            if csv is not None:
                (folder / config.data).write_bytes(csv)
            request = {"settings": asdict(config), "seconds": self.seconds}
            (folder / REQUEST).write_text(json.dumps(request), encoding="utf-8")
            return Job(key, folder, self.models, config, self.grace)
        except OSError as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise OutputError(f"the run cannot be started: {error.strerror or error}") from error

    def _drop(self) -> None:
        with self._lock:
            ended = [job for job in self._jobs.values() if not job.running]
            gone = [job for job in ended if job.forgotten]
            known = [job for job in ended if not job.forgotten]
            gone += known[: max(0, len(known) - self.kept)]
            for job in gone:
                del self._jobs[job.id]
        for job in gone:
            job.forget()


def plain_name(name: str) -> str:
    """What a person's file is called, as the name of a file in a folder of ours: no folders, nothing odd, and a `.csv`."""
    base = name.replace("\\", "/").rpartition("/")[2]
    shown = "".join(letter if letter.isprintable() and letter not in '<>:"|?*' else "_" for letter in base)
    stem = shown[:-4] if shown.lower().endswith(".csv") else shown
    return (stem.strip(" .").encode()[:LONGEST].decode(errors="ignore") or "table") + ".csv"
