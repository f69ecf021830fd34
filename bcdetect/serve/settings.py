"""What the operator chooses, in one frozen place."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from bcdetect.errors import UsageError
from bcdetect.serve.addresses import LOOPBACK, Url, authority
from bcdetect.serve.limits import Limits

LOCAL = ("127.0.0.1", "localhost", "::1")
ANY = ("0.0.0.0", "::")  # every address of the machine


@dataclass(frozen=True)
class Settings:
    """How to serve.

    `hosts` are names under which the page may be asked for, beside the loopback's and `host` itself: `NAME` at the server's own
    port, `NAME:PORT` at that port alone, as through a mapped one. `public` is the URL of a proxy in front.
    """

    models: Path = Path("runs")
    host: str = "127.0.0.1"
    port: int = 8000
    hosts: tuple[str, ...] = ()
    public: Url | None = None
    token: str | None = None
    log: Path | None = None  # a SQLite file; None: nothing that was asked is kept

    limits: Limits = field(default_factory=Limits)
    answer_seconds: float = 120.0  # in the queue and computing together
    threads: int = 2
    waiting: int = 100  # answers that may wait for a thread
    slow_threads: int = 2  # beside those, for what may take long: explanations, walks, tables to explore or to train on
    slow_waiting: int = 20

    def __post_init__(self):
        for each in self.hosts:
            authority(each)
        try:
            authority(self._name)
        except UsageError:
            hint = "Use 127.0.0.1, or an address of this machine"
            raise UsageError(f"{self.host!r} is no address", where="--host", hint=hint) from None
        beyond = None
        if self.host not in LOCAL:
            beyond = f"--host {self.host}"
        elif self.public is not None and self.public.name not in LOOPBACK:
            beyond = f"--public-url {self.public}"
        if beyond is not None and not self.token:
            raise UsageError(
                f"{beyond} lets other machines ask, which needs a token",
                hint=f"Set one with --token-file FILE or the variable BCDETECT_TOKEN, or leave {beyond.partition(' ')[0]} out",
            )

    @property
    def served(self) -> tuple[str, ...]:
        """Every name that a request's Host may have, beside that of `public`."""
        return (*LOOPBACK, *(() if self.host in (*LOCAL, *ANY) else (self._name,)), *self.hosts)

    @property
    def _name(self) -> str:
        return self.host.partition("%")[0]  # a Host header does not name the interface, as fe80::1%eth0 does
