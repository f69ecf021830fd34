"""What tests of model files share: a model with every kind of state, forged files, and that a file is refused."""

import json
import struct
import tracemalloc

import numpy as np
import pytest

import tinycnn as tc
from tinycnn import bundle

LIMIT = 20 << 20  # bytes: more than any of these little files could need
W = "dense_1.weight"


def stateful_model():
    """Every kind of state: weights, running statistics, a frozen layer, blocks, steps and a seed."""
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


def assert_refused(path):
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


def parts_of(model):
    """(its arrays, the description beside them), for `forge`."""
    arrays, description = bundle.pack(model)
    return arrays, {"format": 1, "model": description}


def npy(header, data=b""):
    """The bytes of a `.npy` member with this header text."""
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + data


def claim(descr="'<f4'", shape="(3,)", order="False"):
    return f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}\n"
