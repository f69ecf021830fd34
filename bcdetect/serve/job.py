"""One training run of the page: its process, what it tells, and what becomes of its folder."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import threading
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path

from bcdetect.config import Config
from bcdetect.errors import OutputError, UsageError
from bcdetect.serve.child import RUN
from bcdetect.serve.events import Events
from bcdetect.serve.shelf import NAME

_keeping = threading.Lock()  # whether a name is free is asked and answered by one run at a time


class Job:
    """A run from its start on. `state` is running, stopping, or, at its end, done, stopped or failed."""

    def __init__(self, key: str, folder: Path, models: Path, config: Config, grace: float):
        """Start the process in a private folder that holds its request; `grace` is how long one that was stopped may go on."""
        self.id, self.folder, self.models, self.config, self.grace = key, folder, models, config, grace
        self.started = time.time()
        self.state = "running"
        self.kept: Path | None = None
        self.forgotten = False
        self._events, self._lock = Events(), threading.Lock()
        self._killer: threading.Timer | None = None
        self._process = _spawn(folder)
        self._reader = threading.Thread(target=self._read, name=f"job-{key}", daemon=True)
        self._reader.start()

    @property
    def running(self) -> bool:
        """Whether its process has not ended."""
        return self.state in ("running", "stopping")

    @property
    def run(self) -> Path | None:
        """The folder of the finished run (model.npz, metrics.json, report.html, ...); None where there is none."""
        place = self.kept or self.folder / RUN
        return place if not self.running and (place / "model.npz").is_file() else None

    def facts(self) -> dict:
        """What a list of runs says of it, ready for JSON; `data` None is the built-in table."""
        started = datetime.fromtimestamp(self.started, timezone.utc).isoformat(timespec="seconds")
        kept = None if self.kept is None else self.kept.name
        told = {"data": self.config.data, "epochs": self.config.epochs, "usable": self.run is not None, "kept": kept}
        return {"id": self.id, "state": self.state, "started": started, **told}

    def follow(self, after: int = 0) -> AsyncIterator[dict]:
        """What it tells, each with its number as "id", from the one after `after` on; ends after the last.

        The last is a "done" with `state` (done, stopped) and `usable`, whether there is a model to keep; or an "error".
        """
        return self._events.follow(after)

    def events(self, after: int = 0) -> list[dict]:
        """What it has told so far."""
        return self._events.told(after)

    def stop(self) -> None:
        """Ask it to end with the best weights so far; asked again, or when it does not, it is killed."""
        with self._lock:
            if not self.running:
                return
            again, self.state = self.state == "stopping", "stopping"
        if again:
            self.kill()
            return
        self._events.add({"event": "state", "state": "stopping"})
        self._killer = threading.Timer(self.grace, self.kill)
        self._killer.daemon = True
        self._killer.start()
        with self._lock, suppress(OSError):  # it ends at this moment
            if self.running:
                os.write(self._process.stdin.fileno(), b"stop\n")

    def kill(self) -> None:
        """End its process, and whatever that has started, now."""
        with self._lock:
            if not self.running:
                return
            self.state = "stopping"
        with suppress(ProcessLookupError):
            if self._process.poll() is not None:
                return
            if hasattr(os, "killpg"):
                os.killpg(self._process.pid, signal.SIGKILL)
            else:
                self._process.kill()

    def wait(self, seconds: float | None = None) -> bool:
        """Whether it ends in that time."""
        self._reader.join(seconds)
        return not self._reader.is_alive()

    def keep(self, name: str) -> Path:
        """Move the finished run into the folder of models under a new name; returns where it is.

        Raises UsageError for a name that is unsafe or taken and where there is nothing to keep, OutputError where it cannot be.
        """
        if not NAME.fullmatch(name) or name.endswith(".npz"):
            hint = "Take 1 to 64 letters, digits, dots, dashes and underscores, with no dot or dash in front"
            raise UsageError(f"the name {name[:80]!r} cannot be taken", hint=hint)
        target = self.models / name
        with _keeping:
            if self.kept is not None:
                raise UsageError(f"the run is kept already, as {self.kept.name!r}")
            source = self.run
            if source is None:
                raise UsageError("there is no model to keep", hint="A run has one when it has ended, and after an epoch at least")
            if os.path.lexists(target) or os.path.lexists(target.with_name(f"{name}.npz")):
                raise UsageError(f"the name {name!r} is taken", hint="Choose another one")
            try:
                self.models.mkdir(parents=True, exist_ok=True)
                _move(source, target)
            except OSError as error:
                raise OutputError(f"cannot be kept: {error.strerror or error}", file=str(target)) from error
            self.kept = target
        shutil.rmtree(self.folder, ignore_errors=True)
        return target

    def forget(self) -> None:
        """Remove its folder, unless it was kept. Raises UsageError while it runs."""
        if self.running:
            raise UsageError("the run has not ended", hint="Stop it first")
        self.forgotten = True
        shutil.rmtree(self.folder, ignore_errors=True)

    def _read(self) -> None:
        """To the end of the process, in a thread of its own."""
        last = None
        for line in self._process.stdout:
            with suppress(ValueError):  # half a line, of one that was killed
                event = json.loads(line)
                if event["event"] in ("done", "error"):
                    last = event
                else:
                    self._events.add(event)
        code = self._process.wait()
        if self._killer is not None:
            self._killer.cancel()
        self._process.stdout.close()
        if self.config.data is not None:
            with suppress(OSError):
                (self.folder / self.config.data).unlink()  # of a run that ended before it was read
        with self._lock:
            last = last or (_crash(code) if self.state == "running" else {"event": "done", "interrupted": True})
            self.state = "failed" if last["event"] == "error" else "stopped" if last["interrupted"] else "done"
            self._process.stdin.close()
        self._events.add({**last, "state": self.state, "usable": self.run is not None}, last=True)


def _spawn(folder: Path) -> subprocess.Popen:
    """The child process; a group of its own, so that Ctrl-C in the server's terminal is the server's."""
    import bcdetect

    root = str(Path(bcdetect.__file__).parents[1])
    environment = dict(os.environ)
    if root not in (sysconfig.get_path("purelib"), sysconfig.get_path("platlib")):  # a checkout
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
    words = [sys.executable, "-m", "bcdetect.serve.child", str(folder)]
    return subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, start_new_session=True)


def _crash(code: int) -> dict:
    what = f"the run ended by signal {-code}, perhaps for want of memory" if code < 0 else f"the run ended with code {code}"
    return {"event": "error", "error": {"code": "crash", "file": "", "where": "", "what": what, "hint": ""}}


def _move(source: Path, target: Path) -> None:
    """Rename; on another file system copy beside the target first, so that there it appears whole or not at all."""
    try:
        os.rename(source, target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        beside = target.with_name(f".{target.name}.{os.getpid()}.tmp")
        try:
            shutil.copytree(source, beside)
            os.rename(beside, target)
        finally:
            shutil.rmtree(beside, ignore_errors=True)
