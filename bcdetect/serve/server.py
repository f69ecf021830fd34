"""Run an ASGI application with uvicorn until a signal comes, and finish what is in flight."""

from __future__ import annotations

import asyncio
import errno
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn

from bcdetect.errors import UsageError
from bcdetect.serve.connections import connection_class
from bcdetect.serve.limits import Limits

BACKLOG = 256  # connections that wait to be accepted
KEEP_ALIVE_SECONDS = 20
_USE_ADDRESS = "Use 127.0.0.1, or an address of this machine"


def serve(
    app,
    host: str,
    port: int,
    *,
    limits: Limits | None = None,
    grace_seconds: int = 10,
    on_ready: Callable[[int], None] = lambda port: None,
    on_stop: Callable[[], None] = lambda: None,
) -> int:
    """Answer requests until SIGINT or SIGTERM, finish those in flight, and return the number of that signal.

    Port 0 is any free one; `on_ready` is called with the real one, once requests are answered. `on_stop` is called before the
    wait for requests in flight, so that the application can end its event streams; after `grace_seconds` what is left is cut. A
    second signal cuts it at once. uvicorn itself logs nothing: what fails in a request is the application's to log, as
    `guard.Guard` does. Raises UsageError where host and port cannot be had, and what the application raised on starting.
    """
    with listen(host, port) as listener:
        server = Server(app, listener, limits or Limits(), grace_seconds, on_ready, on_stop)
        server.run()
        return server.stopped_by


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises UsageError where there can be none."""
    if not 0 <= port <= 65535:
        raise UsageError(f"{port} is no port", where="--port", hint="Use one from 1024 to 65535, or 0 for any free one")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except (socket.gaierror, UnicodeError) as error:
        raise UsageError(f"{host!r} is no address", where="--host", hint=_USE_ADDRESS) from error
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a port whose last connections are dying down is free
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise _no_port(error, host, port) from error
    return listener


def _no_port(error: OSError, host: str, port: int) -> UsageError:
    if error.errno == errno.EADDRINUSE:
        return UsageError(f"port {port} is taken", where="--port", hint="Pass another with --port")
    if error.errno == errno.EACCES:
        return UsageError(f"port {port} may not be used by this user", where="--port", hint="Pass one above 1023 with --port")
    return UsageError(f"cannot listen at {host}: {error.strerror}", where="--host", hint=_USE_ADDRESS)


class Server(uvicorn.Server):
    """uvicorn, but it keeps signals to itself, tells when it is ready and when it stops, and raises what failed on starting."""

    def __init__(self, app, listener: socket.socket, limits: Limits, grace_seconds: int, on_ready, on_stop):
        self.app, self.listener, self.on_ready, self.on_stop = app, listener, on_ready, on_stop
        self.stopped_by = 0
        self.failure: Exception | None = None
        config = uvicorn.Config(
            self._watch_start,
            http=connection_class(limits),
            ws="none",
            lifespan="on",
            interface="asgi3",
            log_config=None,
            log_level="critical",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=grace_seconds,
            h11_max_incomplete_event_size=1 << 20,  # the connection counts for itself, and answers with a 431
            backlog=BACKLOG,
        )
        super().__init__(config)

    def run(self) -> None:
        """Run until stopped."""
        try:
            super().run(sockets=[self.listener])
        except SystemExit:
            if self.failure is None:
                raise
        if self.failure is not None:
            raise self.failure

    async def _watch_start(self, scope, receive, send) -> None:
        try:
            await self.app(scope, receive, send)
        except Exception as error:
            if scope["type"] == "lifespan":
                self.failure = error
            raise

    async def startup(self, sockets=None) -> None:
        """Start the application, then listen."""
        await super().startup(sockets)
        if self.started:
            self.on_ready(self.listener.getsockname()[1])

    async def shutdown(self, sockets=None) -> None:
        """Wait for requests in flight, then stop the application."""
        self.on_stop()
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Hear SIGINT and SIGTERM; nothing is heard outside the main thread."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        self.loop = asyncio.get_running_loop()
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame) -> None:
        """The first signal ends the server after what is in flight, the second at once."""
        if self.stopped_by:
            self.loop.call_soon_threadsafe(self._cut)
        self.stopped_by, self.should_exit = sig, True

    def _cut(self) -> None:
        self.force_exit = True
        for connection in list(self.server_state.connections):
            connection.transport.abort()  # since Python 3.12 a server is not closed before its last connection is
