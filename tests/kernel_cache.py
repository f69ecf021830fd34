"""What tests of the kernel cache share: a folder as Numba fills it, and what a new process would find there."""

import hashlib
import json
import os
import warnings
from pathlib import Path

import pytest

pytest.importorskip("numba")

from tinycnn.ops.numba import cache

DAMAGED, UNUSABLE = "damaged; they are compiled anew", "compiled anew in every process"
posix = pytest.mark.skipif(os.name == "nt", reason="Windows has no modes, and lets only some users make links")


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


def assert_unusable(reason):
    """That a new process gets no folder, and is told this reason once."""
    place, said = checked()
    cache.seal()
    assert place is None
    assert len(said) == 1 and UNUSABLE in said[0] and reason in said[0] and "\n" not in said[0]
