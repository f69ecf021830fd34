"""The outermost layer: only requests that are meant for this server, of bearable size and speed, reach the application."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Collection

from bcdetect.serve.addresses import LOOPBACK, Addresses, Url
from bcdetect.serve.exchange import Budget, Exchange
from bcdetect.serve.limits import Limits
from bcdetect.serve.origin import SAFE_METHODS, check_host, check_origin, values
from bcdetect.serve.refusal import Refusal, busy

METHODS = (*SAFE_METHODS, "POST", "PUT", "PATCH", "DELETE")
_BAD_PATH = re.compile(r"[\x00-\x1f\x7f\\]|(?:^|/)\.\.(?:/|$)")
_log = logging.getLogger("bcdetect.serve")


class Guard:
    """ASGI middleware, around all others.

    In this order: Host (400, 421), size and form of the target and the headers (400, 405, 414, 431), Origin (403), declared
    length (400, 413), requests at once (503); then, while the body comes, its size (413), its time (408) and the bytes of all
    bodies together (503). An exception of the application becomes a 500 that tells nothing; its traceback is logged to
    `bcdetect.serve`. Every refusal is the JSON of `refusal.error_json`, and closes the connection where a body was not read.
    """

    def __init__(
        self,
        app,
        hosts: Collection[str] = LOOPBACK,
        port: int | None = None,
        limits: Limits | None = None,
        public: Url | None = None,
    ):
        """`hosts` are the names under which the page may be opened: `NAME` at `port` (None: at any), `NAME:PORT` at that one.

        A request under the `public` URL looks to the application as if it had come by that URL's scheme. Raises UsageError.
        """
        self.app = app
        self.addresses = Addresses.of(hosts, port, public)
        self.limits = limits or Limits()
        self.budget = Budget(self.limits.max_bytes_in_flight)
        self.requests = 0

    async def __call__(self, scope, receive, send):
        """Pass the request on, or answer it."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await self._answer(scope, receive, send)

    async def _answer(self, scope, receive, send) -> None:
        exchange = Exchange(scope, receive, send, self.limits, self.budget)
        exchange.whole = not has_body(scope)
        try:
            scope = {**scope, "scheme": check_host(scope, self.addresses)}
            check_head(scope, self.limits)
            check_origin(scope, self.addresses.public)
            if not exchange.whole:
                exchange.expect(declared_length(scope))
            await self._pass_on(scope, exchange)
        except Refusal as refusal:
            await exchange.refuse(refusal)
        except asyncio.CancelledError:
            _log.warning("%s %r was cut: the server is stopping", scope["method"], scope["path"])
            await exchange.refuse(busy("the server is stopping", seconds=10))
        except Exception:
            if not (exchange.gone or exchange.answered):
                _log.exception("%s %r failed", scope["method"], scope["path"])
                await exchange.refuse(Refusal(500, "internal", "the server made an error", hint="Its log says which"))
        finally:
            exchange.release()

    async def _pass_on(self, scope, exchange: Exchange) -> None:
        if self.requests >= self.limits.max_requests:
            raise busy("too many requests at once")
        self.requests += 1
        try:
            await self.app(scope, exchange.receive, exchange.send)
        finally:
            self.requests -= 1


def check_head(scope, limits: Limits) -> None:
    """Refuse a method, a target or headers that no page or program of ours sends (Refusal 400, 405, 414, 431)."""
    path = scope["path"]
    if len(scope["raw_path"]) + len(scope["query_string"]) > limits.max_target:
        what = f"the address is longer than {limits.max_target:,} bytes"
        raise Refusal(414, "target_too_long", what, hint="Send a shorter one")
    if sum(len(name) + len(value) for name, value in scope["headers"]) > limits.max_head:
        what = f"the headers are longer than {limits.max_head:,} bytes"
        raise Refusal(431, "headers_too_long", what, hint="Send less of them")
    if scope["method"] not in METHODS:
        allow = (b"allow", ", ".join(METHODS).encode())
        raise Refusal(405, "method", f"{scope['method'][:20]} is not served here", hint="Use GET or POST", headers=[allow])
    if _BAD_PATH.search(path) or not (path.startswith("/") or (path == "*" and scope["method"] == "OPTIONS")):
        what = "the path is no address of this server"
        raise Refusal(400, "bad_path", what, where="path", hint="Leave out '..', backslashes and control characters")


def has_body(scope) -> bool:
    """Whether the headers announce a body."""
    lengths, codings = values(scope["headers"], b"content-length"), values(scope["headers"], b"transfer-encoding")
    return bool(codings) or lengths not in ([], ["0"])


def declared_length(scope) -> int | None:
    """Bytes of the body by its Content-Length, None where it comes in chunks; Refusal 400 where that is unclear."""
    lengths, codings = values(scope["headers"], b"content-length"), values(scope["headers"], b"transfer-encoding")
    if not lengths and [coding.lower() for coding in codings] == ["chunked"]:
        return None
    if codings or len(lengths) != 1 or not (lengths[0].isascii() and lengths[0].isdigit()) or len(lengths[0]) > 18:
        what = "the length of the body is unclear"
        raise Refusal(400, "bad_length", what, where="Content-Length", hint="Send one Content-Length, in digits")
    return int(lengths[0])
