"""Where compiled kernels are kept between processes, and how a damaged file is found before Numba opens it.

Numba's cache files are pickle and machine code: a truncated or altered one crashes every later start, and one that another user
could write runs that user's code. So every build has a folder of its own, which only its user can enter, and a list of checksums:

    <cache>/tinycnn/numba-<version>-llvmlite-<version>-py<version>-<CPU>-<hash of whatever else shapes the code>/
        checksums.json    {file: SHA-256} of what was sealed
        .lock             held while the list is compared with the files, or written
        <folder>_<hash>/  Numba's: *.nbi, an index for each function, and *.nbc, the machine code of each signature

What does not fit the list is deleted, and compiled anew. Numba itself takes no lock, so files of processes that still run come
and go at any time; they come whole, by renaming. A sealed file is marked as executable by its user: a mark that survives damage,
but not Numba's replacing the file. It tells damage, which the user should hear of, from work that was never sealed.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import re
import shutil
import stat
import sys
import threading
import time
import warnings

import llvmlite
import llvmlite.binding as llvm
import numba

from tinycnn.files import write_text

try:
    import fcntl
except ImportError:  # Windows: two processes may drop entries of each other's list, which costs a compilation
    fcntl = None

MANIFEST, LOCK = "checksums.json", ".lock"
SOURCES = os.path.dirname(os.path.abspath(__file__))
KEPT = 4  # folders of other builds
STALE = 3600.0  # seconds after which no process can still be writing
PATIENCE = 30.0  # seconds to wait for another process that holds the lock
SEALED = stat.S_IXUSR
# What makes Numba generate other code; its own index knows only the CPU and the file of the function itself.
SETTINGS = (
    "BOUNDSCHECK CPU_FEATURES CPU_NAME DEBUGINFO_DEFAULT DEBUG_ARRAY_OPT_RUNTIME DEBUG_NRT DISABLE_INTEL_SVML DISABLE_JIT "
    "ENABLE_AVX ENABLE_PROFILING EXTEND_VARIABLE_LIFETIMES JIT_COVERAGE LLVM_REFPRUNE_FLAGS LLVM_REFPRUNE_PASS LOOP_VECTORIZE "
    "OPT PARFOR_MAX_TUPLE_SIZE SLP_VECTORIZE USING_SVML"
).split()

_one_at_a_time = threading.RLock()
_told: set[str] = set()  # subjects of the warnings given, each once a process


def folder() -> str | None:
    """The folder for this process's kernels, made and checked at the first call; None where none can be written or trusted.

    Warns once a process (RuntimeWarning) when there is none, or when damaged files had to be deleted.
    """
    with _one_at_a_time:
        place, complaint = _decide()
        if complaint:
            _tell_once("folder", complaint)
        return place


def seal() -> None:
    """Record the checksums of what is in the folder now; call it after a compilation.

    A failure (disk full, say) is told once: unsealed files are compiled anew, and that is all.
    """
    place = folder()
    if place is None:
        return
    with _one_at_a_time:
        try:
            with _locked(place):
                _record(place)
        except OSError as error:
            _tell_once("seal", f"tinycnn cannot seal the kernels in {place}: {error}; the next process compiles them anew")


def is_cold(kernels: int) -> bool:
    """Whether so many kernels can be kept here, and some of them are not yet."""
    place = folder()
    return place is not None and sum(name.endswith(".nbi") for name in _cache_files(place)) < kernels


@functools.cache
def _decide() -> tuple[str | None, str]:
    """The folder, and what the user must hear about it."""
    place = "a cache folder"
    try:
        place = _location()
        _make_private(place)
        with _locked(place):
            damaged = _verify(place)
    except OSError as error:
        return None, f"tinycnn cannot keep its kernels in {place}: {error}; the kernels are compiled anew in every process"
    _prune(place)
    return place, f"the kernels cached in {place} were damaged; they are compiled anew" if damaged else ""


def _tell_once(subject: str, text: str) -> None:
    if subject not in _told:
        _told.add(subject)
        warnings.warn(text, RuntimeWarning, stacklevel=3)


# ---- which folder


def _location() -> str:
    local = os.environ.get("LOCALAPPDATA") if os.name == "nt" else None
    root = os.environ.get("NUMBA_CACHE_DIR") or os.environ.get("XDG_CACHE_HOME") or local
    if not root:
        root = os.path.join(os.path.expanduser("~"), ".cache")
        if root.startswith("~"):
            raise OSError("there is no home folder; set NUMBA_CACHE_DIR")
    return os.path.join(os.path.abspath(root), "tinycnn", _build_name())


def _build_name() -> str:
    versions = f"numba-{numba.__version__}-llvmlite-{llvmlite.__version__}-py{sys.version_info[0]}.{sys.version_info[1]}"
    name = f"{versions}-{llvm.get_host_cpu_name()}-{_build_hash()[:12]}"
    return re.sub(r"[^A-Za-z0-9.+-]", "_", name)


def _build_hash() -> str:
    """Of all sources of the kernels, since an edited helper changes the code of those that call it, and of all settings."""
    digest = hashlib.sha256()
    for path in _sources():
        with open(path, "rb") as file:
            digest.update(f"{os.path.relpath(path, SOURCES)} {hashlib.sha256(file.read()).hexdigest()}\n".encode())
    settings = [(name, str(getattr(numba.config, name, None))) for name in SETTINGS]
    vector = os.environ.get("TINYCNN_VECTOR", "")
    digest.update(repr((sys.platform, sys.implementation.cache_tag, _cpu_features(), vector, settings)).encode())
    return digest.hexdigest()


def _sources() -> list[str]:
    found = [os.path.join(path, name) for path, _, names in os.walk(SOURCES, onerror=_raise) for name in names]
    return sorted(path for path in found if path.endswith(".py") and not os.path.basename(path).startswith("."))


def _cpu_features() -> str:
    try:
        return llvm.get_host_cpu_features().flatten()
    except RuntimeError:  # llvmlite does not know them on every system
        return ""


# ---- whose folder


def _make_private(place: str) -> None:
    """Make the folder, for its user alone; raise OSError where another user could have put something into it."""
    _make(place)
    for path in (os.path.dirname(place), place):
        status = os.lstat(path)
        if stat.S_ISLNK(status.st_mode):
            raise OSError(f"{path} is a symbolic link")
        if os.name == "nt":  # nothing to check: the user's own folders are private
            continue
        if status.st_uid != os.geteuid():
            raise OSError(f"{path} belongs to another user")
        if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise OSError(f"{path} can be written by others")
    if os.name != "nt" and stat.S_IMODE(status.st_mode) != 0o700:
        os.chmod(place, 0o700)


def _make(path: str) -> None:
    parent = os.path.dirname(path)
    if os.path.isdir(path) or parent == path:
        return
    _make(parent)
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        if not os.path.isdir(path):  # else another process was faster
            raise


@contextlib.contextmanager
def _locked(place: str):
    """Alone among the processes that share the folder, where its file system has locks. Raises OSError where it is read-only."""
    with open(os.path.join(place, LOCK), "ab") as file:
        until = time.monotonic() + PATIENCE
        while not _take(file):
            if time.monotonic() > until:
                raise TimeoutError(f"another process has held {file.name} for {PATIENCE:g} seconds")
            time.sleep(0.02)
        yield


def _take(file) -> bool:
    try:
        if fcntl is not None:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # some network file systems have no locks: as on Windows
        return True
    return True


# ---- what is in it


def _verify(place: str) -> bool:
    """Delete what is not as it was sealed; whether that was damage, and not merely the work of a process that was killed.

    Damage empties the folder, for nobody knows what else it hit; unsealed work goes with all that its index refers to, so that
    processes which start while others compile do not delete each other's sealed files.
    """
    recorded, marked, found = _recorded(place), _marks(place), {}
    for name in _cache_files(place):
        with contextlib.suppress(FileNotFoundError):  # deleted by another process
            found[name] = _look(os.path.join(place, name))
    listed = recorded or {}
    altered = {name for name, (digest, _, _) in found.items() if name in listed and digest != listed[name]}
    damaged = recorded is None or any(found[name][1] or not marked for name in altered)
    unsealed = {_index(name) for name in found if name in altered or name not in listed or _index(name) not in found}
    bad = {name for name in found if damaged or _index(name) in unsealed}
    _delete(place, bad)
    _write(place, {name: digest for name, (digest, _, _) in found.items() if name not in bad}, recorded)
    _sweep(place)
    return damaged


def _delete(place: str, names: set[str]) -> None:
    for name in sorted(names, key=lambda name: name.endswith(".nbi")):  # data first: an index may lack data, never the reverse
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(place, name))


def _record(place: str) -> None:
    recorded, marked = _recorded(place) or {}, _marks(place)
    now, fresh = {}, {}
    for name in _cache_files(place):
        path = os.path.join(place, name)
        with contextlib.suppress(FileNotFoundError):
            if not os.path.exists(os.path.join(place, _index(name))):
                continue  # another process has just deleted it
            if marked and name in recorded and os.stat(path).st_mode & SEALED:
                now[name] = recorded[name]  # it may have been damaged since
            else:
                now[name], _, fresh[path] = _look(path)
    _write(place, now, recorded)
    if marked:
        for path, stamp in fresh.items():
            _mark(path, stamp)


def _recorded(place: str) -> dict[str, str] | None:
    """The manifest; empty where there is none yet, None where it cannot be read."""
    try:
        with open(os.path.join(place, MANIFEST), encoding="utf-8") as file:
            listed = json.load(file)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError):
        return None
    right = isinstance(listed, dict) and all(isinstance(value, str) for value in listed.values())
    return listed if right else None


def _write(place: str, listed: dict[str, str], before: dict[str, str] | None) -> None:
    """Write the manifest where it changes; its time of change says when the folder was last used."""
    path = os.path.join(place, MANIFEST)
    if listed != before or not os.path.exists(path):
        write_text(path, json.dumps(listed, indent=0, sort_keys=True))
    else:
        os.utime(path)


def _cache_files(place: str) -> list[str]:
    """All indexes and data files, relative to the folder. Raises OSError for a link: nothing vouches for what lies behind."""
    found = []
    for path, folders, names in os.walk(place, onerror=_raise):
        for name in folders:
            if os.path.islink(os.path.join(path, name)):
                raise OSError(f"{os.path.join(path, name)} is a symbolic link")
        found += [os.path.relpath(os.path.join(path, name), place) for name in names if name.endswith((".nbi", ".nbc"))]
    return found


def _index(name: str) -> str:
    """The index that a file belongs to: its own name, or `<function>.nbi` of `<function>.<number>.nbc`."""
    return name if name.endswith(".nbi") else name.rsplit(".", 2)[0] + ".nbi"


def _look(path: str) -> tuple[str, bool, tuple[int, int, int]]:
    """(checksum, whether it carries the mark, a stamp that changes when the file does)."""
    with open(path, "rb") as file:
        status = os.fstat(file.fileno())
        return hashlib.sha256(file.read()).hexdigest(), bool(status.st_mode & SEALED), _stamp(status)


def _stamp(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_ino, status.st_size, status.st_mtime_ns


def _mark(path: str, stamp: tuple[int, int, int]) -> None:
    """Mark the very file whose checksum is in the manifest, and none that has replaced it meanwhile."""
    with contextlib.suppress(OSError), open(path, "rb") as file:
        status = os.fstat(file.fileno())
        if _stamp(status) == stamp:
            os.fchmod(file.fileno(), stat.S_IMODE(status.st_mode) | SEALED)


def _marks(place: str) -> bool:
    """Whether marks mean anything here; some foreign file systems show every file as executable."""
    return os.name != "nt" and not os.stat(os.path.join(place, LOCK)).st_mode & SEALED


def _raise(error: OSError):
    raise error


# ---- what others left behind


def _sweep(place: str) -> None:
    """Delete temporary files of processes that were killed: Numba's and our own."""
    for path, _, names in os.walk(place):
        for name in names:
            if ".tmp." in name or name.endswith(".tmp"):
                with contextlib.suppress(OSError):
                    if _age(os.path.join(path, name)) > STALE:
                        os.unlink(os.path.join(path, name))


def _prune(place: str) -> None:
    """Delete the folders of other builds, but for those used last and those that a process may still be writing."""
    root, own = os.path.split(place)
    ages = []
    with contextlib.suppress(OSError):
        for name in os.listdir(root):
            if name.startswith("numba-") and name != own:
                with contextlib.suppress(OSError):  # no manifest: not ours to delete
                    ages.append((_age(os.path.join(root, name, MANIFEST)), os.path.join(root, name)))
    for age, path in sorted(ages)[KEPT:]:
        if age > STALE:
            shutil.rmtree(path, ignore_errors=True)


def _age(path: str) -> float:
    return time.time() - os.stat(path).st_mtime
