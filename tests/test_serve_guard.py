import asyncio
import logging
import time
from contextlib import ExitStack
from dataclasses import replace

import pytest

pytest.importorskip("uvicorn", reason="the page needs uvicorn, the extra 'web'")
pytest.importorskip("fastapi", reason="the page needs fastapi, the extra 'web'")

from fastapi import FastAPI
from serving import CHUNKED, JSON, LIMITS, PARSERS, PATIENCE, Client, application, assert_secured, eventually, request, running

from bcdetect.serve.guard import Guard
from bcdetect.serve.headers import POLICY


@pytest.fixture(scope="module", params=PARSERS)
def place(request, tmp_path_factory):
    """A server with patience, on each parser."""
    app = application(tmp_path_factory.mktemp("static"))
    app.state.guard = Guard(app, limits=LIMITS)
    with running(app.state.guard, LIMITS, request.param) as server:
        server.app, server.parser = app, request.param
        app.state.seen.clear()
        yield server


HOSTILE = {
    "no Host": (request(b"GET /health", host=b""), 400),
    "two Hosts": (request(b"GET /health", b"Host: 127.0.0.1"), 400),
    "a Host elsewhere": (request(b"GET /health", host=b"Host: evil.example\r\n"), 421),
    "a Host that only begins right": (request(b"GET /health", host=b"Host: 127.0.0.1.evil.example\r\n"), 421),
    "every interface as the Host": (request(b"GET /health", host=b"Host: 0.0.0.0\r\n"), 421),
    "a Host with a trailing dot": (request(b"GET /health", host=b"Host: localhost.\r\n"), 421),
    "a Host with userinfo": (request(b"GET /health", host=b"Host: 127.0.0.1@evil.example\r\n"), 400),
    "an empty Host": (request(b"GET /health", host=b"Host: \r\n"), 400),
    "a Host with a path": (request(b"GET /health", host=b"Host: 127.0.0.1/x\r\n"), 400),
    "HTTP/1.0 without Host": (b"GET /health HTTP/1.0\r\n\r\n", 400),
    "not HTTP": (b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", 400),
    "another site": (request(b"POST /raw", b"Origin: http://evil.example", b"Content-Length: 1", body=b"x"), 403),
    "a sandboxed page": (request(b"POST /raw", b"Origin: null", b"Content-Length: 1", body=b"x"), 403),
    "the other port": (request(b"POST /raw", b"Origin: http://127.0.0.1:81", b"Content-Length: 1", body=b"x"), 403),
    "the other scheme": (request(b"POST /raw", b"Origin: https://127.0.0.1", b"Content-Length: 1", body=b"x"), 403),
    "two Origins": (request(b"POST /raw", b"Origin: http://127.0.0.1", b"Origin: http://127.0.0.1"), 403),
    "a fetch from elsewhere": (request(b"POST /raw", b"Sec-Fetch-Site: cross-site"), 403),
    "a fetch from the same site": (request(b"POST /raw", b"Sec-Fetch-Site: same-site"), 403),
    "a negative length": (request(b"POST /raw", b"Content-Length: -1"), 400),
    "a length in words": (request(b"POST /raw", b"Content-Length: ten"), 400),
    "a length with a sign": (request(b"POST /raw", b"Content-Length: +5", body=b"abcde"), 400),
    "a length past 64 bits": (request(b"POST /raw", b"Content-Length: " + b"9" * 30), 400),
    "two lengths": (request(b"POST /raw", b"Content-Length: 5", b"Content-Length: 6", body=b"abcde"), 400),
    "length and chunks": (request(b"POST /raw", b"Content-Length: 5", CHUNKED[:-2], body=b"0\r\n\r\n"), 400),
    "an unknown coding": (request(b"POST /raw", b"Transfer-Encoding: gzip, chunked", body=b"0\r\n\r\n"), 400),
    "a chunk that is none": (request(b"POST /raw", CHUNKED[:-2], body=b"zz\r\n\r\n"), 400),
    "up and out": (request(b"GET /static/../../etc/passwd"), 400),
    "up and out, encoded": (request(b"GET /static/%2e%2e/%2E%2E/etc/passwd"), 400),
    "up and out, slashes encoded": (request(b"GET /static/..%2f..%2fetc/passwd"), 400),
    "up and out, backslashes": (request(b"GET /static/..\\..\\etc\\passwd"), 400),
    "up and out, backslashes encoded": (request(b"GET /static/..%5c..%5cetc"), 400),
    "a NUL": (request(b"GET /static/page.js%00.css"), 400),
    "a line end in the path": (request(b"GET /health%0d%0aSet-Cookie:%20a=b"), 400),
    "not ASCII": (request(b"GET /st\xc3\xa9"), 400),
    "TRACE": (request(b"TRACE /health"), 405),
    "100 KB of headers": (request(b"GET /health", b"X: " + b"a" * 100_000), 431),
    "5,000 headers": (request(b"GET /health", *[b"X: abcdefgh"] * 5000), 431),
    "an address of 60 KB": (request(b"GET /" + b"a" * 60_000), (414, 431)),
    "10,000 parameters": (request(b"GET /health?" + b"a=1&" * 10_000), (414, 431)),
    "a NUL in a header": (request(b"GET /health", b"X: a\x00b"), 400),
    "a 10 GB upload": (request(b"POST /raw", b"Content-Length: 10000000000", body=b"x" * 10_000), 413),
    "a 10 GB upload, asking first": (request(b"POST /raw", b"Content-Length: 10000000000", b"Expect: 100-continue"), 413),
    "a 10 GB body of a GET": (request(b"GET /health", b"Content-Length: 10000000000"), 413),
    "a 10 GB upload to no one": (request(b"POST /nowhere", b"Content-Length: 10000000000"), 413),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_request_gets_a_clear_answer_and_the_next_client_is_served(place, name):
    raw, wanted = HOSTILE[name]
    place.app.state.seen.clear()
    answer = place.ask(raw)
    assert answer.status in (wanted if isinstance(wanted, tuple) else (wanted,)), answer.body
    assert answer.error["code"] and answer.error["what"] and answer.error["hint"]
    assert_secured(answer)
    assert not place.app.state.seen, "the request reached the application"
    assert place.is_well()


def test_what_is_right_is_answered(place):
    for host in (b"127.0.0.1", b"LOCALHOST", b"localhost:%d" % place.port, b"[::1]:%d" % place.port, b"127.0.0.1:80"):
        assert place.ask(request(b"GET /health", host=b"Host: " + host + b"\r\n")).status == 200
    authority = b"127.0.0.1:%d" % place.port
    host = b"Host: " + authority + b"\r\n"
    own = [b"Origin: http://" + authority, b"Sec-Fetch-Site: same-origin", b"Content-Length: 5"]
    assert place.ask(request(b"POST /raw", *own, host=host, body=b"abcde")).status == 200
    default = request(b"POST /raw", b"Origin: http://127.0.0.1", b"Content-Length: 0", host=b"Host: 127.0.0.1:80\r\n")
    assert place.ask(default).status == 200
    assert place.ask(request(b"GET /health", b"Origin: http://evil.example", b"Sec-Fetch-Site: cross-site")).status == 200
    assert place.ask(request(b"POST /raw", CHUNKED[:-2], body=b"2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n")).body == b'{"length":5}'
    assert place.post("/raw", b"x" * LIMITS.max_body).status == 200
    assert place.post("/json", b'{"a": 1}', JSON).body == b'{"a":1}'
    assert place.get("/static/a..b.js").status == 404


@pytest.mark.parametrize(
    "line", [b"HEAD /health", b"OPTIONS /health", b"OPTIONS *", b"GET http://evil.example/health", b"GET //health"]
)
def test_an_odd_request_is_answered_without_harm(place, line):
    answer = place.ask(request(line))
    assert answer.status in (200, 400, 404, 405)
    assert_secured(answer)
    assert place.is_well()


def test_a_request_that_asks_for_another_protocol_is_answered_as_http(place):
    upgrade = [b"Connection: Upgrade", b"Upgrade: websocket", b"Sec-WebSocket-Key: eA==", b"Sec-WebSocket-Version: 13"]
    assert place.ask(request(b"GET /health", *upgrade)).status == 200


def test_a_client_may_send_the_rest_of_a_refused_upload_before_it_reads(tmp_path):
    limits = replace(LIMITS, linger_seconds=PATIENCE)
    with running(Guard(application(tmp_path), limits=limits), limits) as server, server.client() as client:
        client.send(request(b"POST /raw", b"Content-Length: %d" % (limits.max_body + 20_000)))
        assert client.answer().status == 413
        for _ in range(12):
            assert client.send(b"x" * 10_000), "the connection was reset, and with it the answer might be"
        assert client.socket.recv(1) == b""


@pytest.mark.parametrize("parser", PARSERS)
def test_a_client_may_send_the_rest_of_endless_headers_before_it_reads(parser, tmp_path):
    limits = replace(LIMITS, linger_seconds=PATIENCE)
    with ExitStack() as stack, running(Guard(application(tmp_path), limits=limits), limits, parser) as server:
        client = Client(server.port)
        stack.callback(client.close)  # after the server has stopped
        client.send(b"GET / HTTP/1.1\r\nX: " + b"a" * (limits.max_head + 1))
        assert client.answer().status == 431
        assert client.socket.recv(1) == b""
        for _ in range(4):
            assert client.send(b"a" * 10_000), "the connection was reset, and with it the answer might be"
            time.sleep(0.02)


def test_what_an_application_says_after_a_refusal_is_dropped():
    sent = []

    async def careless(scope, receive, send):
        while (await receive())["type"] != "http.disconnect":
            pass
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"all is well"})

    async def receive():
        return {"type": "http.request", "body": b"x" * 60_000, "more_body": True}

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/", "raw_path": b"/", "query_string": b"", "scheme": "http"}
    scope["headers"] = [(b"host", b"localhost"), (b"transfer-encoding", b"chunked")]
    asyncio.run(Guard(careless, limits=LIMITS)(scope, receive, send))
    assert [message.get("status") for message in sent if message["type"] == "http.response.start"] == [413]
    assert not any(b"well" in message.get("body", b"") for message in sent)


