"""`serve` on the command line: what it asks of the operator before it opens a port."""

import pytest
from trained import process

from bcdetect import NOTICE
from bcdetect.cli import main

pytest.importorskip("fastapi", reason="fastapi is not installed (it is part of the extra 'web')")


@pytest.mark.parametrize(
    "flags, told",
    [
        (["--host", "0.0.0.0"], "needs a token"),
        (["--port", "70000"], "70000 is no port"),
        (["--models", "not-there"], "is not there"),
        (["--host", "no.such.name.invalid", "--token-file", "token"], "is no address"),
        (["--allow-host", "http://localhost:9000"], "--allow-host: 'http://localhost:9000' is no name of a server"),
        (
            ["--public-url", "https://page.example/bcdetect"],
            "--public-url: 'https://page.example/bcdetect' is no address of a server",
        ),
        (["--public-url", "https://page.example"], "needs a token"),
    ],
    ids=["beyond the machine", "port", "folder", "address", "a name", "a URL with a path", "a URL for others"],
)
def test_what_cannot_be_served_is_one_line_and_code_2(tmp_path, flags, told):
    (tmp_path / "token").write_text("a-token-of-some-length\n")
    done = process("serve", *flags, cwd=tmp_path)
    assert done.returncode == 2 and told in done.stderr and done.stderr.count("\n") == 1, done.stderr


@pytest.mark.parametrize(
    "flags, told",
    [
        ([], "http://127.0.0.1:8123  (Ctrl-C ends it)"),
        (
            ["--public-url", "https://Page.example/"],
            "https://page.example  (a proxy's; this listens at http://127.0.0.1:8123; Ctrl-C",
        ),
        (
            ["--host", "0.0.0.0", "--allow-host", "Ward.example:9000", "--allow-host", "[::1]:81", "--allow-host", "own.example"],
            "http://127.0.0.1:8123  (Ctrl-C ends it)\nfrom outside: http://[::1]:81, http://ward.example:9000\n",
        ),
        (["--allow-host", "own.example"], f"http://127.0.0.1:8123  (Ctrl-C ends it)\n{NOTICE}\n"),
    ],
    ids=["by itself", "behind a proxy", "mapped ports", "a name at its own port"],
)
def test_the_line_at_the_start_says_what_to_open(tmp_path, monkeypatch, capsys, flags, told):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BCDETECT_TOKEN", "a-token-of-some-length")
    monkeypatch.setattr("bcdetect.serve.server.serve", lambda *args, on_ready, **options: on_ready(8123))
    assert main(["serve", "--port", "8123", *flags]) == 0
    assert capsys.readouterr().out.startswith(told)


def test_a_short_token_is_refused(tmp_path):
    done = process("serve", cwd=tmp_path, env={"BCDETECT_TOKEN": "short"})
    assert done.returncode == 2 and "token" in done.stderr


@pytest.mark.parametrize("content", [b"\n", b"\xef\xbb\xbf"], ids=["a blank line", "a byte order mark alone"])
def test_an_empty_token_file_is_bad_input(tmp_path, content):
    (tmp_path / "token").write_bytes(content)
    done = process("serve", "--token-file", "token", cwd=tmp_path)
    assert done.returncode == 3 and "first line is empty" in done.stderr
