"""Model files whose numbers or description were altered, under the old seal and under a new one."""

import copy
import json

import numpy as np
import pytest
from forged import W, assert_refused, forge, parts_of, stateful_model

import tinycnn as tc
from tinycnn import bundle


@pytest.fixture
def parts():
    return parts_of(stateful_model())


def change_arrays(how):
    def change(arrays, meta):
        arrays = dict(arrays)
        how(arrays)
        return arrays, meta

    return change


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
    assert "SHA-256" in assert_refused(tmp_path / "f.npz")


@pytest.mark.parametrize("change", sorted(ARRAYS.keys() - {"swapped", "one bit"}))
def test_arrays_that_do_not_fit_are_refused_under_a_new_seal_too(change, parts, tmp_path):
    forge(tmp_path / "f.npz", *ARRAYS[change](*parts))
    assert "not a usable model" in assert_refused(tmp_path / "f.npz")


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
    assert ("SHA-256" in assert_refused(tmp_path / "f.npz")) is not sealed


@pytest.mark.parametrize("depth", [500, 900, 5_000, 100_000])
def test_a_description_nested_too_deeply_is_refused_or_read(depth, parts, tmp_path):
    text = '{"format": 1, "model": {"architecture": ' + '{"kind": "Sequential", "layers": [' * depth + "]}" * depth
    text += ', "input_shape": [3], "dtype": "float32", "frozen": [], "seed": 0, "steps": 0}}'
    forge(tmp_path / "f.npz", parts[0], text)  # its arrays fit no such model
    assert_refused(tmp_path / "f.npz")


@pytest.mark.parametrize("text", ["", "{", "null", "[]", '{"format": 1}', "\udcff", "9" * 5000], ids=range(7))
def test_a_description_that_is_no_description_is_refused(text, parts, tmp_path):
    raw = text.encode("utf-8", "surrogateescape")
    arrays = parts[0]
    members = {bundle.META: np.frombuffer(raw, np.uint8), bundle.SEAL: np.frombuffer(bundle.digest(arrays, raw), np.uint8)}
    np.savez(tmp_path / "f.npz", **arrays, **members)
    assert_refused(tmp_path / "f.npz")


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