def test_a_refused_upload_closes_the_connection_after_the_answer(place):
    with place.client() as client:
        client.send(request(b"POST /raw", b"Content-Length: 10000000000"))
        answer = client.answer()
        assert answer.status == 413 and answer.headers["connection"] == "close"
        while client.send(b"x" * 65536):  # the server must not read on for ever
            pass
        assert client.closed()


def test_a_body_that_no_one_read_is_not_taken_for_a_request(place):
    hidden = request(b"POST /raw", b"Content-Length: 6", body=b"hidden")
    with place.client() as client:
        client.send(request(b"POST /nowhere", b"Content-Length: %d" % len(hidden), body=hidden))
        assert client.answer().status == 404
        assert client.closed()
    assert b"hidden" not in place.app.state.seen


@pytest.mark.parametrize("path", ["/json", "/raw", "/form"])
def test_a_chunked_body_past_the_limit_is_refused_on_every_kind_of_route(place, path):
    kinds = {"/json": "application/json", "/raw": "application/octet-stream", "/form": "multipart/form-data; boundary=b"}
    if path == "/form":
        pytest.importorskip("python_multipart", reason="reading a form needs python-multipart")
    first = b'--b\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\n' if path == "/form" else b"[1"
    with place.client() as client:
        client.send(request(b"POST " + path.encode(), CHUNKED[:-2], b"Content-Type: " + kinds[path].encode()))
        client.send(b"%x\r\n" % len(first) + first + b"\r\n")
        for _ in range(11):
            client.send(b"2710\r\n" + b" " * 10_000 + b"\r\n")
        answer = client.answer()
        assert (answer.status, answer.error["code"]) == (413, "too_large")
        assert_secured(answer)
        assert client.closed()
    assert place.is_well()


