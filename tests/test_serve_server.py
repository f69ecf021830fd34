import signal
import socket
import subprocess
import sys
import textwrap
from contextlib import closing

import pytest

pytest.importorskip("uvicorn", reason="the page needs uvicorn, the extra 'web'")
pytest.importorskip("starlette", reason="the page needs starlette, the extra 'web'")

from serving import HOST, PATIENCE, Client

from bcdetect.errors import UsageError
from bcdetect.serve.server import listen

SCRIPT = """
import asyncio, signal, sys
from contextlib import asynccontextmanager
from starlette.applications import Starlette
from starlette.responses import JSONResponse, StreamingResponse
from starlette.routing import Route
from bcdetect.errors import OutputError
from bcdetect.serve.guard import Guard
from bcdetect.serve.server import serve

mode, grace = sys.argv[1], int(sys.argv[2])
ending = asyncio.Event()

def say(*words):
    print(*words, flush=True)

async def slow(request):
    say("working")
    await asyncio.sleep(0.5)
    return JSONResponse({"done": True})

async def events(request):
    async def stream():
        yield "data: begun\\n\\n"
        await ending.wait()
        yield "data: ended\\n\\n"
    return StreamingResponse(stream(), media_type="text/event-stream")

@asynccontextmanager
async def lifespan(app):
    if mode == "fails":
        raise OutputError("the log cannot be written", file="log.sqlite")
    yield
    say("closed")

def on_stop():
    say("stopping")
    if mode == "ends-streams":
        ending.set()

app = Starlette(routes=[Route("/slow", slow), Route("/events", events)], lifespan=lifespan)
before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
try:
    say("stopped by", serve(Guard(app), "127.0.0.1", 0, grace_seconds=grace, on_ready=lambda port: say(port), on_stop=on_stop))
except OutputError as error:
    say("error:", error)
say("handlers restored:", before == [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)])
"""


class Process:
    """The script as a child process."""

    def __init__(self, mode: str, grace: int):
        words = [sys.executable, "-W", "error", "-c", textwrap.dedent(SCRIPT), mode, str(grace)]
        self.process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def line(self) -> str:
        return self.process.stdout.readline().strip()

    def ask(self, port: int, path: str) -> Client:
        client = Client(port)
        client.send(f"GET {path} HTTP/1.1\r\n".encode() + HOST + b"\r\n")
        return client

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)

    def rest(self) -> list[str]:
        """What else it printed, once it has ended well."""
        output, self.errors = self.process.communicate(timeout=2 * PATIENCE)
        assert self.process.returncode == 0, self.errors
        return output.splitlines()

    def close(self):
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def start():
    started = []

    def begin(mode="", grace=300):
        started.append(Process(mode, grace))
        return started[-1]

    yield begin
    for process in started:
        process.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_request_in_flight_is_answered_in_full_and_an_idle_connection_holds_up_nothing(start, number):
    process = start()
    port = int(process.line())
    with closing(Client(port)), closing(process.ask(port, "/slow")) as client:
        assert process.line() == "working"
        process.stop(number)
        assert client.answer().body == b'{"done":true}'
        assert client.closed()
        assert process.rest() == ["stopping", "closed", f"stopped by {int(number)}", "handlers restored: True"]
        assert process.errors == ""
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))


def test_an_event_stream_is_cut_after_the_time_of_grace(start):
    process = start(grace=1)
    with closing(process.ask(int(process.line()), "/events")) as client:
        while b"begun" not in client.buffer:
            client._more()
        process.stop()
        assert process.rest() == ["stopping", "closed", "stopped by 15", "handlers restored: True"]
        assert process.errors == "GET '/events' was cut: the server is stopping\n"
        assert b"ended" not in client.socket.recv(65536)


def test_an_application_can_end_its_event_streams(start):
    process = start("ends-streams")
    with closing(process.ask(int(process.line()), "/events")) as client:
        while b"begun" not in client.buffer:
            client._more()
        process.stop()
        while not client.buffer.endswith(b"0\r\n\r\n"):
            client._more()
        assert b"ended" in client.buffer
        assert process.rest()[-2:] == ["stopped by 15", "handlers restored: True"]


def test_a_second_signal_does_not_wait(start):
    process = start()
    with closing(process.ask(int(process.line()), "/events")) as client:
        while b"begun" not in client.buffer:
            client._more()
        process.stop()
        assert process.line() == "stopping"
        process.stop()
        assert process.rest()[-2:] == ["stopped by 15", "handlers restored: True"]
        assert "Traceback" not in process.errors


def test_what_the_application_raises_on_starting_reaches_the_caller(start):
    process = start("fails")
    assert process.rest() == ["error: log.sqlite: the log cannot be written.", "handlers restored: True"]
    assert process.errors == ""


def test_a_port_that_is_taken_is_said_in_one_line():
    with closing(listen("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(UsageError) as error:
            listen("127.0.0.1", port)
    assert str(error.value) == f"--port: port {port} is taken. Pass another with --port."
    listen("127.0.0.1", port).close()


@pytest.mark.parametrize(
    ("host", "port"), [("no.such.host.invalid", 0), ("192.0.2.1", 0), ("127.0.0.1", 70000), ("127.0.0.1", -1)]
)
def test_an_address_that_cannot_be_had_is_said_in_one_line(host, port):
    with pytest.raises(UsageError, match=r"Use 127|Use one from 1024"):
        listen(host, port)
