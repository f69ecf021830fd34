"""Under which addresses the server is asked for: by its own port, through a mapped port, or through a proxy's URL."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv6Address
from typing import NamedTuple

from bcdetect.errors import UsageError

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
DEFAULT_PORTS = {"http": 80, "https": 443}
HOST = re.compile(r"(\[[0-9a-f:.]{2,45}\]|[a-z0-9_.-]{1,253})(?::([0-9]{1,5}))?")  # of a header, in lower case
_URL = re.compile(rf"(https?)://{HOST.pattern}/?")


class Url(NamedTuple):
    """What people open: "http" or "https", a name as a Host header writes it, and a port. As text it is the browser's origin."""

    scheme: str
    name: str
    port: int

    def __str__(self) -> str:
        return f"{self.scheme}://{self.name}" + ("" if self.port == DEFAULT_PORTS[self.scheme] else f":{self.port}")


@dataclass(frozen=True)
class Addresses:
    """What the Host of a request may be.

    `names` go with the server's own `port` (None: with any), `exact` are names with a port each. `public` is the URL under
    which a proxy in front is asked, which passes Host on unchanged; its scheme counts, though the server itself speaks HTTP.
    """

    names: frozenset[str]
    exact: frozenset[tuple[str, int]]
    port: int | None
    public: Url | None

    @classmethod
    def of(cls, hosts: Iterable[str], port: int | None, public: Url | None) -> Addresses:
        """From entries `NAME` and `NAME:PORT`. Raises UsageError."""
        found = [authority(text) for text in hosts]
        names = frozenset(name for name, own in found if own is None)
        return cls(names, frozenset((name, own) for name, own in found if own is not None), port, public)

    def scheme(self, name: str, port: int | None, spoken: str, arrived: str) -> str | None:
        """The scheme by which a request came whose Host has this name and port (None: left out); None: it is not meant for us.

        `spoken` is the connection's own scheme. `arrived` is the address at which the connection did: it cannot be rebound.
        """
        public = self.public
        if public is not None and (name, port or DEFAULT_PORTS[public.scheme]) == (public.name, public.port):
            return public.scheme
        port = port or DEFAULT_PORTS[spoken]
        own = (name in self.names or name == arrived) and self.port in (None, port)
        return spoken if own or (name, port) in self.exact else None

    def __str__(self) -> str:
        own = sorted(self.names if self.port is None else (f"{name}:{self.port}" for name in self.names))
        return ", ".join(
            [*own, *sorted(f"{name}:{port}" for name, port in self.exact), *([str(self.public)] if self.public else [])]
        )


def authority(text: str) -> tuple[str, int | None]:
    """The name and port of `NAME` or `NAME:PORT`; an IPv6 address with a port has brackets. Raises UsageError.

    The name is as a Host header writes it: lower case, an IPv6 address in brackets and as short as can be.
    """
    lower = text.lower()
    found = HOST.fullmatch(f"[{lower}]" if lower.count(":") > 1 and not lower.startswith("[") else lower)
    name = found and _written(found[1])
    if not name or not _is_port(found[2]):
        hint = "Write NAME, NAME:PORT, an address, or [IPV6]:PORT, as the browser's address bar has it"
        raise UsageError(f"{text!r} is no name of a server", where="--allow-host", hint=hint)
    return name, int(found[2]) if found[2] else None


def public_url(text: str) -> Url:
    """A URL `http[s]://NAME[:PORT]` as a Url. Raises UsageError."""
    found = _URL.fullmatch(text.lower())
    name = found and _written(found[2])
    if not name or not _is_port(found[3]):
        hint = "Write https://NAME or https://NAME:PORT, with no path behind it"
        raise UsageError(f"{text!r} is no address of a server", where="--public-url", hint=hint)
    return Url(found[1], name, int(found[3] or DEFAULT_PORTS[found[1]]))


def _written(name: str) -> str:
    """The name as browsers write it, "" where it is none."""
    if not name.startswith("["):
        return name
    try:
        return f"[{IPv6Address(name[1:-1])}]"
    except AddressValueError:
        return ""


def _is_port(text: str | None) -> bool:
    return text is None or 1 <= int(text) <= 65535
