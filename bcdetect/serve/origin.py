"""Is the request meant for this server, and does it come from our own page? What a browser cannot be made to forge."""

from __future__ import annotations

from bcdetect.serve.addresses import DEFAULT_PORTS, HOST, Addresses, Url
from bcdetect.serve.refusal import Headers, Refusal

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")


def values(headers: Headers, name: bytes) -> list[str]:
    """Every value of a request header; ASGI gives names in lower case."""
    return [value.decode("latin-1") for key, value in headers if key == name]


def check_host(scope, addresses: Addresses) -> str:
    """The scheme by which the request came; refuse one whose Host is not one of ours (Refusal 400 or 421).

    A page elsewhere can have its own name resolve to 127.0.0.1 (DNS rebinding); the Host header then still carries that name.
    What a proxy says of a request in X-Forwarded headers is never looked at: anybody can send them.
    """
    found = values(scope["headers"], b"host")
    match = HOST.fullmatch(found[0].lower()) if len(found) == 1 else None
    if match is None:
        what = ("the Host header is missing", "the Host header is malformed", "there are two Host headers")[min(len(found), 2)]
        raise Refusal(400, "bad_host", what, where="Host", hint="Send one Host header, such as: Host: 127.0.0.1:8000")
    arrived = scope["server"][0] if scope.get("server") else ""
    port = int(match[2]) if match[2] else None
    scheme = addresses.scheme(match[1], port, scope["scheme"], f"[{arrived}]" if ":" in arrived else arrived)
    if scheme is None:
        hint = f"Served are: {addresses}; whoever runs this server can add others with --allow-host or --public-url"
        raise Refusal(421, "wrong_host", f"{match[0]} is not served here", where="Host", hint=hint)
    return scheme


def check_origin(scope, public: Url | None = None) -> None:
    """Refuse a request that would change something and was sent by another site's page (Refusal 403).

    A browser says where a request comes from in Origin and Sec-Fetch-Site; a program that is no browser sends neither. Ours is
    the page under the very scheme and Host of the request.
    """
    if scope["method"] in SAFE_METHODS:
        return
    sites = values(scope["headers"], b"sec-fetch-site")
    origins = [_without_default_port(origin.lower()) for origin in values(scope["headers"], b"origin")]
    ours = _without_default_port(f"{scope['scheme']}://{values(scope['headers'], b'host')[0].lower()}")
    foreign = len(origins) > 1 or any(origin != ours for origin in origins)
    if foreign or any(site not in ("same-origin", "none") for site in sites):
        changed = public is not None and origins == [str(public)] and ours != str(public)
        raise Refusal(
            403,
            "cross_site",
            "the request was sent by the page of another site",
            where="Origin" if foreign else "Sec-Fetch-Site",
            hint="Let the proxy pass the Host header on unchanged" if changed else f"Send it from {ours}, or without a browser",
        )


def _without_default_port(origin: str) -> str:
    scheme, _, _ = origin.partition("://")
    return origin.removesuffix(f":{DEFAULT_PORTS.get(scheme)}")
