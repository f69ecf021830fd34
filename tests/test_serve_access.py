import asyncio
import logging

import pytest

pytest.importorskip("uvicorn", reason="the page needs uvicorn, the extra 'web'")
pytest.importorskip("fastapi", reason="the page needs fastapi, the extra 'web'")

from urllib.parse import quote

from fastapi import FastAPI, Request
from serving import HOST, running

from bcdetect.errors import UsageError
from bcdetect.serve import access
from bcdetect.serve.access import Access, Door
from bcdetect.serve.guard import Guard
from bcdetect.serve.limits import Limits
from bcdetect.serve.login import local_path, login_routes
from bcdetect.serve.refusal import Refusal

TOKEN = "correct-horse-battery"
PAGE = b"Accept: text/html,*/*\r\n"
FORM = b"Content-Type: application/x-www-form-urlencoded\r\n"


class Watch:
    """A clock that only waiting moves, and what was waited."""

    def __init__(self):
        self.now, self.waits = 1000.0, []

    def clock(self):
        return self.now

    async def sleep(self, seconds):
        self.waits.append(seconds)
        self.now += seconds


def application(door) -> FastAPI:
    app = FastAPI()
    app.router.routes.extend(login_routes(door, lambda request, target, message: f"<p>{message}</p>to {target}"))

    @app.get("/health")
    async def health():
        return {}

    @app.get("/page")
    async def page():
        return {"secret": 1}

    @app.get("/api/models")
    async def models():
        return {"secret": 1}

    @app.post("/api/predict")
    async def predict(request: Request):
        return {"length": len(await request.body())}

    return app


@pytest.fixture
def watch():
    return Watch()


@pytest.fixture
def door(watch):
    return Door(TOKEN, clock=watch.clock, sleep=watch.sleep)


@pytest.fixture
def place(door):
    with running(Guard(Access(application(door), door)), Limits()) as server:
        yield server


def bearer(token):
    return f"Authorization: Bearer {token}\r\n".encode()


def log_in(place, token=TOKEN, target="/page", headers=b""):
    return place.post("/login", f"token={quote(token)}&next={quote(target)}".encode(), FORM + headers)


def cookie(answer):
    return b"Cookie: other=1; " + answer.headers["set-cookie"].partition(";")[0].encode() + b"\r\n"


def test_without_a_token_everything_is_open():
    with running(Guard(Access(application(Door(None)), Door(None))), Limits()) as server:
        assert server.get("/page", PAGE).status == 200
        assert server.post("/api/predict", b"abc").status == 200
        for answer in (server.get("/login?next=/page"), log_in(server)):
            assert (answer.status, answer.headers["location"]) == (303, "/page") and "set-cookie" not in answer.headers


def test_a_program_shows_the_token_in_a_header(place, watch):
    for path in ("/api/models", "/page", "/", "/docs", "/openapi.json", "/static", "/healthy", "/login/x"):
        answer = place.get(path)
        assert answer.status == 401 and answer.error["code"] == "unauthorized", path
        assert answer.headers["www-authenticate"].startswith("Bearer"), path
        assert b"secret" not in answer.body
    assert not watch.waits, "no token is no guess"
    assert place.get("/api/models", bearer(TOKEN)).status == 200
    assert place.get("/api/models", b"authorization: bearer  " + TOKEN.encode() + b"\r\n").status == 200
    for wrong in (TOKEN[:-1], TOKEN + "x", TOKEN.upper(), "", "\xe9"):
        assert place.get("/api/models", bearer(wrong)).status == 401, wrong
    assert place.get("/api/models", b"Authorization: Basic " + TOKEN.encode() + b"\r\n").status == 401
    assert place.get(f"/api/models?token={TOKEN}").status == 401, "a token in an address ends in logs and histories"


def test_what_is_open_stays_open(place):
    assert place.get("/health").status == 200
    assert place.get("/login").status == 200
    assert place.get("/static/page.js").status == 404, "it came to the application"


def test_a_body_without_token_is_not_read(place):
    with place.client() as client:
        client.send(b"POST /api/predict HTTP/1.1\r\n" + HOST + b"Content-Length: 1000000\r\n\r\n")
        answer = client.answer()
        assert answer.status == 401 and answer.headers["connection"] == "close"


def test_a_browser_is_sent_to_the_login_and_back(place):
    answer = place.get("/page?model=a&x=%2F", PAGE)
    assert (answer.status, answer.headers["location"]) == (303, "/login?next=%2Fpage%3Fmodel%3Da%26x%3D%252F")
    assert b"to /page?model=a&x=%2F" in place.get(answer.headers["location"], PAGE).body
    answer = log_in(place, target="/page?model=a")
    assert (answer.status, answer.headers["location"]) == (303, "/page?model=a")
    setting = answer.headers["set-cookie"].lower()
    assert "httponly" in setting and "samesite=strict" in setting and "path=/;" in setting and "secure" not in setting
    assert TOKEN not in setting
    assert place.get("/page", PAGE + cookie(answer)).status == 200
    assert place.get("/login?next=/page", cookie(answer)).headers["location"] == "/page"
    assert place.get("/api/models", PAGE).status == 401, "the API never answers with a page"