def test_bodies_in_flight_are_bounded_together_and_given_back(place):
    half = LIMITS.max_body // 2
    with place.client() as first:
        first.send(request(b"POST /raw", b"Content-Length: %d" % LIMITS.max_body, body=b"x" * half))
        assert eventually(lambda: place.app.state.guard.budget.used == LIMITS.max_body)
        second = place.post("/raw", b"x" * LIMITS.max_body)
        assert (second.status, second.error["code"]) == (503, "busy") and int(second.headers["retry-after"]) > 0
        assert place.post("/raw", b"x" * 1000).status == 200, "a small one still fits"
        first.send(b"x" * half)
        assert first.answer().body == b'{"length":100000}'
    assert eventually(lambda: place.app.state.guard.budget.used == 0)
    assert place.post("/raw", b"x" * LIMITS.max_body).status == 200


def test_requests_at_once_are_bounded(place):
    clients = [place.client() for _ in range(LIMITS.max_requests)]
    try:
        for client in clients:
            client.thing.send(request(b"POST /raw", b"Content-Length: 2", body=b"x"))
        assert eventually(lambda: place.app.state.guard.requests == LIMITS.max_requests)
        answer = place.get("/health")
        assert (answer.status, answer.error["code"]) == (503, "busy") and "retry-after" in answer.headers
        for client in clients:
            client.thing.send(b"x")
            assert client.thing.answer().status == 200
    finally:
        for client in clients:
            client.thing.close()
    assert eventually(place.is_well)


