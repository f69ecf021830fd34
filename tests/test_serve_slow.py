from contextlib import ExitStack
from dataclasses import replace

import pytest

pytest.importorskip("uvicorn", reason="the page needs uvicorn, the extra 'web'")
pytest.importorskip("fastapi", reason="the page needs fastapi, the extra 'web'")

from serving import CHUNKED, HOST, JSON, LIMITS, PARSERS, PATIENCE, application, assert_secured, eventually, request, running

from bcdetect.serve.guard import Guard

SLOW = replace(LIMITS, head_seconds=0.5, idle_seconds=0.5, body_seconds=1.0, write_seconds=0.5)


@pytest.fixture(scope="module", params=PARSERS)
def hasty(request, tmp_path_factory):
    """A server without patience."""
    guard = Guard(application(tmp_path_factory.mktemp("static")), limits=SLOW)
    with running(guard, SLOW, request.param) as server:
        server.guard = guard
        yield server


def test_a_stalled_upload_is_cut_while_others_are_served(hasty):
    for path, head in (("/raw", b""), ("/json", JSON)):
        with hasty.client() as client:
            client.send(request(b"POST " + path.encode(), head[:-2] or b"X: y", b"Content-Length: 50", body=b"x"))
            assert hasty.is_well()
            answer = client.answer()
            assert (answer.status, answer.error["code"]) == (408, "too_slow")
            assert_secured(answer)
            assert client.closed()


def test_a_trickled_upload_is_cut_though_it_never_stalls(hasty):
    with hasty.client() as client:
        client.send(request(b"POST /raw", b"Content-Length: 50000"))
        client.socket.settimeout(0.1)
        for _ in range(100):
            client.send(b"x")
            try:
                client._more()
                break
            except TimeoutError:
                continue
        else:
            pytest.fail("nothing came")
        client.socket.settimeout(PATIENCE)
        assert client.answer().status == 408
        assert client.closed()
    assert hasty.is_well()


def test_slow_headers_are_cut(hasty):
    with hasty.client() as client:
        client.send(b"GET /health HTTP/1.1\r\nHost: 127")
        assert hasty.is_well()
        answer = client.answer()
        assert (answer.status, answer.error["code"]) == (408, "too_slow")
        assert_secured(answer)
        assert client.closed()
    with hasty.client() as client:  # a first request does not buy a slow second one more time
        client.send(request(b"GET /health"))
        assert client.answer().status == 200
        client.send(b"GET /health HTTP/1.1\r\n")
        assert client.answer().status == 408
        assert client.closed()


def test_a_connection_that_says_nothing_is_closed(hasty):
    with hasty.client() as client:
        assert client.closed()


def test_a_client_that_does_not_take_its_answer_is_let_go(hasty):
    with hasty.client() as client:
        client.send(request(b"GET /large"))
        assert eventually(lambda: hasty.guard.requests == 1)
        assert hasty.is_well()
        assert eventually(lambda: hasty.guard.requests == 0)
    with hasty.client() as client:
        client.send(request(b"GET /large"))
        length, end = 0, b""
        while not end.endswith(b"0\r\n\r\n"):
            data = client.socket.recv(1 << 20)
            assert data, "a client that reads was cut"
            length, end = length + len(data), (end + data)[-5:]
        assert length > 30_000_000


@pytest.mark.parametrize("parser", PARSERS)
def test_headers_without_end_are_refused(parser, tmp_path):
    patient = replace(LIMITS, head_seconds=10 * PATIENCE, idle_seconds=10 * PATIENCE)  # so that their length alone can end it
    guard = Guard(application(tmp_path), limits=patient)
    after_a_body = request(b"POST /raw", CHUNKED[:-2], body=b"1\r\na\r\n0\r\n")
    with running(guard, patient, parser) as server:
        for begin, begun in ((b"GET /health HTTP/1.1\r\n" + HOST, 0), (after_a_body, 1)):
            with server.client() as client:
                client.send(begin)
                assert eventually(lambda begun=begun: guard.requests == begun)  # what comes with a body counts as body
                for _ in range(20):
                    client.send(b"X: " + b"a" * 4096 + b"\r\n")
                assert client.answer().status == 431
                assert client.closed()
        assert server.is_well()


@pytest.mark.parametrize("parser", PARSERS)
def test_clients_that_hold_connections_and_ask_nothing_keep_no_one_out(parser, tmp_path):
    limits = replace(LIMITS, head_seconds=10 * PATIENCE, max_connections=6)
    guard = Guard(application(tmp_path), limits=limits)
    with running(guard, limits, parser) as server, ExitStack() as stack:
        silent = [stack.enter_context(server.client()) for _ in range(20)]
        assert server.is_well()
        assert all(client.closed() for client in silent[:14])
        idle = [stack.enter_context(server.client()) for _ in range(limits.max_connections)]
        for client in idle:
            client.send(request(b"GET /health"))
            assert client.answer().status == 200
        assert server.is_well()
        assert idle[0].closed()
        working = [stack.enter_context(server.client()) for _ in range(limits.max_connections)]
        for client in working:
            client.send(request(b"POST /raw", b"Content-Length: 2", body=b"x"))
        assert eventually(lambda: guard.requests == limits.max_connections)
        answer = server.get("/health")
        assert (answer.status, answer.error["code"]) == (503, "busy") and "retry-after" in answer.headers
        for client in working:
            client.send(b"x")
            assert client.answer().status == 200, "nothing that works is cut"
