"""Model files: what was saved comes back, and nothing else gets in."""

import copy
import io
import json
import os
import pickle
import struct
import tracemalloc
import zipfile
import zlib

import numpy as np
import pytest

import tinycnn as tc
from tinycnn import bundle
from tinycnn.__main__ import main

LIMIT = 20 << 20  # bytes: more than any of these little files could need


@pytest.fixture
def model():
    model = tc.Sequential(
        tc.Conv2D(3, 3, stride=(2, 1), groups=1),
        tc.BatchNorm(),
        tc.Residual(tc.Conv2D(3, 3), shortcut=tc.Conv2D(3, 1)),
        tc.Branches(tc.MaxPool2D(2), tc.AvgPool2D(2, count_padding=True), merge="add"),
        tc.Flatten(),
        tc.Dropout(0.25),
        tc.Dense(2, bias=False),
    ).build((8, 6, 1), seed=4)
    model.built().buffers[...] += 0.25
    model.freeze("batchnorm_1")
    model.steps = 17
    return model


@pytest.fixture
def x(rng):
    return rng.standard_normal((5, 8, 6, 1)).astype("float32")


def refused(path):
    """That the file is refused, for a reason, and without a big allocation on the way."""
    tracemalloc.start()
    try:
        with pytest.raises(tc.BundleError) as caught:
            tc.load(path)
        assert tracemalloc.get_traced_memory()[1] < LIMIT
    finally:
        tracemalloc.stop()
    assert str(caught.value)
    return str(caught.value)


def forge(path, arrays, meta, seal=None):
    """A file with a right seal over whatever it holds, as an attacker can make one; meta is JSON-able, or a text."""
    text = meta.encode() if isinstance(meta, str) else json.dumps(meta).encode()
    seal = bundle.digest(arrays, text) if seal is None else seal
    members = {bundle.META: np.frombuffer(text, np.uint8), bundle.SEAL: np.frombuffer(seal, np.uint8)}
    with open(path, "wb") as file:
        np.savez(file, **arrays, **members)


@pytest.fixture
def parts(model):
    arrays, description = bundle.pack(model)
    return arrays, {"format": 1, "model": description}


def test_a_model_comes_back_bit_for_bit(model, x, tmp_path):
    tc.save(tmp_path / "m.npz", model)
    again = tc.load(tmp_path / "m.npz")
    assert np.array_equal(again.predict(x), model.predict(x))
    assert repr(again) == repr(model)
    assert (again.steps, again.seed, again.input_shape) == (17, 4, (8, 6, 1))
    assert [p.name for p in again.parameters() if not p.trainable] == ["batchnorm_1.gamma", "batchnorm_1.beta"]
    tc.save(tmp_path / "again.npz", again)
    assert bundle.read_arrays(tmp_path / "m.npz")[2] == bundle.read_arrays(tmp_path / "again.npz")[2]  # the same seal
    double = tc.Sequential(tc.Dense(1)).build((2,), dtype="float64")
    tc.save(tmp_path / "double.npz", double)
    assert tc.load(tmp_path / "double.npz").built().dtype == np.float64


def test_forging_is_how_save_writes(parts, x, model, tmp_path):
    """The helper's files are good ones, so that what it forges below is refused for what was changed."""
    forge(tmp_path / "f.npz", *parts)
    assert np.array_equal(tc.load(tmp_path / "f.npz").predict(x), model.predict(x))


def test_a_truncated_file_is_refused(model, tmp_path):
    tc.save(tmp_path / "m.npz", model)
    content = (tmp_path / "m.npz").read_bytes()
    for cut in [*range(0, len(content), 97), len(content) - 1]:
        (tmp_path / "cut.npz").write_bytes(content[:cut])
        refused(tmp_path / "cut.npz")


