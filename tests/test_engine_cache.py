"""The kernel cache: a folder of one's own, in which no damaged file waits for Numba."""

import hashlib
import json
import os
import shutil
import stat
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path

import pytest

pytest.importorskip("numba")

from tinycnn.ops.numba import cache

ROOT = Path(__file__).parents[1]
DAMAGED, UNUSABLE = "damaged; they are compiled anew", "compiled anew in every process"
posix = pytest.mark.skipif(os.name == "nt", reason="Windows has no modes, and lets only some users make links")

KERNEL = """
import numba

@numba.njit("int64(int64)", cache=True)
def twice(x):
    return 2 * x

@numba.njit("int64(int64)", cache=True)
def thrice(x):
    return 3 * x
"""
USE = """
import sys, numba
from tinycnn.ops.numba import cache

numba.config.CACHE_DIR = cache.folder()
sys.path.insert(0, sys.argv[1])
import kernels

assert (kernels.twice(4), kernels.thrice(4)) == (8, 12)
cache.seal()
print(sum(sum(f.stats.cache_hits.values()) for f in (kernels.twice, kernels.thrice)))
"""
WRITE = """
import os, sys
from tinycnn.ops.numba import cache

folder, me = cache.folder(), sys.argv[1]
print("ready", flush=True)
sys.stdin.readline()
for i in range(12):
    for name in (f"own-{me}-{i}", "shared"):
        for end in (".nbi", ".1.nbc"):
            path = os.path.join(folder, name + end)
            with open(path + ".tmp." + me, "w") as file:
                file.write(f"{me} {i}")
            os.replace(path + ".tmp." + me, path)
    cache.seal()
"""


@pytest.fixture(autouse=True)
def fresh(tmp_path, monkeypatch):
    """A cache folder that no other test has seen, in a process that has not looked for one yet."""
    for name in ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME", "LOCALAPPDATA", "TINYCNN_VECTOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    again()
    yield
    again()


def again():
    """As in a new process."""
    cache._decide.cache_clear()
    cache._told.clear()


def checked():
    """(the folder that a new process would get, its warnings)."""
    again()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        place = cache.folder()
        assert cache.folder() == place
    assert all(warning.category is RuntimeWarning for warning in caught)
    return place and Path(place), [str(warning.message) for warning in caught]


def write(place, name, text):
    """As Numba does: whole, by renaming."""
    (place / f"{name}.tmp.0").write_text(text)
    os.replace(place / f"{name}.tmp.0", place / name)


def sealed(functions=("f", "g")):
    """A folder with a sealed index and two data files for each function, in a sub-folder as Numba has it."""
    place, said = checked()
    assert not said
    (place / "sub").mkdir()
    for function in functions:
        for end in ("nbi", "1.nbc", "2.nbc"):
            write(place / "sub", f"{function}.{end}", f"{function} {end}")
    cache.seal()
    return place


def listing(place):
    return sorted(path.name for path in place.rglob("*.nb?"))


def manifest(place):
    return json.loads((place / cache.MANIFEST).read_text())


def actual(place):
    paths = place.rglob("*.nb?")
    return {str(path.relative_to(place)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


ALL = ["f.1.nbc", "f.2.nbc", "f.nbi", "g.1.nbc", "g.2.nbc", "g.nbi"]


# ---- which folder


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


# ---- a folder that cannot be used


def refused(reason):
    place, said = checked()
    cache.seal()
    assert place is None
    assert len(said) == 1 and UNUSABLE in said[0] and reason in said[0] and "\n" not in said[0]


@pytest.mark.parametrize("level", ["root", "tinycnn", "leaf"])
def test_a_file_in_the_folders_place(level, tmp_path, monkeypatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "root"))
    leaf = Path(cache._location())
    path = {"root": tmp_path / "root", "tinycnn": leaf.parent, "leaf": leaf}[level]
    path.parent.mkdir(parents=True, mode=0o700, exist_ok=True)
    path.write_text("")
    refused(str(path))


@posix
@pytest.mark.parametrize("level", ["tinycnn", "leaf"])
@pytest.mark.parametrize("how", ["link", "group", "others", "foreign"])
def test_a_folder_that_others_may_have_written_is_refused(how, level, tmp_path, monkeypatch):
    leaf = sealed()
    path = leaf if level == "leaf" else leaf.parent
    if how == "link":
        path.rename(tmp_path / "elsewhere")
        path.symlink_to(tmp_path / "elsewhere")
        refused("link")
    elif how == "foreign":
        real = os.lstat(path)
        stranger = os.stat_result([*real[:4], real.st_uid + 1, *real[5:]])
        monkeypatch.setattr(cache.os, "lstat", lambda asked: stranger if asked == str(path) else real)
        refused("another user")
    else:
        path.chmod(0o720 if how == "group" else 0o702)
        refused("written by others")


@posix
def test_a_link_inside_is_refused(tmp_path):
    place = sealed()
    (tmp_path / "elsewhere").mkdir()
    (place / "more").symlink_to(tmp_path / "elsewhere")
    refused("link")


def test_what_cannot_be_listed_or_deleted_is_not_trusted(monkeypatch):
    place = sealed()
    (place / "sub" / "f.nbi").write_text("damaged")

    def deny(*args):
        raise PermissionError("denied")

    with monkeypatch.context() as patch:
        patch.setattr(cache.os, "unlink", deny)
        refused("denied")
    with monkeypatch.context() as patch:
        patch.setattr(cache.os, "scandir", deny)
        patch.setattr(cache, "_location", lambda: str(place))
        refused("denied")


# ---- damage, and work that was never sealed


def test_sealed_files_stay():
    place = sealed()
    assert manifest(place) == actual(place)
    assert len(manifest(place)) == 6
    assert checked() == (place, [])
    assert listing(place) == ALL


@pytest.mark.parametrize("name", ["f.nbi", "g.2.nbc"])
@pytest.mark.parametrize("how", ["flipped", "truncated", "longer", "emptied"])
def test_damage_is_noticed_and_the_folder_emptied(how, name):
    place = sealed()
    path = place / "sub" / name
    data = path.read_bytes()
    middle = len(data) // 2
    flipped = data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]
    path.write_bytes({"flipped": flipped, "truncated": data[:-1], "longer": data + b"\0", "emptied": b""}[how])
    found, said = checked()
    assert found == place
    assert len(said) == 1 and DAMAGED in said[0] and str(place) in said[0] and "\n" not in said[0]
    assert listing(place) == [] and manifest(place) == {}
    assert (place / "sub").is_dir()  # another process may be about to write into it
    assert checked() == (place, [])


