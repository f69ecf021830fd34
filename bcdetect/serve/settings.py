"""What the operator chooses, in one frozen place."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bcdetect.errors import UsageError

LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class Settings:
    """How to serve. Sizes are bytes, times seconds.

    `hosts` are names under which the page may be asked for, beside the loopback's and `host` itself.
    """

    models: Path = Path("runs")
    host: str = "127.0.0.1"
    port: int = 8000
    hosts: tuple[str, ...] = ()
    token: str | None = None
    log: Path | None = None  # a SQLite file; None: nothing that was asked is kept

    max_upload: int = 64 * 2**20
    in_flight: int = 256 * 2**20  # of all uploads together
    upload_seconds: float = 120.0
    idle_seconds: float = 15.0  # between two pieces of an upload
    answer_seconds: float = 120.0
    threads: int = 2
    waiting: int = 100  # answers that may wait for a thread

    def __post_init__(self):
        if not 0 <= self.port <= 65535:
            raise UsageError(f"port is {self.port}; it must be from 0 to 65535")
        if self.host not in LOOPBACK and not self.token:
            raise UsageError(
                f"--host {self.host} lets other machines ask, which needs a token",
                hint="Set one with --token-file FILE or the variable BCDETECT_TOKEN, or leave --host out",
            )
        if self.token is not None and len(self.token) < 16:
            raise UsageError("the token is shorter than 16 characters", hint="Make one with: openssl rand -hex 24")

    @property
    def served(self) -> tuple[str, ...]:
        """Every name that a request's Host may have."""
        return (*LOOPBACK, *(() if self.host in ("0.0.0.0", "::", *LOOPBACK) else (self.host,)), *self.hosts)