def test_a_flipped_byte_is_refused_or_changes_nothing(model, tmp_path):
    tc.save(tmp_path / "m.npz", model)
    content = (tmp_path / "m.npz").read_bytes()
    wanted, harmless = model.get_state(), 0
    offsets = np.random.default_rng(0).permutation(len(content))[:600]
    for offset in offsets:
        flipped = bytearray(content)
        flipped[offset] ^= 1 << (offset % 8)
        (tmp_path / "flipped.npz").write_bytes(flipped)
        try:
            again = tc.load(tmp_path / "flipped.npz")
        except tc.BundleError:
            continue
        harmless += 1  # a time stamp in the zip, say
        state = again.get_state()
        assert state.keys() == wanted.keys()
        assert all(np.array_equal(state[name], wanted[name]) for name in wanted), offset
        assert (repr(again), again.steps, again.seed) == (repr(model), 17, 4)
    assert harmless < len(offsets) / 4


def change_arrays(how):
    def change(arrays, meta):
        arrays = dict(arrays)
        how(arrays)
        return arrays, meta

    return change


W = "dense_1.weight"
ARRAYS = {
    "renamed": change_arrays(lambda a: a.update({"dense_2.weight": a.pop(W)})),
    "reshaped": change_arrays(lambda a: a.update({W: a[W].reshape(-1)})),
    "transposed": change_arrays(lambda a: a.update({W: np.ascontiguousarray(a[W].T)})),
    "added": change_arrays(lambda a: a.update({"extra": np.zeros(3, "float32")})),
    "removed": change_arrays(lambda a: a.pop(W)),
    "of another type": change_arrays(lambda a: a.update({W: a[W].astype("float64")})),
    "of whole numbers": change_arrays(lambda a: a.update({W: a[W].astype("int32")})),
    "swapped": change_arrays(
        lambda a: a.update({"batchnorm_1.gamma": a["batchnorm_1.beta"], "batchnorm_1.beta": a["batchnorm_1.gamma"]})
    ),
    "one bit": change_arrays(lambda a: a.update({W: np.nextafter(a[W], np.float32(1))})),
    "a NaN": change_arrays(lambda a: a.update({W: a[W] * np.nan})),
    "an inf": change_arrays(lambda a: a.update({"batchnorm_1.running_var": a["batchnorm_1.running_var"] + np.inf})),
}


@pytest.mark.parametrize("change", ARRAYS)
def test_arrays_altered_under_the_old_seal_are_refused(change, parts, tmp_path):
    arrays, meta = parts
    seal = bundle.digest(arrays, json.dumps(meta).encode())
    forge(tmp_path / "f.npz", *ARRAYS[change](arrays, meta), seal=seal)
    assert "SHA-256" in refused(tmp_path / "f.npz")


@pytest.mark.parametrize("change", sorted(ARRAYS.keys() - {"swapped", "one bit"}))
def test_arrays_that_do_not_fit_are_refused_under_a_new_seal_too(change, parts, tmp_path):
    forge(tmp_path / "f.npz", *ARRAYS[change](*parts))
    assert "not a usable model" in refused(tmp_path / "f.npz")


FIRST = ("model", "architecture", "layers", 0)
META = {
    "no model": (("model",), None),
    "another format": (("format",), 2),
    "no architecture": (("model", "architecture"), None),
    "architecture is a list": (("model", "architecture"), []),
    "an unknown kind": ((*FIRST, "kind"), "os.system"),
    "a kind that is no text": ((*FIRST, "kind"), ["Conv2D"]),
    "other filters": ((*FIRST, "filters"), 4),
    "absurdly many filters": ((*FIRST, "filters"), 10**12),
    "more filters than there are numbers": ((*FIRST, "filters"), 10**400),
    "filters as text": ((*FIRST, "filters"), "3"),
    "an absurd kernel": ((*FIRST, "kernel_size"), [10**9, 10**9]),
    "an absurd stride": ((*FIRST, "stride"), [-1, 1]),
    "no such padding": ((*FIRST, "padding"), {"a": 1}),
    "an argument too many": ((*FIRST, "colour"), 1),
    "a rate above 1": (("model", "architecture", "layers", 5, "rate"), 1.5),
    "a residual without a body": (("model", "architecture", "layers", 2, "body"), None),
    "another merge": (("model", "architecture", "layers", 3, "merge"), "concat"),
    "an absurd input": (("model", "input_shape"), [10**12, 10**12, 1]),
    "a negative input": (("model", "input_shape"), [-8, 6, 1]),
    "an input of text": (("model", "input_shape"), "abc"),
    "an object dtype": (("model", "dtype"), "object"),
    "a dtype that is code": (("model", "dtype"), "f4,,"),
    "a frozen layer that is not there": (("model", "frozen"), ["dense_7"]),
    "steps as text": (("model", "steps"), "many"),
    "steps below 0": (("model", "steps"), -1),
    "a seed too large": (("model", "seed"), 1 << 128),
}


