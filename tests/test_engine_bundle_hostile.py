"""Model files made to hurt: arrays that claim what they do not hold, pickles, bombs, members that overlap."""

import json
import pickle
import struct
import zipfile
import zlib

import numpy as np
import pytest
from forged import W, assert_refused, claim, npy, parts_of, stateful_model

import tinycnn as tc
from tinycnn import bundle


@pytest.fixture
def model():
    return stateful_model()


@pytest.fixture
def parts(model):
    return parts_of(model)


HEADERS = {
    "10^15 numbers": npy(claim(shape="(1000000000000000,)")),
    "10^15 numbers of no size": npy(claim("'|V0'", "(1000000000000000,)")),
    "no numbers, in huge shapes": npy(claim(shape="(0, 99999999999999999999999)")),
    "items of 10^14 bytes": npy(claim("'|V99999999999999'", "(1,)")),
    "a negative shape": npy(claim(shape="(-1, -3)"), bytes(12)),
    "a shape of truths": npy(claim(shape="(False,)")),
    "100 axes": npy(claim(shape="(" + "1, " * 100 + ")"), bytes(4)),
    "fortran order": npy(claim(shape="(1, 3)", order="True"), bytes(12)),
    "less than it claims": npy(claim(), bytes(8)),
    "more than it claims": npy(claim(), bytes(16)),
    "minus signs": npy("-" * 9000 + "1"),
    "open brackets": npy("(" * 9000),
    "an unhashable key": npy("{[]: 1}"),
    "mixed keys": npy("{1: 2, 'a': 3}"),
    "an open string": npy("{'a':'''"),
    "python 2": npy(claim(shape="(3L,)")),
    "a call": npy(claim("__import__('os').system('true')")),
    "a wrong dtype": npy(claim("'f4,,f4'")),
    "an unfinished dtype": npy(claim("'(2,3)f4,('")),
    "nothing": b"",
    "only the magic": b"\x93NUMPY",
    "version 9": b"\x93NUMPY\x09\x00" + npy(claim())[8:],
}


@pytest.mark.parametrize("header", HEADERS)
def test_an_array_that_claims_what_it_does_not_hold_is_refused(header, tmp_path):
    with zipfile.ZipFile(tmp_path / "f.npz", "w") as archive:
        archive.writestr("dense_1.weight.npy", HEADERS[header])
    assert_refused(tmp_path / "f.npz")


class Payload:
    """Unpickling this creates a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def test_an_object_array_is_refused_and_never_unpickled(parts, tmp_path):
    arrays, _ = parts
    ran = tmp_path / "ran"
    for name in (W, bundle.META, bundle.SEAL):
        held = {bundle.META: np.zeros(3, np.uint8), bundle.SEAL: np.zeros(32, np.uint8), **arrays}
        held[name] = np.array([Payload(ran)], object)
        np.savez(tmp_path / "f.npz", **held)
        assert_refused(tmp_path / "f.npz")
    (tmp_path / "f.npz").write_bytes(pickle.dumps(Payload(ran)))
    assert_refused(tmp_path / "f.npz")
    assert not ran.exists()


def test_compressed_members_are_refused_before_they_are_unpacked(parts, tmp_path):
    arrays, meta = parts
    text = json.dumps(meta).encode()
    members = {bundle.META: np.frombuffer(text, np.uint8), bundle.SEAL: np.frombuffer(bundle.digest(arrays, text), np.uint8)}
    np.savez_compressed(tmp_path / "f.npz", **arrays, **members)
    assert "compressed" in assert_refused(tmp_path / "f.npz")
    np.savez_compressed(tmp_path / "bomb.npz", bomb=np.zeros(64 << 20, np.uint8), **members)
    assert_refused(tmp_path / "bomb.npz")


def test_members_that_lie_over_each_other_are_refused_before_they_are_read(tmp_path):
    """Each member's data holds all later members, so that a small file would unpack to its own size squared."""
    data, directory, count = npy(claim("'|u1'", f"({1 << 20},)"), bytes(1 << 20)), [], 60
    for number in range(count):
        name = b"a%d.npy" % number
        head = struct.pack("<4s5H3L2H", b"PK\x03\x04", 20, 0, 0, 0, 0, zlib.crc32(data), len(data), len(data), len(name), 0)
        directory.append((name, zlib.crc32(data), len(data), len(head) + len(name) + len(data)))
        inner = head + name + data
        data = npy(claim("'|u1'", f"({len(inner)},)"), inner)
    body = data[len(data) - len(inner) :]
    index = b""
    for name, crc, size, from_end in directory:
        place = len(body) - from_end
        fields = (b"PK\x01\x02", 20, 20, 0, 0, 0, 0, crc, size, size, len(name), 0, 0, 0, 0, 0, place)
        index += struct.pack("<4s6H3L5H2L", *fields) + name
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, count, count, len(index), len(body), 0)
    (tmp_path / "f.npz").write_bytes(body + index + end)
    assert "claim more than the file holds" in assert_refused(tmp_path / "f.npz")


def test_a_name_that_stands_twice_is_refused(model, tmp_path):
    tc.save(tmp_path / "m.npz", model)
    with zipfile.ZipFile(tmp_path / "m.npz", "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr(f"{W}.npy", HEADERS["nothing"])
    assert "twice" in assert_refused(tmp_path / "m.npz")
