"""Writing a file: whole or not at all."""

import os

import pytest

from tinycnn import files


@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()], ids=["OSError", "KeyboardInterrupt"])
@pytest.mark.parametrize("name", ["replace", "fsync"])
@pytest.mark.parametrize("before", [None, b"the old file"])
def test_a_crash_while_writing_leaves_the_old_file_and_nothing_else(name, error, before, tmp_path, monkeypatch):
    path = tmp_path / "m.npz"
    if before is not None:
        path.write_bytes(before)

    def crash(*args):
        raise error

    monkeypatch.setattr(files.os, name, crash)
    with pytest.raises(type(error)):
        files.write_bytes(path, b"the new file")
    assert os.listdir(tmp_path) == ([] if before is None else ["m.npz"])
    assert before is None or path.read_bytes() == before


@pytest.mark.skipif(os.name == "nt", reason="Windows lets only some users make links")
def test_writing_replaces_the_old_file_and_follows_a_link(tmp_path):
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    files.write_text(tmp_path / "link", "né")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == "né".encode()
    assert sorted(os.listdir(tmp_path)) == ["link", "real"]


def test_writing_over_a_folder_or_into_none_is_an_error(tmp_path):
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "folder", tmp_path / "none" / "m.npz"):
        with pytest.raises(OSError):  # which one depends on the system
            files.write_bytes(path, b"x")
    assert os.listdir(tmp_path) == ["folder"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_or_device_is_not_replaced_by_a_file(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="not a regular file"):
        files.write_bytes(tmp_path / "pipe", b"x")
    assert not (tmp_path / "pipe").is_file()


def test_a_folder_that_cannot_be_synced_is_no_failure(tmp_path, monkeypatch):
    sync, calls = os.fsync, []

    def fsync(descriptor):
        calls.append(descriptor)
        if len(calls) == 2:
            raise OSError("this file system cannot")
        sync(descriptor)

    monkeypatch.setattr(files.os, "fsync", fsync)
    files.write_bytes(tmp_path / "m", b"whole")
    assert (tmp_path / "m").read_bytes() == b"whole"
