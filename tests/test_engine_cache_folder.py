"""The folder of the kernel cache: which one it is, and which ones cannot be used."""

import os
import shutil
import stat
import sys
import threading
import time
from pathlib import Path

import pytest
from kernel_cache import assert_unusable, checked, posix, sealed

from tinycnn.ops.numba import cache

pytestmark = pytest.mark.usefixtures("fresh_kernel_cache")


def test_builds_that_differ_never_meet(tmp_path, monkeypatch):
    sources = tmp_path / "sources"
    shutil.copytree(cache.SOURCES, sources, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(cache, "SOURCES", str(sources))
    seen = [cache._location()]
    (sources / "lift.py").touch()
    (sources / "notes.txt").write_text("not code")
    (sources / ".#lift.py").symlink_to("an editor's lock, which leads nowhere")
    assert cache._location() == seen[0]
    with open(sources / "lift.py", "a") as file:
        file.write("# edited\n")
    seen.append(cache._location())
    (sources / "new.py").write_text("")
    seen.append(cache._location())
    monkeypatch.setenv("TINYCNN_VECTOR", "4")
    seen.append(cache._location())
    for name, value in {"BOUNDSCHECK": 1, "OPT": 0, "CPU_NAME": "generic"}.items():
        monkeypatch.setattr(cache.numba.config, name, value)
        seen.append(cache._location())
    monkeypatch.setattr(cache, "_cpu_features", lambda: "-avx512f")
    seen.append(cache._location())
    for module in (cache.numba, cache.llvmlite):
        monkeypatch.setattr(module, "__version__", "99.0+dev/1")
        seen.append(cache._location())
    monkeypatch.setattr(cache.llvm, "get_host_cpu_name", lambda: "abacus")
    seen.append(cache._location())
    assert len(set(seen)) == len(seen)
    assert {os.path.dirname(place) for place in seen} == {str(tmp_path / "tinycnn")}
    assert "abacus" in seen[-1] and f"py{sys.version_info[0]}.{sys.version_info[1]}" in seen[-1]


@posix
def test_the_folder_is_where_caches_are(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    for root, unset in (
        (tmp_path, "NUMBA_CACHE_DIR"),
        (tmp_path / "xdg", "XDG_CACHE_HOME"),
        (tmp_path / "home" / ".cache", "HOME"),
    ):
        assert Path(cache._location()).parent == root / "tinycnn"
        monkeypatch.setenv(unset, "")
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    place, said = checked()
    assert place is None and len(said) == 1 and "home" in said[0]


@posix
def test_all_that_is_made_is_private(tmp_path, monkeypatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "a" / "b"))
    before = os.umask(0)
    try:
        place, said = checked()
    finally:
        os.umask(before)
    assert not said
    assert {stat.S_IMODE(path.stat().st_mode) for path in (place, *place.parents[:3])} == {0o700}
    place.chmod(0o755)  # others may read: no danger, but no need either
    assert checked() == (place, [])
    assert stat.S_IMODE(place.stat().st_mode) == 0o700


def test_threads_get_one_answer_which_is_worked_out_once(monkeypatch):
    calls, answers, verify = [], [], cache._verify

    def slow(place):
        calls.append(place)
        time.sleep(0.05)
        return verify(place)

    monkeypatch.setattr(cache, "_verify", slow)
    workers = [threading.Thread(target=lambda: answers.append(cache.folder())) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(calls) == 1 and answers == calls * 8


@pytest.mark.parametrize("level", ["root", "tinycnn", "leaf"])
def test_a_file_in_the_folders_place(level, tmp_path, monkeypatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "root"))
    leaf = Path(cache._location())
    path = {"root": tmp_path / "root", "tinycnn": leaf.parent, "leaf": leaf}[level]
    path.parent.mkdir(parents=True, mode=0o700, exist_ok=True)
    path.write_text("")
    assert_unusable(str(path))


@posix
@pytest.mark.parametrize("level", ["tinycnn", "leaf"])
@pytest.mark.parametrize("how", ["link", "group", "others", "foreign"])
def test_a_folder_that_others_may_have_written_is_refused(how, level, tmp_path, monkeypatch):
    leaf = sealed()
    path = leaf if level == "leaf" else leaf.parent
    if how == "link":
        path.rename(tmp_path / "elsewhere")
        path.symlink_to(tmp_path / "elsewhere")
        assert_unusable("link")
    elif how == "foreign":
        real = os.lstat(path)
        stranger = os.stat_result([*real[:4], real.st_uid + 1, *real[5:]])
        monkeypatch.setattr(cache.os, "lstat", lambda asked: stranger if asked == str(path) else real)
        assert_unusable("another user")
    else:
        path.chmod(0o720 if how == "group" else 0o702)
        assert_unusable("written by others")


@posix
def test_a_link_inside_is_refused(tmp_path):
    place = sealed()
    (tmp_path / "elsewhere").mkdir()
    (place / "more").symlink_to(tmp_path / "elsewhere")
    assert_unusable("link")


def test_what_cannot_be_listed_or_deleted_is_not_trusted(monkeypatch):
    place = sealed()
    (place / "sub" / "f.nbi").write_text("damaged")

    def deny(*args):
        raise PermissionError("denied")

    with monkeypatch.context() as patch:
        patch.setattr(cache.os, "unlink", deny)
        assert_unusable("denied")
    with monkeypatch.context() as patch:
        patch.setattr(cache.os, "scandir", deny)
        patch.setattr(cache, "_location", lambda: str(place))
        assert_unusable("denied")
