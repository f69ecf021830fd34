"""What uvicorn leaves open: how long the headers of a request may take and may be, how many clients may wait, and for how long
a client may not take its answer.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from importlib.util import find_spec

from bcdetect.serve.headers import secured
from bcdetect.serve.limits import Limits
from bcdetect.serve.refusal import Refusal, answer, busy


def connection_class(limits: Limits) -> type[asyncio.Protocol]:
    """uvicorn's HTTP protocol for one server, with these limits: on httptools where it is installed, else on h11."""
    if find_spec("httptools"):
        from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol as Protocol
    else:
        from uvicorn.protocols.http.h11_impl import H11Protocol as Protocol
    return type("Connection", (Watched, Protocol), {"limits": limits, "waiting": {}})


class Watched:
    """A connection that waits for a request is closed when the headers take too long or get too long, and when it has waited
    longest and others need the room; one that answers, when the client takes nothing. So clients that open connections and then
    do nothing keep no one out.
    """

    limits: Limits
    waiting: dict[Watched, None]  # of one server: those without a request, the one that has waited longest first

    def connection_made(self, transport) -> None:
        """A client has come."""
        self.pending = 0  # bytes that were neither a whole head nor part of a body
        self.deaf, self.alarm, self.write_alarm = False, None, None
        super().connection_made(transport)
        self._wait()
        self._set_alarm()
        if len(self.connections) > self.limits.max_connections:
            first = next(iter(self.waiting))
            if first is self:
                self._turn_away(busy("too many connections at once"))
            else:
                first._stop_waiting()  # now: it is lost only in the loop's next turn, and others may come in this one
                first.transport.abort()

    def connection_lost(self, exc) -> None:
        """The connection is over."""
        self._stop_waiting()
        self._stop_write_alarm()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bytes have come: a head or a part of one, or a piece of a body."""
        if self.deaf:
            return
        cycle, length = self.cycle, len(self.cycle.body) if self.cycle else 0
        super().data_received(data)
        if self.cycle is not cycle or (cycle and len(cycle.body) > length):
            self.pending = 0
        else:
            self.pending += len(data)
        if self._works():
            self._stop_waiting()
        elif self.alarm is None and not self.deaf:
            self._set_alarm()
        if self.pending > self.limits.max_head:
            what = f"the address and the headers are longer than {self.limits.max_head:,} bytes"
            self._turn_away(Refusal(431, "headers_too_long", what, hint="Send less of them"))

    def on_response_complete(self) -> None:
        """A response is through; the connection may be used for another request."""
        super().on_response_complete()
        if not self._works():
            self._wait()

    def pause_writing(self) -> None:
        """The client takes its answer more slowly than it is made."""
        super().pause_writing()
        self.write_alarm = self.loop.call_later(self.limits.write_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """The client has taken what was there."""
        super().resume_writing()
        self._stop_write_alarm()

    def send_400_response(self, msg: str) -> None:
        """Answer what is not HTTP."""
        self._turn_away(Refusal(400, "bad_request", "this is not a valid HTTP/1.1 request", hint="Check its lines and lengths"))

    def _works(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _wait(self) -> None:
        self.waiting[self] = None

    def _stop_waiting(self) -> None:
        self.waiting.pop(self, None)
        if self.alarm:
            self.alarm.cancel()
            self.alarm = None

    def _stop_write_alarm(self) -> None:
        if self.write_alarm:
            self.write_alarm.cancel()
            self.write_alarm = None

    def _set_alarm(self) -> None:
        self.alarm = self.loop.call_later(self.limits.head_seconds, self._too_slow)

    def _too_slow(self) -> None:
        if self.pending:
            self._turn_away(Refusal(408, "too_slow", "the headers of the request took too long", hint="Send them at once"))
        else:
            self.transport.close()

    def _turn_away(self, refusal: Refusal) -> None:
        """Answer, listen to nothing more, and close once the client has had a moment to read."""
        if self.deaf or self.transport.is_closing():
            return
        self.deaf = True
        if self._works():  # the application has begun with it: to the application, the client has gone
            self.cycle.disconnected = True
            self.cycle.message_event.set()
            if self.cycle.response_started:
                self.transport.close()
                return
        headers, body = answer(refusal)
        lines = [f"HTTP/1.1 {refusal.status} {HTTPStatus(refusal.status).phrase}".encode()]
        lines += [name + b": " + value for name, value in secured([*headers, (b"connection", b"close")])]
        self.transport.write(b"\r\n".join(lines) + b"\r\n\r\n" + body)
        self.transport.write_eof()
        self.loop.call_later(self.limits.linger_seconds, self.transport.close)
