"""Under which addresses a server is asked for: mapped ports and a proxy's URL are let in, and nothing beside them."""

import pytest

pytest.importorskip("uvicorn", reason="the page needs uvicorn, the extra 'web'")
pytest.importorskip("fastapi", reason="the page needs fastapi, the extra 'web'")

from serving import LIMITS, request, running

from bcdetect.errors import UsageError
from bcdetect.serve.addresses import Url, authority, public_url
from bcdetect.serve.app import create_app, guarded
from bcdetect.serve.settings import Settings

TOKEN = "correct-horse-battery"
FORM = b"Content-Type: application/x-www-form-urlencoded\r\n"


@pytest.mark.parametrize(
    "text, found",
    {
        "page.example": ("page.example", None),
        "Page.Example:9000": ("page.example", 9000),
        "localhost:80": ("localhost", 80),
        "192.168.1.5:9000": ("192.168.1.5", 9000),
        "::1": ("[::1]", None),
        "fe80::1:8000": ("[fe80::1:8000]", None),
        "[::1]:9000": ("[::1]", 9000),
        "[0:0:0:0:0:0:0:1]": ("[::1]", None),
    }.items(),
)
def test_a_name_with_or_without_a_port(text, found):
    assert authority(text) == found


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":9000",
        "a:",
        "a:0",
        "a:65536",
        "a:x",
        "a:-1",
        "http://a",
        "a/b",
        "a b",
        "*",
        "größe.example",
        "a@b",
        "[::1",
        "[:::]",
        "1:2:x",
    ],
)
def test_what_is_no_name_is_refused_before_anything_is_served(text):
    with pytest.raises(UsageError, match="no name of a server") as error:
        Settings(hosts=(text,))
    assert error.value.where == "--allow-host" and "NAME:PORT" in error.value.hint


@pytest.mark.parametrize(
    "text, url, origin",
    [
        ("https://page.example", Url("https", "page.example", 443), "https://page.example"),
        ("HTTPS://Page.Example/", Url("https", "page.example", 443), "https://page.example"),
        ("https://page.example:443", Url("https", "page.example", 443), "https://page.example"),
        ("https://page.example:8443", Url("https", "page.example", 8443), "https://page.example:8443"),
        ("http://page.example", Url("http", "page.example", 80), "http://page.example"),
        ("http://localhost:9000", Url("http", "localhost", 9000), "http://localhost:9000"),
        ("https://[2001:DB8:0::1]:443", Url("https", "[2001:db8::1]", 443), "https://[2001:db8::1]"),
    ],
)
def test_a_public_url_is_a_scheme_a_name_and_a_port(text, url, origin):
    found = public_url(text)
    assert (found, str(found)) == (url, origin)


@pytest.mark.parametrize(
    "text",
    [
        "", "page.example", "//page.example", "ftp://page.example", "https://", "https:///", "https://:443", "https://a:", "https://a:0",
        "https://a:65536", "https://a:x", "https://a/b", "https://a//", "https://a?b", "https://a#b", "https://me@a",
        "https://a b", "https://größe.example", "https://::1", "https://[::1", "https://*.example", " https://a", "https://a\n", "https://a,https://b",
    ],
)  # fmt: skip
def test_what_is_no_public_url_is_one_clear_error(text):
    with pytest.raises(UsageError, match="no address of a server") as error:
        public_url(text)
    assert error.value.where == "--public-url" and "https://NAME:PORT" in error.value.hint and "no path" in error.value.hint


def test_a_page_for_others_needs_a_token():
    url = public_url("https://page.example")
    with pytest.raises(UsageError, match=r"--public-url https://page\.example lets other machines ask"):
        Settings(public=url)
    assert Settings(public=url, token=TOKEN).public == url
    Settings(public=public_url("http://localhost:9000"))


@pytest.mark.parametrize("host", ["", "a b", "größe", "a/b"])
def test_a_host_that_no_request_could_name_is_no_address(host):
    with pytest.raises(UsageError, match="no address") as error:
        Settings(host=host, token=TOKEN)
    assert error.value.where == "--host"


def served(folder, **settings):
    """A guarded server that believes to listen at port 8000."""
    settings = Settings(models=folder, port=8000, token=TOKEN, **settings)
    return running(guarded(create_app(settings), settings), LIMITS)


