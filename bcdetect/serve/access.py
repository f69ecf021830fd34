"""An optional token before everything: as a bearer token from a program, as a login and a cookie from a browser."""

from __future__ import annotations

import asyncio
import hmac
import secrets
import time
from collections.abc import Awaitable, Callable
from urllib.parse import quote

from bcdetect.errors import UsageError
from bcdetect.serve.origin import values
from bcdetect.serve.refusal import Refusal, answer

COOKIE = "bcdetect"
SESSION_SECONDS = 12 * 3600
MOST_SESSIONS = 1000
SHORTEST_TOKEN = 16
FIRST_WAIT, LONGEST_WAIT = 0.1, 3.0  # seconds, after a wrong token
MOST_WAITING = 16
FORGET_SECONDS = 60.0
_OPEN = ("/health", "/login")


class Door:
    """Who may come in: the token, and the sessions that were opened with it. They live in memory, and end with the server."""

    def __init__(
        self,
        token: str | None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ):
        """`token` None: everyone may come in. Raises UsageError for a token that could be guessed, or that fits no header."""
        if token is not None and (len(token) < SHORTEST_TOKEN or not all("!" <= letter <= "~" for letter in token)):
            raise UsageError(
                f"a token has at least {SHORTEST_TOKEN} letters, digits or signs, and no blanks",
                hint='Make one with: python -c "import secrets; print(secrets.token_urlsafe(24))"',
            )
        self.token, self._clock, self._sleep = token, clock, sleep
        self._sessions: dict[str, float] = {}  # name -> when it ends
        self._wrong, self._last_wrong, self._waiting = 0, 0.0, 0

    def opens(self, token: str) -> bool:
        """Whether this is the token, in a time that does not tell how much of it is right."""
        return self.token is not None and hmac.compare_digest(token.encode(), self.token.encode())

    def enter(self) -> str:
        """Open a session; returns its name. Beyond MOST_SESSIONS the oldest ends."""
        while len(self._sessions) >= MOST_SESSIONS:
            del self._sessions[next(iter(self._sessions))]
        name = secrets.token_urlsafe(32)
        self._sessions[name] = self._clock() + SESSION_SECONDS
        return name

    def knows(self, session: str | None) -> bool:
        """Whether this session is open."""
        return self._sessions.get(session, 0.0) > self._clock()

    def leave(self, session: str | None) -> None:
        """End a session."""
        self._sessions.pop(session, None)

    async def refuse(self) -> None:
        """After a wrong token: wait, longer each time until a quiet minute. Refusal 429 where too many wait already."""
        now = self._clock()
        self._wrong = self._wrong + 1 if now - self._last_wrong < FORGET_SECONDS else 1
        self._last_wrong = now
        if self._waiting >= MOST_WAITING:
            raise Refusal(429, "busy", "too many wrong tokens", hint="Try again in a minute", headers=[(b"retry-after", b"60")])
        self._waiting += 1
        try:
            await self._sleep(min(FIRST_WAIT * 2.0 ** min(self._wrong - 1, 10), LONGEST_WAIT))
        finally:
            self._waiting -= 1


class Access:
    """ASGI middleware inside the guard: without the token, only /health, /login and /static are answered.

    A browser that asks for a page is sent to /login, all else gets a 401 as JSON.
    """

    def __init__(self, app, door: Door):
        self.app, self.door = app, door

    async def __call__(self, scope, receive, send):
        """Pass the request on, or answer it."""
        if scope["type"] == "lifespan" or self.door.token is None or is_open(scope["path"]):
            return await self.app(scope, receive, send)
        given = values(scope["headers"], b"authorization")
        if self.door.knows(session_of(scope)) or any(self.door.opens(bearer(value)) for value in given):
            return await self.app(scope, receive, send)
        if not given and wants_page(scope):
            return await _send(send, 303, [(b"location", login_address(scope)), (b"content-length", b"0")], b"")
        try:
            if given:
                await self.door.refuse()
            raise Refusal(
                401,
                "unauthorized",
                "this server asks for a token" if not given else "the token is wrong",
                where="Authorization",
                hint="Send the header: Authorization: Bearer TOKEN",
                headers=[(b"www-authenticate", b'Bearer realm="bcdetect"')],
            )
        except Refusal as refusal:
            await _send(send, refusal.status, *answer(refusal))


def is_open(path: str) -> bool:
    """Whether a path is answered without the token."""
    return path in _OPEN or path.startswith("/static/")


def bearer(value: str) -> str:
    """The token in an Authorization header, empty where there is none."""
    scheme, _, token = value.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def session_of(scope) -> str | None:
    """The session that the request's cookie names."""
    pairs = (pair.strip().partition("=") for line in values(scope["headers"], b"cookie") for pair in line.split(";"))
    return next((value for name, _, value in pairs if name == COOKIE), None)


def wants_page(scope) -> bool:
    """Whether a person's browser asks for a page."""
    accepts = any("text/html" in value for value in values(scope["headers"], b"accept"))
    return scope["method"] in ("GET", "HEAD") and accepts and not scope["path"].startswith("/api/")


def login_address(scope) -> bytes:
    """Where to log in, to come back to this page afterwards."""
    target = quote(scope["path"]) + (f"?{scope['query_string'].decode('latin-1')}" if scope["query_string"] else "")
    return f"/login?next={quote(target, safe='')}".encode()


async def _send(send, status: int, headers, body: bytes) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
