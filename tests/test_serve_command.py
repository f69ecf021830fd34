"""`serve` on the command line: what it asks of the operator before it opens a port."""

import pytest
from trained import process

pytest.importorskip("fastapi", reason="fastapi is not installed (it is part of the extra 'web')")


@pytest.mark.parametrize(
    "flags, told",
    [
        (["--host", "0.0.0.0"], "needs a token"),
        (["--port", "70000"], "70000 is no port"),
        (["--models", "not-there"], "is not there"),
        (["--host", "no.such.name.invalid", "--token-file", "token"], "is no address"),
    ],
    ids=["beyond the machine", "port", "folder", "address"],
)
def test_what_cannot_be_served_is_one_line_and_code_2(tmp_path, flags, told):
    (tmp_path / "token").write_text("a-token-of-some-length\n")
    done = process("serve", *flags, cwd=tmp_path)
    assert done.returncode == 2 and told in done.stderr and done.stderr.count("\n") == 1, done.stderr


def test_a_short_token_is_refused(tmp_path):
    done = process("serve", cwd=tmp_path, env={"BCDETECT_TOKEN": "short"})
    assert done.returncode == 2 and "token" in done.stderr


@pytest.mark.parametrize("content", [b"\n", b"\xef\xbb\xbf"], ids=["a blank line", "a byte order mark alone"])
def test_an_empty_token_file_is_bad_input(tmp_path, content):
    (tmp_path / "token").write_bytes(content)
    done = process("serve", "--token-file", "token", cwd=tmp_path)
    assert done.returncode == 3 and "first line is empty" in done.stderr