DEEP = b"[" * 100_000
GARBLED = [b"", b"{", b"[]", b'{"x": 1}', b"\xff\xfe", DEEP]


@pytest.mark.parametrize("data", GARBLED, ids=["empty", "cut", "list", "numbers", "bytes", "deep"])
def test_a_garbled_manifest_is_damage(data):
    place = sealed()
    (place / cache.MANIFEST).write_bytes(data)
    found, said = checked()
    assert found == place and len(said) == 1 and DAMAGED in said[0]
    assert listing(place) == []
    assert checked() == (place, [])


def test_a_kernel_that_was_never_sealed_goes_silently():
    place = sealed()
    for end in ("nbi", "1.nbc"):
        write(place / "sub", f"h.{end}", "by a process that was killed")
    assert checked() == (place, [])
    assert listing(place) == ALL


def test_without_a_manifest_everything_goes_silently():
    place = sealed()
    (place / cache.MANIFEST).unlink()
    assert checked() == (place, [])
    assert listing(place) == []


@posix
def test_an_index_that_another_process_has_replaced_is_no_damage():
    place = sealed()
    write(place / "sub", "f.nbi", "one more signature")
    write(place / "sub", "f.3.nbc", "its code")
    assert checked() == (place, [])
    assert listing(place) == ["g.1.nbc", "g.2.nbc", "g.nbi"]
    assert manifest(place) == actual(place)


def test_sealing_takes_in_what_was_added_replaced_and_deleted():
    place = sealed()
    write(place / "sub", "f.nbi", "one more signature")
    write(place / "sub", "f.3.nbc", "its code")
    for name in ("g.nbi", "g.1.nbc", "g.2.nbc"):
        (place / "sub" / name).unlink()
    cache.seal()
    assert manifest(place) == actual(place)
    assert checked() == (place, [])
    assert listing(place) == ["f.1.nbc", "f.2.nbc", "f.3.nbc", "f.nbi"]


@posix
def test_sealing_does_not_bless_damage():
    place = sealed()
    (place / "sub" / "f.1.nbc").write_text("damaged while a process ran")
    cache.seal()
    found, said = checked()
    assert found == place and len(said) == 1 and DAMAGED in said[0]


def test_code_without_an_index_is_not_sealed():
    """Numba would number the next signature's code alike, and a reader could meet the old code under the new index."""
    place = sealed()
    (place / "sub" / "f.nbi").unlink()
    cache.seal()
    assert all("f." not in name for name in manifest(place))
    assert checked() == (place, [])
    assert listing(place) == ["g.1.nbc", "g.2.nbc", "g.nbi"]


def test_code_that_has_lost_its_index_goes_silently():
    place = sealed()
    (place / "sub" / "f.nbi").unlink()
    assert checked() == (place, [])
    assert listing(place) == ["g.1.nbc", "g.2.nbc", "g.nbi"]


def test_temporary_files_go_when_no_process_can_still_be_writing_them():
    place = sealed()
    names = ["sub/f.nbi.tmp.0123456789abcdef", f".{cache.MANIFEST}.1-0a.tmp"]
    for name in names:
        (place / name).write_text("half")
    assert checked() == (place, [])
    assert all((place / name).exists() for name in names)
    for name in names:
        os.utime(place / name, (1, time.time() - cache.STALE - 60))
    assert checked() == (place, [])
    assert not any((place / name).exists() for name in names)
    assert listing(place) == ALL