def changed(meta, path, value):
    meta = copy.deepcopy(meta)
    inner = meta
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return meta


@pytest.mark.parametrize("change", META)
@pytest.mark.parametrize("sealed", [False, True], ids=["old seal", "new seal"])
def test_an_altered_description_is_refused(change, sealed, parts, tmp_path):
    arrays, meta = parts
    seal = None if sealed else bundle.digest(arrays, json.dumps(meta).encode())
    forge(tmp_path / "f.npz", arrays, changed(meta, *META[change]), seal=seal)
    assert ("SHA-256" in refused(tmp_path / "f.npz")) is not sealed


@pytest.mark.parametrize("depth", [500, 900, 5_000, 100_000])
def test_a_description_nested_too_deeply_is_refused_or_read(depth, parts, tmp_path):
    text = '{"format": 1, "model": {"architecture": ' + '{"kind": "Sequential", "layers": [' * depth + "]}" * depth
    text += ', "input_shape": [3], "dtype": "float32", "frozen": [], "seed": 0, "steps": 0}}'
    forge(tmp_path / "f.npz", parts[0], text)  # its arrays fit no such model
    refused(tmp_path / "f.npz")


@pytest.mark.parametrize("text", ["", "{", "null", "[]", '{"format": 1}', "\udcff", "9" * 5000], ids=range(7))
def test_a_description_that_is_no_description_is_refused(text, parts, tmp_path):
    raw = text.encode("utf-8", "surrogateescape")
    arrays = parts[0]
    members = {bundle.META: np.frombuffer(raw, np.uint8), bundle.SEAL: np.frombuffer(bundle.digest(arrays, raw), np.uint8)}
    np.savez(tmp_path / "f.npz", **arrays, **members)
    refused(tmp_path / "f.npz")


def test_no_depth_of_nesting_ends_in_anything_but_a_model_or_a_refusal(tmp_path):
    read = refusals = 0
    for depth in range(50, 500, 25):
        text = '{"format": 1, "model": {"architecture": ' + '{"kind": "Sequential", "layers": [' * depth + "]}" * depth
        text += ', "input_shape": [3], "dtype": "float32", "frozen": [], "seed": 0, "steps": 0}}'
        forge(tmp_path / "f.npz", {}, text)
        try:
            read += tc.load(tmp_path / "f.npz").output_shape == (3,)
        except tc.BundleError:
            refusals += 1
    assert read
    assert refusals


# Files that are not ours


def npy(header, data=b""):
    """The bytes of a `.npy` member with this header text."""
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + data


def claim(descr="'<f4'", shape="(3,)", order="False"):
    return f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}\n"


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
    refused(tmp_path / "f.npz")


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
        refused(tmp_path / "f.npz")
    (tmp_path / "f.npz").write_bytes(pickle.dumps(Payload(ran)))
    refused(tmp_path / "f.npz")
    assert not ran.exists()


