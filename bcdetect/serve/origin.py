"""Is the request meant for this server, and does it come from our own page? What a browser cannot be made to forge."""

from __future__ import annotations

import re
from collections.abc import Collection

from bcdetect.serve.refusal import Headers, Refusal

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
_HOST = re.compile(r"(\[[0-9a-f:.]{2,45}\]|[a-z0-9_.-]{1,253})(?::([0-9]{1,5}))?")
_DEFAULT_PORTS = {"http": 80, "https": 443}


def bracketed(name: str) -> str:
    """A host name as a Host header writes it: lower case, an IPv6 address in brackets."""
    name = name.lower()
    return f"[{name}]" if ":" in name and not name.startswith("[") else name


def values(headers: Headers, name: bytes) -> list[str]:
    """Every value of a request header; ASGI gives names in lower case."""
    return [value.decode("latin-1") for key, value in headers if key == name]


def check_host(scope, hosts: Collection[str], port: int | None) -> None:
    """Refuse a request whose Host is not one of ours (Refusal 400 or 421).

    A page elsewhere can have its own name resolve to 127.0.0.1 (DNS rebinding); the Host header then still carries that name.
    The address at which the connection arrived is always one of ours: an address cannot be rebound.
    """
    found = values(scope["headers"], b"host")
    match = _HOST.fullmatch(found[0].lower()) if len(found) == 1 else None
    if match is None:
        what = ("the Host header is missing", "the Host header is malformed", "there are two Host headers")[min(len(found), 2)]
        raise Refusal(400, "bad_host", what, where="Host", hint="Send one Host header, such as: Host: 127.0.0.1:8000")
    name, given = match[1], int(match[2] or _DEFAULT_PORTS[scope["scheme"]])
    if name not in hosts and name != bracketed(scope["server"][0] if scope.get("server") else ""):
        served = ", ".join(sorted(hosts))
        raise Refusal(421, "wrong_host", f"{name} is not served here", where="Host", hint=f"Served are: {served}")
    if port is not None and given != port:
        raise Refusal(421, "wrong_host", f"port {given} is not served here", where="Host", hint=f"Served is port {port}")


def check_origin(scope) -> None:
    """Refuse a request that would change something and was sent by another site's page (Refusal 403).

    A browser says where a request comes from in Origin and Sec-Fetch-Site; a program that is no browser sends neither.
    """
    if scope["method"] in SAFE_METHODS:
        return
    sites = values(scope["headers"], b"sec-fetch-site")
    origins = values(scope["headers"], b"origin")
    ours = _without_default_port(f"{scope['scheme']}://{values(scope['headers'], b'host')[0].lower()}")
    foreign = [origin for origin in origins if _without_default_port(origin.lower()) != ours]
    if foreign or len(origins) > 1 or any(site not in ("same-origin", "none") for site in sites):
        raise Refusal(
            403,
            "cross_site",
            "the request was sent by the page of another site",
            where="Origin" if foreign or len(origins) > 1 else "Sec-Fetch-Site",
            hint=f"Send it from {ours}, or without a browser",
        )


def _without_default_port(origin: str) -> str:
    scheme, _, _ = origin.partition("://")
    return origin.removesuffix(f":{_DEFAULT_PORTS.get(scheme)}")