def asked(server, host, *headers, line=b"GET /health", body=b""):
    length = [b"Content-Length: %d" % len(body)] if body else []
    return server.ask(request(line, *headers, *length, host=f"Host: {host}\r\n".encode(), body=body))


def logged_in(server, host, origin, *headers):
    """A browser's login from a page of that origin."""
    sent = [b"Origin: " + origin.encode(), FORM.strip(), *headers]
    return asked(server, host, *sent, line=b"POST /login", body=f"token={TOKEN}&next=/table".encode())


@pytest.fixture(scope="module")
def mapped(tmp_path_factory):
    with served(tmp_path_factory.mktemp("models"), hosts=("localhost:9000", "page.example", "other.example:80")) as server:
        yield server


@pytest.fixture(scope="module")
def proxied(tmp_path_factory):
    with served(tmp_path_factory.mktemp("models"), public=public_url("https://page.example")) as server:
        yield server


MAPPED = {
    "localhost:9000": 200,
    "LOCALHOST:9000": 200,
    "localhost:8000": 200,
    "page.example:8000": 200,
    "other.example": 200,
    "other.example:80": 200,
    "127.0.0.1:8000": 200,
    "127.0.0.1:9000": 421,
    "[::1]:9000": 421,
    "localhost": 421,
    "localhost:9001": 421,
    "page.example": 421,
    "page.example:9000": 421,
    "other.example:8000": 421,
    "other.example:443": 421,
    "evil.example:9000": 421,
    "localhost.evil.example:9000": 421,
    "localhost:9000.evil.example": 400,
    "localhost:09000": 200,  # the same number
    "localhost:9000:9000": 400,
    "evil.example@localhost:9000": 400,
}


@pytest.mark.parametrize("host", MAPPED)
def test_a_mapped_port_is_served_to_its_name_alone(mapped, host):
    answer = asked(mapped, host)
    assert answer.status == MAPPED[host], answer.body
    if answer.status == 421:
        told = answer.error["hint"]
        assert all(name in told for name in ("localhost:9000", "page.example:8000", "other.example:80", "127.0.0.1:8000")), told
        assert "--allow-host" in told and host in answer.error["what"]


@pytest.mark.parametrize(
    "host, origin, status",
    [
        ("localhost:9000", "http://localhost:9000", 303),
        ("other.example", "http://other.example", 303),
        ("other.example:80", "http://other.example", 303),
        ("localhost:8000", "http://localhost:8000", 303),
        ("localhost:9000", "http://localhost:8000", 403),
        ("localhost:8000", "http://localhost:9000", 403),
        ("localhost:9000", "https://localhost:9000", 403),
        ("localhost:9000", "http://page.example:8000", 403),
        ("localhost:9000", "http://evil.example:9000", 403),
        ("localhost:9000", "null", 403),
    ],
)
def test_through_a_mapped_port_only_its_own_page_may_change_something(mapped, host, origin, status):
    answer = logged_in(mapped, host, origin)
    assert answer.status == status, answer.body
    if status == 303:
        assert "secure" not in answer.headers["set-cookie"].lower(), "over HTTP a browser would not send it back"


PROXIED = {
    "page.example": 200,
    "Page.Example": 200,
    "page.example:443": 200,
    "127.0.0.1:8000": 200,
    "page.example:80": 421,
    "page.example:8000": 421,
    "page.example:8443": 421,
    "www.page.example": 421,
    "page.example.evil.example": 421,
    "evil.example": 421,
    "page.example.": 421,
    "127.0.0.1": 421,
    "127.0.0.1:443": 421,
    "localhost:443": 421,
    "page.example:443:443": 400,
}


@pytest.mark.parametrize("host", PROXIED)
def test_under_a_public_url_that_host_is_served_beside_the_servers_own(proxied, host):
    answer = asked(proxied, host)
    assert answer.status == PROXIED[host], answer.body
    if answer.status == 421:
        assert "https://page.example" in answer.error["hint"] and "--public-url" in answer.error["hint"]