def test_a_logout_ends_the_session_on_the_server(place):
    mine = cookie(log_in(place))
    other = cookie(log_in(place))
    answer = place.post("/logout", headers=mine)
    assert (answer.status, answer.headers["location"]) == (303, "/login")
    assert place.get("/api/models", mine).status == 401
    assert place.get("/api/models", other).status == 200
    answer = log_in(place, headers=other)
    assert place.get("/api/models", other).status == 401, "a login replaces the session it was sent with"


def test_a_session_ends_in_time(place, watch):
    mine = cookie(log_in(place))
    watch.now += access.SESSION_SECONDS - 1
    assert place.get("/api/models", mine).status == 200
    watch.now += 2
    assert place.get("/api/models", mine).status == 401


def test_a_made_up_cookie_opens_nothing(place):
    for value in (b"", b"x", TOKEN.encode(), b"None"):
        assert place.get("/api/models", b"Cookie: bcdetect=" + value + b"\r\n").status == 401
    assert place.get("/api/models", b"Cookie: bcdetect\r\n").status == 401


def test_wrong_tokens_are_slowed_and_a_quiet_minute_forgives(place, watch):
    for wrong in ("", "wrong", TOKEN + "x"):
        answer = log_in(place, wrong)
        assert answer.status == 401 and b"not the token" in answer.body and "set-cookie" not in answer.headers
    place.get("/api/models", bearer("wrong"))
    assert watch.waits == [0.1, 0.2, 0.4, 0.8]
    assert log_in(place).status == 303, "the right one never waits"
    for _ in range(4):
        log_in(place, "wrong")
    assert max(watch.waits) == access.LONGEST_WAIT
    watch.now += access.FORGET_SECONDS
    log_in(place, "wrong")
    assert watch.waits[-1] == access.FIRST_WAIT
    assert place.post("/login", b"token=" + b"x" * 100_000, FORM).status == 401
    assert place.post("/login", b"\xff\x00 not a form").status == 401


def test_only_so_many_wrong_tokens_wait():
    async def crowd():
        gate = asyncio.Event()
        door = Door(TOKEN, sleep=lambda seconds: gate.wait())
        waiting = [asyncio.create_task(door.refuse()) for _ in range(access.MOST_WAITING)]
        await asyncio.sleep(0)
        with pytest.raises(Refusal) as refusal:
            await door.refuse()
        gate.set()
        await asyncio.gather(*waiting)
        await door.refuse()
        return refusal.value

    refusal = asyncio.run(crowd())
    assert refusal.status == 429 and (b"retry-after", b"60") in refusal.headers


def test_another_site_cannot_log_in_or_out(place):
    foreign = b"Origin: http://evil.example\r\n"
    assert log_in(place, headers=foreign).status == 403
    assert place.post("/logout", headers=foreign).status == 403


def test_a_cookie_goes_over_https_alone_where_there_is_https(door):
    app, sent = application(door), []
    scope = {"type": "http", "method": "POST", "path": "/login", "query_string": b"", "headers": [(b"host", b"a.example")]}
    scope |= {"scheme": "https", "raw_path": b"/login", "server": ("a.example", 443), "root_path": "", "http_version": "1.1"}

    async def receive():
        return {"type": "http.request", "body": f"token={TOKEN}".encode()}

    async def send(message):
        sent.append(message)

    asyncio.run(app(scope, receive, send))
    assert "secure" in dict(sent[0]["headers"])[b"set-cookie"].decode().lower()


@pytest.mark.parametrize("path", ["/", "/page", "/page?x=1&y=%20", "/api/models", "/größe"])
def test_a_login_leads_to_a_path_of_this_server(path):
    assert local_path(path) == path


@pytest.mark.parametrize("start", ["", " ", "//", "/\\", "\\/", "/\t/", "/a\\", "http://", "javascript:", "/x\r\nSet-Cookie: "])
def test_a_login_leads_nowhere_else(start):
    assert local_path(start + "evil.example") == local_path("/x\n") == "/"


def test_sessions_are_bounded(door):
    first, second = door.enter(), door.enter()
    for _ in range(access.MOST_SESSIONS - 1):
        last = door.enter()
    assert not door.knows(first) and door.knows(second) and door.knows(last)
    assert not door.knows(None) and first != second


@pytest.mark.parametrize(
    "token", ["", "short", "a" * 15, "with blanks in between", "größe-größe-größe", "line\nline-line-line-line"]
)
def test_a_token_that_could_be_guessed_or_not_be_sent_is_refused(token):
    with pytest.raises(UsageError, match="token_urlsafe"):
        Door(token)


def test_the_token_is_never_logged(place, caplog):
    caplog.set_level(logging.DEBUG)
    log_in(place)
    place.get("/api/models", bearer(TOKEN))
    assert TOKEN not in caplog.text
