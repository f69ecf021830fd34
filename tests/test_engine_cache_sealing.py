"""Sealing the kernel cache: what was never sealed goes, what is sealed fits, and failures are told."""

import pytest
from kernel_cache import ALL, DAMAGED, actual, again, assert_unusable, checked, listing, manifest, posix, sealed, write

from tinycnn.ops.numba import cache

pytestmark = pytest.mark.usefixtures("fresh_kernel_cache")


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
        assert_unusable("another process")
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
