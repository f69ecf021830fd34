"""The kernel cache: no damaged file waits for Numba, and what nobody needs goes."""

import os
import time

import pytest
from kernel_cache import ALL, DAMAGED, actual, checked, listing, manifest, sealed

from tinycnn.ops.numba import cache

pytestmark = pytest.mark.usefixtures("fresh_kernel_cache")


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
