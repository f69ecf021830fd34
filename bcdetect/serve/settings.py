"""What the operator chooses, in one frozen place."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from bcdetect.errors import UsageError
from bcdetect.serve.limits import Limits

LOOPBACK = ("127.0.0.1", "localhost", "::1")
ANY = ("0.0.0.0", "::")  # every address of the machine


@dataclass(frozen=True)
class Settings:
    """How to serve.

    `hosts` are names under which the page may be asked for, beside the loopback's and `host` itself.
    """

    models: Path = Path("runs")
    host: str = "127.0.0.1"
    port: int = 8000
    hosts: tuple[str, ...] = ()
    token: str | None = None
    log: Path | None = None  # a SQLite file; None: nothing that was asked is kept

    limits: Limits = field(default_factory=Limits)
    answer_seconds: float = 120.0  # in the queue and computing together
    threads: int = 2
    waiting: int = 100  # answers that may wait for a thread
    slow_threads: int = 2  # beside those, for what may take long: explanations, walks through a network, tables to explore
    slow_waiting: int = 20

    def __post_init__(self):
        if self.host not in LOOPBACK and not self.token:
            raise UsageError(
                f"--host {self.host} lets other machines ask, which needs a token",
                hint="Set one with --token-file FILE or the variable BCDETECT_TOKEN, or leave --host out",
            )

    @property
    def served(self) -> tuple[str, ...]:
        """Every name that a request's Host may have."""
        return (*LOOPBACK, *(() if self.host in (*LOOPBACK, *ANY) else (self.host,)), *self.hosts)
