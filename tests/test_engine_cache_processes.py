"""The kernel cache with Numba itself, and with several processes at once."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from kernel_cache import DAMAGED, actual, checked, listing, manifest

from tinycnn.ops.numba import cache

pytestmark = pytest.mark.usefixtures("fresh_kernel_cache")
ROOT = Path(__file__).parents[1]
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
