"""Random configurations of every kind against PyTorch's numbers, kept by `benchmarks/random_configurations.py --golden`."""

import json
from pathlib import Path

import numpy as np
import pytest

import tinycnn as tc
from tinycnn.bundle import from_config
from tinycnn.layers import walk


def cases():
    """Every configuration with the arrays that go in and those that PyTorch says come out."""
    with np.load(Path(__file__).parent / "golden" / "configurations.npz", allow_pickle=False) as file:
        told, numbers = json.loads(file["cases"].tobytes()), file["numbers"]
    for case in told:
        for side in ("given", "wanted"):
            arrays = {}
            for name, (start, shape) in case[side].items():
                arrays[name] = numbers[start : start + int(np.prod(shape, dtype=int))].reshape(shape).copy()
            case[side] = arrays
    return told


CASES = cases()
KINDS = [case["config"]["kind"] for case in CASES]


def by(prefix, arrays):
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}


def layer_results(config, given):
    """Forward and backward of a layer: what PyTorch was asked for too."""
    layer = from_config(config["layer"]).build(given["x"].shape[1:], dtype="float64")
    buffers = {f"{path}.{key}".lstrip("."): (inner.buffers, key) for path, inner in walk(layer) for key in inner.buffers}
    for name, array in by("state.", given).items():
        if name in buffers:
            arrays, key = buffers[name]
            arrays[key] = array
        else:
            next(p for p in layer.parameters() if p.name == name).value[...] = array
    found = {"output": layer.forward(given["x"], config["training"], np.random.default_rng(config["seed"]))}
    found["grad.input"] = layer.backward(given["grad"])
    found |= {f"grad.{p.name}": p.grad for p in layer.parameters()}
    return found | {f"buffer.{name}": arrays[key] for name, (arrays, key) in buffers.items()}


def loss_results(config, given):
    value, grad = getattr(tc, config["kind"])(**config["arguments"])(given["z"], given["y"], given["weight"])
    return {"output": value, "grad.input": grad}


def optimizer_results(config, given):
    """The parameters after all steps; those of one axis do not decay."""

    class Holder(tc.Layer):
        def setup(self, shape):
            for name, array in by("state.", given).items():
                self.declare(name, array.shape, lambda rng, shape, array=array: array, decays=array.ndim > 1)
            return shape

    layer = Holder().build((1,), dtype="float64")
    optimizer = getattr(tc, config["kind"])(layer.parameters(), **config["arguments"])
    grads = by("grads.", given)
    for step in range(len(grads["weight"])):
        for p in layer.parameters():
            p.grad[...] = grads[p.name][step]
        optimizer.step()
    return {f"update.{p.name}": p.value for p in layer.parameters()}


@pytest.mark.parametrize("backend", ["numpy", "numba"])
@pytest.mark.parametrize("index", range(len(CASES)), ids=[f"{kind}-{i}" for i, kind in enumerate(KINDS)])
def test_a_random_configuration_gives_pytorchs_numbers(index, backend):
    config, given, wanted = (CASES[index][key] for key in ("config", "given", "wanted"))
    results = layer_results if "layer" in config else loss_results if "z" in given else optimizer_results
    with tc.backend(backend):
        found = results(config, given)
    assert found.keys() == wanted.keys()
    for name, array in wanted.items():
        np.testing.assert_allclose(found[name], array, rtol=0, atol=1e-9 * max(1.0, abs(array).max(initial=0)), err_msg=name)
