"""What may pass the gate, and what a user reads when a file may not."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bcdetect.errors import InputError
from bcdetect.gate import decode_text, read_bytes, read_text


def test_reads_any_regular_file_as_it_is(tmp_path):
    path = tmp_path / "scan.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n\0\xff")
    assert read_bytes(path) == read_bytes(str(path)) == path.read_bytes()


def test_the_limit_is_the_last_size_that_passes(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"12345")
    assert read_bytes(path, limit=5) == b"12345"
    with pytest.raises(InputError, match="limit of 4 bytes"):
        read_bytes(path, limit=4)


def test_size_is_checked_before_the_content(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b"\xff\xfe" * 10)
    with pytest.raises(InputError, match="larger"):
        read_text(path, limit=10)


def test_a_file_that_hides_its_size_is_still_limited():
    if not os.path.exists("/proc/self/status"):
        pytest.skip("needs /proc")
    assert os.stat("/proc/self/status").st_size == 0
    with pytest.raises(InputError, match="larger"):
        read_bytes("/proc/self/status", limit=10)


@pytest.mark.parametrize(
    "name, words",
    [("missing.csv", "no such file"), ("", "folder"), ("empty.csv", "empty"), ("a\0b", "cannot be read")],
)
def test_refuses_what_is_no_file_with_content(tmp_path, name, words):
    (tmp_path / "empty.csv").touch()
    path = os.path.join(tmp_path, name)
    with pytest.raises(InputError, match=words) as caught:
        read_bytes(path)
    assert caught.value.file == path


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
def test_a_pipe_without_a_writer_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="not a regular file"):
        read_bytes(tmp_path / "pipe")


@pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="needs /dev/zero")
def test_a_device_is_refused():
    with pytest.raises(InputError, match="not a regular file"):
        read_bytes("/dev/zero")


def test_an_unreadable_file_is_refused(tmp_path, monkeypatch):
    def deny(path, flags):  # chmod would not stop a superuser
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(os, "open", deny)
    with pytest.raises(InputError, match="cannot be read: Permission denied"):
        read_bytes(tmp_path / "secret.csv")


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="needs /proc")
def test_refusals_leave_no_descriptor_open(tmp_path):
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        with pytest.raises(InputError):
            read_bytes(tmp_path)
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize(
    "data, words",
    [
        (b"PK\x03\x04rest", "Excel workbook"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "old Microsoft Office"),
        (b"\x1f\x8b\x08", "gzip"),
        (b"%PDF-1.7", "PDF"),
        (b"\x89PNG\r\n\x1a\n", "PNG"),
        (b"\xff\xd8\xff\xe0", "JPEG"),
        ("\ufeffa,b".encode("utf-16-le"), "UTF-16"),
        ("\ufeffa,b".encode("utf-16-be"), "UTF-16"),
    ],
)
def test_names_the_format_that_a_file_really_has(data, words):
    with pytest.raises(InputError, match=words) as caught:
        decode_text(data, file="a.csv")
    assert caught.value.file == "a.csv" and caught.value.hint


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("bad", [b"\xe9", b"\0"])
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
def test_points_at_the_line_of_the_first_bad_byte(end, bad, bom):
    with pytest.raises(InputError) as caught:
        decode_text(bom + f"name{end}Zo{end}".encode() + b"Zo" + bad + end.encode() + bad)
    assert caught.value.where == "line 3"


def test_the_byte_order_mark_is_no_part_of_the_text(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes("\ufeffäöü,b\r\n".encode())
    assert read_text(path) == "äöü,b\r\n"


@given(st.binary(min_size=1))
def test_any_bytes_are_text_or_an_input_error(data):
    try:
        assert decode_text(data).encode() == data.removeprefix(b"\xef\xbb\xbf")
    except InputError as error:
        assert error.what