def test_every_answer_is_secured(place):
    for answer in (place.get("/health"), place.get("/nowhere"), place.post("/json", b"{", JSON), place.get("/fails")):
        assert_secured(answer)
    own = place.get("/own")
    assert own.headers["content-security-policy"] == "sandbox"
    assert "access-control-allow-origin" not in own.headers
    script = place.get("/static/page.js")
    assert script.status == 200 and script.headers["cache-control"] == "no-cache" and "etag" in script.headers
    assert script.headers["content-security-policy"] == POLICY


def test_an_exception_is_logged_and_not_told(place, caplog):
    answer = place.get("/fails")
    assert answer.status == 500 and b"swordfish" not in answer.body
    assert eventually(lambda: "/fails" in caplog.text and "swordfish" in caplog.text)
    assert place.is_well()


def test_an_exception_outside_every_handler_is_a_json_error(caplog):
    async def broken(scope, receive, send):
        if scope["type"] == "lifespan":
            return await FastAPI()(scope, receive, send)
        raise RuntimeError("the password is swordfish")

    with running(Guard(broken), LIMITS) as server:
        answer = server.get("/")
    assert answer.status == 500 and answer.error["code"] == "internal" and b"swordfish" not in answer.body
    assert_secured(answer)
    assert "swordfish" in caplog.text


def test_an_answer_that_fails_half_way_is_cut_not_completed(place, caplog):
    with place.client() as client:
        client.send(request(b"GET /fails-late"))
        received = b""
        while data := client.socket.recv(65536):
            received += data
    assert b"begun" in received and not received.endswith(b"0\r\n\r\n")
    assert eventually(lambda: "half-way" in caplog.text)


def test_a_client_that_leaves_or_breaks_off_is_no_error_of_ours(place, caplog):
    with place.client() as client:
        client.send(request(b"POST /raw", b"Content-Length: 50", body=b"x"))
        assert eventually(lambda: place.app.state.guard.budget.used)
    assert eventually(lambda: not place.app.state.guard.budget.used and not place.app.state.guard.requests)
    with place.client() as client:
        client.send(request(b"POST /raw", CHUNKED[:-2], body=b"2\r\nab\r\n"))
        assert eventually(lambda: place.app.state.guard.budget.used == 2)
        client.send(b"zz\r\n")
        assert client.answer().status == 400
    assert place.ask(request(b"POST /nowhere", CHUNKED[:-2], body=b"zz\r\n")).status == 400
    assert eventually(lambda: not place.app.state.guard.budget.used and not place.app.state.guard.requests)
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []
    assert place.is_well()


@pytest.mark.parametrize("parser", PARSERS)
def test_only_the_named_hosts_and_port_are_served(parser, tmp_path):
    guard = Guard(application(tmp_path), hosts=["page.example", "::1"], port=8000)
    with running(guard, LIMITS, parser) as server:
        for host, status in {"page.example:8000": 200, "[::1]:8000": 200, "page.example": 421, "localhost:8000": 421}.items():
            answer = server.ask(request(b"GET /health", host=f"Host: {host}\r\n".encode()))
            assert answer.status == status, host
        assert "page.example" in answer.error["hint"], "the refusal says what is served"
        arrived = server.ask(request(b"GET /health", host=b"Host: 127.0.0.1:8000\r\n"))
        assert arrived.status == 200, "the address at which the connection arrived cannot be rebound"
