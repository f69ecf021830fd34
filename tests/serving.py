"""A real server in a thread, and a client that sends bytes as they are."""

import json
import socket
import threading
import time
from contextlib import closing, contextmanager
from importlib.util import find_spec

from bcdetect.serve import connections
from bcdetect.serve.headers import POLICY
from bcdetect.serve.limits import Limits
from bcdetect.serve.server import Server, listen

HOST = b"Host: 127.0.0.1\r\n"
PATIENCE = 20  # seconds until a test gives up
LIMITS = Limits(max_body=100_000, max_bytes_in_flight=150_000, max_requests=8, linger_seconds=0.3)
PARSERS = [name for name in ("httptools", "h11") if find_spec(name)]
JSON = b"Content-Type: application/json\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"


def request(line, *headers, host=HOST, body=b""):
    return line + b" HTTP/1.1\r\n" + host + b"".join(header + b"\r\n" for header in headers) + b"\r\n" + body


class Answer:
    """A response, taken apart."""

    def __init__(self, raw: bytes):
        head, _, self.body = raw.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        self.status = int(first.split()[1])
        pairs = [line.partition(": ") for line in lines]
        self.pairs = [(name.lower(), value) for name, _, value in pairs]
        self.headers = dict(self.pairs)

    @property
    def error(self) -> dict:
        """The parts of an error, which must all be there."""
        found = json.loads(self.body)
        assert set(found) == {"error"} and set(found["error"]) == {"code", "file", "where", "what", "hint"}
        return found["error"]


class Client:
    """One connection."""

    def __init__(self, port: int):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self.buffer = b""

    def send(self, raw: bytes) -> bool:
        """Whether the server still took it."""
        try:
            self.socket.sendall(raw)
        except (BrokenPipeError, ConnectionResetError):
            return False
        return True

    def answer(self, to_head: bool = False) -> Answer:
        """The next response, which has a Content-Length, and a body unless it is one to HEAD."""
        while b"\r\n\r\n" not in self.buffer:
            self._more()
        head, _, rest = self.buffer.partition(b"\r\n\r\n")
        length = 0 if to_head else int(Answer(head).headers["content-length"])
        while len(rest) < length:
            rest += self._more()
        self.buffer = rest[length:]
        return Answer(head + b"\r\n\r\n" + rest[:length])

    def closed(self) -> bool:
        """Wait until the server has closed the connection; nothing more may come before that."""
        try:
            return self.socket.recv(1) == b"" and not self.buffer
        except ConnectionResetError:
            return True

    def _more(self) -> bytes:
        data = self.socket.recv(65536)
        assert data, f"the connection was closed after {self.buffer[-200:]!r}"
        self.buffer += data
        return data

    def close(self):
        self.socket.close()


class Running:
    """A server that runs."""

    def __init__(self, port: int, server: Server):
        self.port, self.server = port, server

    def client(self):
        return closing(Client(self.port))

    def ask(self, raw: bytes) -> Answer:
        """One request over a connection of its own."""
        with self.client() as client:
            client.send(raw)
            return client.answer(raw.startswith(b"HEAD"))

    def get(self, path: str, headers: bytes = b"") -> Answer:
        return self.ask(f"GET {path} HTTP/1.1\r\n".encode() + HOST + headers + b"\r\n")

    def post(self, path: str, body: bytes = b"", headers: bytes = b"") -> Answer:
        length = b"Content-Length: %d\r\n" % len(body)
        return self.ask(f"POST {path} HTTP/1.1\r\n".encode() + HOST + headers + length + b"\r\n" + body)

    def is_well(self) -> bool:
        return self.get("/health").status == 200


@contextmanager
def running(app, limits: Limits, protocol: str = PARSERS[0]):
    """Serve an application until the block ends, on one of uvicorn's two HTTP parsers."""
    usual, connections.find_spec = connections.find_spec, lambda name: protocol == name or None
    ready = threading.Event()
    with closing(listen("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        try:
            server = Server(app, listener, limits, 1, lambda port: ready.set(), lambda: None)
        finally:
            connections.find_spec = usual
        thread = threading.Thread(target=server.run)
        thread.start()
        try:
            assert ready.wait(PATIENCE)
            yield Running(port, server)
        finally:
            server.should_exit = True
            thread.join(PATIENCE)
            assert not thread.is_alive()


def eventually(condition) -> bool:
    """Wait for something that another thread brings about."""
    end = time.monotonic() + PATIENCE
    while not (held := condition()) and time.monotonic() < end:
        time.sleep(0.01)
    return held


def assert_secured(answer):
    assert answer.headers["content-security-policy"] == POLICY
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "same-origin"
    assert answer.headers["cross-origin-opener-policy"] == "same-origin"
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    assert answer.headers["x-frame-options"] == "DENY"
    assert "camera=()" in answer.headers["permissions-policy"]
    assert answer.headers["cache-control"] == "no-store"
    names = [name for name, _ in answer.pairs]
    assert not any(name.startswith("access-control") or name == "server" for name in names)
    assert len(names) == len(set(names)), "a header twice"


def application(folder):
    """Routes that read a body in every way there is, and some that fail; what they read is in `app.state.seen`."""
    from fastapi import FastAPI, Request
    from fastapi.responses import HTMLResponse, StreamingResponse
    from fastapi.staticfiles import StaticFiles

    app = FastAPI()
    (folder / "page.js").write_text("1")
    app.mount("/static", StaticFiles(directory=folder))
    app.state.seen = []

    @app.get("/health")
    async def health():
        return {"well": True}

    @app.post("/json")
    async def read_json(data: dict):
        app.state.seen.append(data)
        return data

    @app.post("/raw")
    async def read_raw(request: Request):
        body = await request.body()
        app.state.seen.append(body)
        return {"length": len(body)}

    @app.post("/form")
    async def read_form(request: Request):
        async with request.form() as form:
            return {"names": list(form)}

    @app.get("/large")
    async def large():
        return StreamingResponse(bytes(100_000) for _ in range(300))

    @app.get("/fails")
    async def fails():
        raise RuntimeError("the password is swordfish")

    @app.get("/fails-late")
    async def fails_late():
        async def pieces():
            yield b"begun"
            raise RuntimeError("half-way")

        return StreamingResponse(pieces())

    @app.get("/own")
    async def own():
        return HTMLResponse("", headers={"Content-Security-Policy": "sandbox", "Access-Control-Allow-Origin": "*"})

    return app