def test_compressed_members_are_refused_before_they_are_unpacked(parts, tmp_path):
    arrays, meta = parts
    text = json.dumps(meta).encode()
    members = {bundle.META: np.frombuffer(text, np.uint8), bundle.SEAL: np.frombuffer(bundle.digest(arrays, text), np.uint8)}
    np.savez_compressed(tmp_path / "f.npz", **arrays, **members)
    assert "compressed" in refused(tmp_path / "f.npz")
    np.savez_compressed(tmp_path / "bomb.npz", bomb=np.zeros(64 << 20, np.uint8), **members)
    refused(tmp_path / "bomb.npz")


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
    assert "claim more than the file holds" in refused(tmp_path / "f.npz")


def test_a_name_that_stands_twice_is_refused(model, tmp_path):
    tc.save(tmp_path / "m.npz", model)
    with zipfile.ZipFile(tmp_path / "m.npz", "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr(f"{W}.npy", HEADERS["nothing"])
    assert "twice" in refused(tmp_path / "m.npz")


def plain_savez():
    buffer = io.BytesIO()
    np.savez(buffer, x=np.zeros(3))
    return buffer.getvalue()


STRANGERS = {
    "empty": b"",
    "text": b"id,diagnosis,radius_mean\n1,M,17.99\n",
    "a picture": b"\x89PNG\r\n\x1a\n" + bytes(100),
    "an empty zip": b"PK\x05\x06" + bytes(18),
    "a plain np.savez": plain_savez(),
    "zeros": bytes(4096),
}


@pytest.mark.parametrize("what", STRANGERS)
def test_a_file_that_is_not_a_model_is_refused(what, tmp_path, capsys):
    (tmp_path / "f.npz").write_bytes(STRANGERS[what])
    assert "not a tinycnn model file" in refused(tmp_path / "f.npz")
    assert main(["summary", str(tmp_path / "f.npz")]) == 4
    assert capsys.readouterr().err.startswith(f"error: {tmp_path / 'f.npz'}: not a tinycnn model file")


def test_no_file_and_a_folder_are_the_systems_errors(tmp_path, capsys):
    with pytest.raises(FileNotFoundError):
        tc.load(tmp_path / "none.npz")
    with pytest.raises(OSError):  # which one depends on the system
        tc.load(tmp_path)
    assert main(["summary", str(tmp_path / "none.npz")]) == 4
    assert "No such file" in capsys.readouterr().err


def test_a_file_from_before_an_argument_was_there_is_read(parts, model, x, tmp_path):
    """Dropout once had a rate alone."""
    arrays, meta = parts
    dropout = next(layer for layer in meta["model"]["architecture"]["layers"] if layer["kind"] == "Dropout")
    assert dropout.pop("channels") is False
    forge(tmp_path / "f.npz", arrays, meta)
    again = tc.load(tmp_path / "f.npz")
    assert np.array_equal(again.predict(x), model.predict(x)) and again.layers["dropout_1"].channels is False


def test_a_model_that_could_not_be_loaded_is_not_saved(model, tmp_path):
    class Mine(tc.ReLU):
        pass

    for bad, says in (
        (tc.Sequential(Mine()).build((2,)), "Mine is not a layer of tinycnn"),
        (tc.Dense(1).build((2,)), r"wrap it: Sequential\("),
        (tc.Sequential(tc.Dense(1)), "not built"),
    ):
        with pytest.raises(ValueError, match=says):
            tc.save(tmp_path / "m.npz", bad)
    model.layers["dense_1"].params["weight"][0, 0] = np.nan
    with pytest.raises(ValueError, match=r"dense_1\.weight holds NaN or inf"):
        tc.save(tmp_path / "m.npz", model)
    assert os.listdir(tmp_path) == []


def test_the_summary_command_prints_the_models_table(model, tmp_path, capsys):
    tc.save(tmp_path / "m.npz", model)
    assert main(["summary", str(tmp_path / "m.npz")]) == 0
    assert capsys.readouterr().out.strip() == model.summary()
