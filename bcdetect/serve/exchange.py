"""One request on its way through the guard: its body is counted and timed, its answer gets the security headers."""

from __future__ import annotations

import asyncio

from bcdetect.serve.headers import secured
from bcdetect.serve.limits import Limits
from bcdetect.serve.refusal import Refusal, answer, busy

DISCONNECT = {"type": "http.disconnect"}
CLOSE = (b"connection", b"close")


class Budget:
    """Bytes that all requests together may hold."""

    def __init__(self, limit: int):
        self.limit, self.used = limit, 0

    def take(self, count: int) -> None:
        """Hold `count` bytes more; Refusal 503 where there are not as many."""
        if self.used + count > self.limit:
            raise busy("too much is being uploaded at once")
        self.used += count


class Exchange:
    """The `receive` and `send` that the application gets.

    A body that is refused half-way looks to the application like a client that went away, which every ASGI application must
    bear; whatever it answers then is dropped, since the guard has answered already.
    """

    def __init__(self, scope, receive, send, limits: Limits, budget: Budget):
        self.path, self._receive, self._send = scope["path"], receive, send
        self.limits, self.budget = limits, budget
        self.declared, self.taken, self.held = 0, 0, 0  # bytes
        self.seconds = limits.body_seconds
        self.whole = True  # no more of the body is to come
        self.gone = self.begun = self.answered = False  # the client left; a response has begun; it is the guard's own

    def expect(self, length: int | None) -> None:
        """The body has `length` bytes, where that was declared; Refusal 413 where that is too long."""
        self.declared = length or 0
        self._check_size(self.declared)

    async def receive(self):
        """The next ASGI message of the request."""
        if self.answered:
            return DISCONNECT
        if self.whole:
            return await self._receive()
        try:
            return await self._next_piece()
        except Refusal as refusal:
            await self.refuse(refusal)
            return DISCONNECT

    async def _next_piece(self):
        self._hold(self.declared)
        clock = asyncio.get_running_loop().time
        begun = clock()
        try:
            message = await asyncio.wait_for(self._receive(), min(self.limits.idle_seconds, self.seconds))
        except asyncio.TimeoutError:
            raise Refusal(408, "too_slow", "the upload took too long", where="body", hint="Use a faster line") from None
        self.seconds -= clock() - begun
        if message["type"] != "http.request":
            self.gone = self.whole = True
            return message
        self.taken += len(message.get("body", b""))
        self._check_size(self.taken)
        self._hold(self.taken)
        self.whole = not message.get("more_body", False)
        return message

    def _check_size(self, count: int) -> None:
        if count > self.limits.max_body:
            raise Refusal(
                413,
                "too_large",
                f"the upload is longer than {self.limits.max_body:,} bytes",
                where="body",
                hint="Send less at once",
            )

    def _hold(self, count: int) -> None:
        if count > self.held:
            self.budget.take(count - self.held)
            self.held = count

    def release(self) -> None:
        """The request is over: give back its bytes."""
        self.budget.used -= self.held
        self.held = 0

    async def refuse(self, refusal: Refusal) -> None:
        """Answer in the application's place, unless its response has begun."""
        if self.begun:
            return
        self.answered = True
        headers, body = answer(refusal)
        await self._start({"type": "http.response.start", "status": refusal.status, "headers": headers})
        await self._continue({"type": "http.response.body", "body": body})

    async def send(self, message) -> None:
        """Pass on a message of the application's response."""
        if self.answered:
            return
        if message["type"] == "http.response.start":
            await self._start(message)
        else:
            await self._continue(message)

    async def _start(self, message) -> None:
        self.begun = True
        headers = secured(message.get("headers", ()), self.path.startswith("/static/") and message["status"] < 400)
        if not self.whole:  # what follows of the body would be taken for the next request, or be read for ever
            headers = [pair for pair in headers if pair[0].lower() != b"connection"] + [CLOSE]
        await self._send({**message, "headers": headers})

    async def _continue(self, message) -> None:
        if self.whole or message.get("more_body", False) or message["type"] != "http.response.body":
            await self._send(message)
            return
        await self._send({**message, "more_body": True})
        await self._linger()
        await self._send({"type": "http.response.body", "body": b""})

    async def _linger(self) -> None:
        """Throw away what still comes, for a moment: closing on unread bytes resets the connection, and the answer is lost."""
        clock = asyncio.get_running_loop().time
        end, left = clock() + self.limits.linger_seconds, self.limits.max_body
        while left > 0 and (seconds := end - clock()) > 0:
            try:
                message = await asyncio.wait_for(self._receive(), seconds)
            except asyncio.TimeoutError:
                return
            if not message.get("more_body", False):
                return
            left -= len(message["body"])