@pytest.mark.parametrize(
    "host, origin, secure",
    [
        ("page.example", "https://page.example", True),
        ("page.example", "https://page.example:443", True),
        ("page.example:443", "https://page.example", True),
        ("127.0.0.1:8000", "http://127.0.0.1:8000", False),
    ],
)
def test_the_page_of_a_public_url_may_log_in_and_its_cookie_is_for_https_alone(proxied, host, origin, secure):
    answer = logged_in(proxied, host, origin, b"Sec-Fetch-Site: same-origin")
    assert (answer.status, answer.headers["location"]) == (303, "/table"), answer.body
    assert ("; secure" in answer.headers["set-cookie"].lower()) is secure
    cookie = b"Cookie: " + answer.headers["set-cookie"].partition(";")[0].encode()
    assert asked(proxied, host, cookie, line=b"GET /api/version").status == 200


@pytest.mark.parametrize(
    "host, origin, headers",
    [
        ("page.example", "http://page.example", []),
        ("page.example", "https://page.example:8443", []),
        ("page.example", "https://page.example:80", []),
        ("page.example", "https://www.page.example", []),
        ("page.example", "https://evil.example", []),
        ("page.example", "https://page.example.evil.example", []),
        ("page.example", "https://page.example/", []),
        ("page.example", "null", []),
        ("page.example", "http://127.0.0.1:8000", []),
        ("page.example", "https://page.example", [b"Origin: https://page.example"]),
        ("page.example", "https://page.example", [b"Sec-Fetch-Site: cross-site"]),
        ("page.example", "https://page.example", [b"Sec-Fetch-Site: same-site"]),
        ("127.0.0.1:8000", "https://127.0.0.1:8000", []),
        ("127.0.0.1:8000", "https://evil.example", []),
        ("127.0.0.1:8000", "https://evil.example", [b"X-Forwarded-Host: evil.example", b"X-Forwarded-Proto: https"]),
        ("127.0.0.1:8000", "https://127.0.0.1:8000", [b"X-Forwarded-Proto: https", b"Forwarded: proto=https"]),
    ],
)
def test_under_a_public_url_no_other_page_may_change_something(proxied, host, origin, headers):
    answer = logged_in(proxied, host, origin, *headers)
    assert (answer.status, answer.error["code"]) == (403, "cross_site") and "set-cookie" not in answer.headers


def test_a_proxy_that_changes_the_host_is_told_of(proxied):
    answer = logged_in(proxied, "127.0.0.1:8000", "https://page.example")
    assert answer.status == 403 and answer.error["hint"] == "Let the proxy pass the Host header on unchanged"


def test_what_a_proxy_says_of_a_request_is_not_believed(proxied):
    told = [
        b"X-Forwarded-Host: page.example",
        b"X-Forwarded-Proto: https",
        b"X-Forwarded-Port: 443",
        b"Forwarded: host=page.example",
    ]
    assert asked(proxied, "evil.example", *told).status == 421
    answer = logged_in(proxied, "127.0.0.1:8000", "http://127.0.0.1:8000", *told)
    assert answer.status == 303 and "secure" not in answer.headers["set-cookie"].lower()


def test_a_public_url_without_tls_and_with_a_port(tmp_path):
    with served(tmp_path, public=public_url("http://page.example:9000")) as server:
        for host, status in {
            "page.example:9000": 200,
            "page.example": 421,
            "page.example:80": 421,
            "page.example:8000": 421,
        }.items():
            assert asked(server, host).status == status, host
        answer = logged_in(server, "page.example:9000", "http://page.example:9000")
        assert answer.status == 303 and "secure" not in answer.headers["set-cookie"].lower()
        assert logged_in(server, "page.example:9000", "https://page.example:9000").status == 403


def test_addresses_on_the_page_are_the_public_ones(proxied):
    bearer = b"Authorization: Bearer " + TOKEN.encode()
    for host in ("page.example", "127.0.0.1:8000"):
        page = asked(proxied, host, bearer, line=b"GET /api")
        assert page.status == 200 and b"https://page.example/api/predict" in page.body and b"127.0.0.1:8000" not in page.body
    moved = asked(proxied, "page.example", bearer, line=b"GET /table/")
    assert moved.status == 307 and moved.headers["location"] == "https://page.example/table", "not over plain HTTP"
