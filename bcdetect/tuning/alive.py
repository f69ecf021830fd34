"""Whether the worker that began a trial can still end it."""

from __future__ import annotations

import os
import platform
from pathlib import Path


def me() -> dict:
    """Who works here: the process by its machine, number, and when it began, since numbers are given again."""
    return {"host": _here(), "pid": os.getpid(), "began": _began(os.getpid())}


def is_dead(owner: dict) -> bool:
    """Whether that process is known to be gone; of another machine, or where it cannot be told, False."""
    if os.name != "posix" or owner.get("host") != _here():
        return False
    try:
        os.kill(owner["pid"], 0)  # signals nothing: only asks
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return _began(owner["pid"]) != owner.get("began")


def _here() -> str:
    """The name of the machine, and on Linux the space of process numbers in it: two containers may share a name."""
    try:
        return f"{platform.node()} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return platform.node()


def _began(pid: int) -> str | None:
    """The process's start in clock ticks since the machine's, from Linux's /proc; None elsewhere.

    A process that has ended and is still waited for (state Z) has begun never.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    return "ended" if fields[0] == "Z" else fields[19]
