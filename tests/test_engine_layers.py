"""What every layer promises, and what it says to input that does not fit."""

import copy
import re

import numpy as np
import pytest

import tinycnn as tc
from tinycnn.__main__ import examples
from tinycnn.layers import walk

LAYERS = [(index, shape) for index, (subject, shape) in enumerate(examples()) if isinstance(subject, tc.Layer)]
EVERY_LAYER = pytest.mark.parametrize(
    ("index", "shape"), LAYERS, ids=[f"{type(examples()[i][0]).__name__}-{i}" for i, _ in LAYERS]
)


def built(index, shape, dtype="float32"):
    """A layer with all of its numbers off their starting values, and a batch for it."""
    rng = np.random.default_rng(index)
    layer = examples()[index][0].build(shape[1:], seed=3, dtype=dtype)
    for _, inner in walk(layer):
        for arrays in (inner.params, inner.buffers):
            for name, array in arrays.items():
                arrays[name] = array + rng.uniform(0.1, 0.5, array.shape)
    return layer, rng.standard_normal(shape).astype(dtype)


@EVERY_LAYER
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_shape_and_dtype_are_kept_and_input_is_not_modified(index, shape, dtype, backend):
    layer, x = built(index, shape, dtype)
    before = x.copy()
    with tc.backend(backend):
        for training in (True, False):
            y = layer.forward(x, training, np.random.default_rng(0))
            assert (y.shape, y.dtype) == ((shape[0], *layer.output_shape), dtype)
            grad = np.ones_like(y)
            grad_input = layer.backward(grad)
            assert (grad_input.shape, grad_input.dtype) == (x.shape, dtype)
            assert np.array_equal(x, before)
            assert (grad == 1).all()


@EVERY_LAYER
def test_eval_is_deterministic_and_moves_nothing(index, shape):
    layer, x = built(index, shape)
    state = layer.built().values.copy(), layer.built().buffers.copy()
    y = layer.forward(x, False).copy()
    layer.forward(x + 1, True, np.random.default_rng(0))
    layer.built().buffers[...] = state[1]
    assert np.array_equal(layer.forward(x, False), y)
    assert np.array_equal(layer.built().values, state[0])
    assert np.array_equal(layer.built().buffers, state[1])


@EVERY_LAYER
@pytest.mark.parametrize("backend", ["auto", "numpy", "numba"])
def test_infer_is_eval_forward_bit_for_bit_and_leaves_no_trace(index, shape, backend):
    layer, x = built(index, shape)
    with tc.backend(backend):
        before = {path: dict(inner.__dict__) for path, inner in walk(layer)}
        y = layer.infer(x)
        for path, inner in walk(layer):
            assert inner.__dict__.keys() == before[path].keys()
            assert all(inner.__dict__[key] is before[path][key] for key in before[path])
        assert np.array_equal(y, layer.forward(x, False))


@EVERY_LAYER
def test_a_saved_layer_comes_back_bit_for_bit(index, shape, tmp_path):
    layer, x = built(index, shape)
    model = layer if isinstance(layer, tc.Sequential) else tc.Sequential(layer)
    if model is not layer:
        values, buffers = layer.built().values.copy(), layer.built().buffers.copy()
        model.build(shape[1:])
        model.built().values[...], model.built().buffers[...] = values, buffers
    tc.save(tmp_path / "m.npz", model)
    again = tc.load(tmp_path / "m.npz")
    assert repr(again) == repr(model)
    assert np.array_equal(again.predict(x), model.predict(x))
    mine, theirs = model.get_state(), again.get_state()
    assert mine.keys() == theirs.keys()
    assert all(np.array_equal(mine[name], theirs[name]) for name in mine)


@EVERY_LAYER
def test_a_copy_is_equal_and_has_numbers_of_its_own(index, shape):
    layer, x = built(index, shape)
    twin = copy.deepcopy(layer)
    assert repr(twin) == repr(layer)
    y = layer.forward(x, False).copy()
    assert np.array_equal(twin.forward(x, False), y)
    twin.built().values[...] += 1
    twin.built().buffers[...] += 1
    assert np.array_equal(layer.forward(x, False), y)


@EVERY_LAYER
@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_a_rows_answer_does_not_depend_on_its_neighbours(index, shape, backend):
    layer, _ = built(index, shape)
    model = layer if isinstance(layer, tc.Sequential) else tc.Sequential(layer)
    if model is not layer:
        values, buffers = layer.built().values.copy(), layer.built().buffers.copy()
        model.build(shape[1:])
        model.built().values[...], model.built().buffers[...] = values, buffers
    x = np.random.default_rng(index).standard_normal((67, *shape[1:])).astype("float32")
    with tc.backend(backend):
        whole = model.predict(x)
        assert np.array_equal(np.concatenate([model.predict(row[None]) for row in x]), whole)
        assert np.array_equal(model.predict(x[::-1])[::-1], whole)
        assert np.array_equal(model.predict(x, batch_size=7), whole)


@EVERY_LAYER
def test_the_table_has_a_line_for_it(index, shape):
    model = tc.Sequential(examples()[index][0]).build(shape[1:])
    name, layer = next(iter(model.layers.items()))
    line = next(line for line in model.summary().splitlines() if line.startswith(name))
    assert str(layer.output_shape) in line


@EVERY_LAYER
def test_input_that_does_not_fit_is_refused_by_name(index, shape):
    layer, x = built(index, shape)
    name = re.escape(layer.name)
    wanted = re.escape(", ".join(map(str, shape[1:])))
    for bad, says in (
        (x[0], rf"got shape .*needs \(N, {wanted}"),
        (x[None], rf"got shape .*needs \(N, {wanted}"),
        (np.concatenate([x, x], axis=-1), rf"got shape .*needs \(N, {wanted}"),
        (x[:0], "empty batch .*at least one row"),
        (x.astype(int), "got dtype int64; it needs a float array"),
        (x.tolist(), "got list; it needs a float array"),
        (x.astype(complex), "got dtype complex128"),
        (np.float32(1.0), "got float32"),
    ):
        for training in (True, False):
            with pytest.raises(ValueError, match=rf"{name}.*{says}"):
                layer.forward(bad, training, np.random.default_rng(0))


@EVERY_LAYER
def test_a_layer_that_is_not_built_says_so(index, shape):
    layer = examples()[index][0]
    x = np.ones(shape, "float32")
    for use in (lambda: layer.forward(x, False), lambda: layer.infer(x), layer.parameters):
        with pytest.raises(ValueError, match=r"not built.*build"):
            use()