def test_the_folders_of_other_builds_do_not_pile_up():
    place = sealed()
    names = [f"numba-{i}" for i in range(7)]
    for i, name in enumerate([*names, "numba-without", "mine"]):
        other = place.parent / name
        other.mkdir()
        (other / "x.nbi").write_text("x")
        if name != "numba-without":
            (other / cache.MANIFEST).write_text("{}")
            os.utime(other / cache.MANIFEST, (1, time.time() - (cache.STALE if i else 0) - 60 * i))
    assert checked() == (place, [])
    assert sorted(path.name for path in place.parent.iterdir()) == sorted([*names[:4], "numba-without", "mine", place.name])
    assert listing(place) == ALL


def test_a_folder_that_may_be_in_use_stays():
    place = sealed()
    for i in range(7):
        (place.parent / f"numba-{i}").mkdir()
        (place.parent / f"numba-{i}" / cache.MANIFEST).write_text("{}")
    assert checked() == (place, [])
    assert len(list(place.parent.iterdir())) == 8


def test_a_folder_in_use_is_not_old():
    place = sealed()
    os.utime(place / cache.MANIFEST, (1, 1))
    assert checked() == (place, [])
    assert time.time() - (place / cache.MANIFEST).stat().st_mtime < 60


# ---- failures while sealing


def test_a_seal_that_fails_is_told_once(monkeypatch):
    place = sealed()
    before = manifest(place)
    write(place / "sub", "h.nbi", "new")

    def full(*args):
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(cache, "write_text", full)
        with pytest.warns(RuntimeWarning, match="disk full") as caught:
            cache.seal()
            cache.seal()
        assert len(caught) == 1
    assert manifest(place) == before
    assert checked() == (place, [])
    assert listing(place) == ALL


@pytest.mark.skipif(cache.fcntl is None, reason="this system has no such locks")
def test_one_process_at_a_time_and_none_waits_for_ever(monkeypatch):
    place = sealed()
    monkeypatch.setattr(cache, "PATIENCE", 0.1)
    before = manifest(place)
    write(place / "sub", "h.nbi", "new")
    with cache._locked(str(place)):
        with pytest.warns(RuntimeWarning, match="another process"):
            cache.seal()
        assert manifest(place) == before
        refused("another process")
    again()
    assert cache.folder() == str(place)


@pytest.mark.skipif(cache.fcntl is None, reason="this system has no such locks")
def test_a_file_system_without_locks_will_do(monkeypatch):
    def none(*args):
        raise OSError("no locks available")

    monkeypatch.setattr(cache.fcntl, "flock", none)
    place = sealed()
    assert checked() == (place, [])
    assert manifest(place) == actual(place)


# ---- with Numba, and with other processes


def start(code, *arguments, root):
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("TINYCNN_", "NUMBA_"))}
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**environment, "NUMBA_CACHE_DIR": str(root)},
    )


def use(root, kernels):
    """How many of the two kernels a process took from the cache, and what it said."""
    process = start(USE, str(kernels), root=root)
    out, said = process.communicate(timeout=60)
    assert process.returncode == 0, said
    return int(out), said


@pytest.fixture(scope="module")
def numbas(tmp_path_factory):
    """(a cache root that Numba has filled, the folder of the kernels' source)."""
    root, kernels = tmp_path_factory.mktemp("root"), tmp_path_factory.mktemp("kernels")
    (kernels / "kernels.py").write_text(KERNEL)
    assert use(root, kernels) == (0, "")
    return root, kernels


def test_numba_finds_what_was_sealed(numbas):
    assert use(*numbas) == (2, "")


@pytest.mark.parametrize("how", ["flipped", "truncated"])
def test_numba_never_opens_a_damaged_file(how, numbas, tmp_path):
    shutil.copytree(numbas[0] / "tinycnn", tmp_path / "tinycnn")
    (path,) = tmp_path.rglob("*twice*.nbc" if how == "flipped" else "*twice*.nbi")
    data = bytearray(path.read_bytes())
    if how == "flipped":
        data[len(data) // 2] ^= 1
    else:
        del data[len(data) // 2 :]
    path.write_bytes(data)
    hits, said = use(tmp_path, numbas[1])
    assert hits == 0 and said.count("RuntimeWarning") == 1 and DAMAGED in said
    assert checked()[1] == []
    assert len(listing(tmp_path)) == 4


def test_processes_that_seal_at_once_leave_a_manifest_that_fits(tmp_path):
    processes = [start(WRITE, str(i), root=tmp_path) for i in range(3)]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    for process in processes:
        said = process.communicate(timeout=60)[1]
        assert process.returncode == 0 and not said
    place = Path(cache._location())
    assert manifest(place) == actual(place)
    assert len(manifest(place)) == 3 * 12 * 2 + 2
    assert checked() == (place, [])
    assert len(listing(place)) == 3 * 12 * 2 + 2
