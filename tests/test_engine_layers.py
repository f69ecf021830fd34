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


conv = tc.Conv2D
REFUSED = [
    (lambda: conv(2, 5, padding="valid").build((4, 6, 1)), r"Conv2D: the kernel spans \(5, 5\) but its input .* only \(4, 6\)"),
    (lambda: conv(2, 3, dilation=3, padding=1).build((4, 4, 1)), r"Conv2D: the kernel spans \(7, 7\) .* only \(6, 6\)"),
    (lambda: tc.MaxPool2D(3).build((2, 9, 1)), r"MaxPool2D: the kernel spans \(3, 3\) .* only \(2, 9\)"),
    (lambda: conv(4, 3, groups=3).build((5, 5, 4)), "Conv2D: groups=3 must divide its 4 input channels and 4 filters"),
    (lambda: conv(4, 3, groups=2).build((5, 5, 3)), "Conv2D: groups=2 must divide its 3 input channels"),
    (lambda: conv(3, 3, groups=2).build((5, 5, 4)), "Conv2D: groups=2 .* 3 filters"),
    (lambda: conv(2, 3).build((28, 28)), r"Conv2D: got an input of shape \(28, 28\); it needs 3 axes, \(H, W, C\)"),
    (lambda: tc.AvgPool2D().build((4,)), r"AvgPool2D: got an input of shape \(4,\); it needs 3 axes"),
    (lambda: tc.Dense(2).build((4, 4)), r"Dense: got an input of shape \(4, 4\); it needs \(C,\): put Flatten"),
    (lambda: tc.GlobalAvgPool().build((4,)), r"GlobalAvgPool: got an input of shape \(4,\); it needs at least one spatial"),
    (lambda: tc.BatchNorm().build(()), "BatchNorm: got rows without a channel axis"),
    (lambda: conv(0, 3), "Conv2D: filters is 0; it must be an int of at least 1"),
    (lambda: conv(2.0, 3), "Conv2D: filters is 2.0"),
    (lambda: conv(True, 3), "Conv2D: filters is True"),
    (lambda: conv(2, (3, 3, 3)), r"Conv2D: kernel_size is \(3, 3, 3\); it must be .* 2 of them"),
    (lambda: conv(2, 3, stride=0), "Conv2D: stride is 0"),
    (lambda: conv(2, 3, dilation=(1, 0)), r"Conv2D: dilation is \(1, 0\)"),
    (lambda: conv(2, 3, groups=-1), "Conv2D: groups is -1"),
    (lambda: conv(2, 3, padding=-1).build((5, 5, 1)), "Conv2D: padding is -1"),
    (lambda: conv(2, 3, padding=1.5).build((5, 5, 1)), "Conv2D: padding is 1.5"),
    (lambda: conv(2, 3, padding="smae").build((5, 5, 1)), "Conv2D: padding is 'smae'; it must be \"same\""),
    (lambda: tc.MaxPool2D(2, padding=2).build((8, 8, 1)), "MaxPool2D: padding 2 leaves windows .* nothing but padding"),
    (lambda: tc.AvgPool2D((3, 2), padding=(1, 2)).build((8, 8, 1)), r"AvgPool2D: padding \(1, 2\) leaves windows"),
    (lambda: tc.MaxPool2D(0), "MaxPool2D: size is 0"),
    (lambda: tc.Dense(-1), "Dense: units is -1"),
    (lambda: tc.Conv1D(2, 3).build((9, 9, 1)), r"Conv1D: got an input of shape \(9, 9, 1\); it needs 2 axes, \(W, C\)"),
    (lambda: tc.Conv3D(2, (3, 3)), r"Conv3D: kernel_size is \(3, 3\); it must be .* 3 of them"),
    (lambda: tc.MaxPool3D(2).build((9, 9, 1)), r"MaxPool3D: got an input of shape \(9, 9, 1\); .* \(D, H, W, C\)"),
    (lambda: tc.ConvTranspose2D(2, 3).build((9, 1)), r"ConvTranspose2D: got an input of shape \(9, 1\); it needs 3 axes"),
    (lambda: tc.ConvTranspose2D(2, 3, padding=3).build((3, 3, 1)), r"ConvTranspose2D: padding 3 leaves an output of \(-1, -1\)"),
    (lambda: tc.ConvTranspose2D(2, 3, padding="full").build((3, 3, 1)), "ConvTranspose2D: padding is 'full'; it must be"),
    (lambda: tc.ConvTranspose2D(2, 3, stride=(1, 0)), r"ConvTranspose2D: stride is \(1, 0\)"),
    (lambda: tc.GlobalMaxPool().build((4,)), r"GlobalMaxPool: got an input of shape \(4,\); it needs at least one spatial"),
    (lambda: tc.Upsample(0), "Upsample: factor is 0"),
    (lambda: tc.Upsample("2"), "Upsample: factor is '2'"),
    (lambda: tc.Upsample((2, 2)).build((4, 1)), r"Upsample: got an input of shape \(4, 1\); factor is \(2, 2\); .* 1 of them"),
    (lambda: tc.Upsample(2).build((4,)), r"Upsample: got an input of shape \(4,\); it needs at least one spatial"),
    (lambda: tc.Reshape((2, 0)), r"Reshape: shape is \(2, 0\); it must be ints of at least 1"),
    (lambda: tc.Reshape((-1, -1)), r"Reshape: shape is \(-1, -1\)"),
    (lambda: tc.Reshape("ab"), "Reshape: shape is 'ab'"),
    (lambda: tc.Reshape((4, 2)).build((9,)), r"Reshape: got an input of shape \(9,\), 9 values; .* the shape \(4, 2\)"),
    (lambda: tc.Reshape((-1, 2)).build((3, 3)), r"Reshape: got an input of shape \(3, 3\), 9 values"),
    (lambda: tc.Pad(-1), "Pad: widths is -1; it must be an int of at least 0, or for each axis one or"),
    (lambda: tc.Pad(((1, 2, 3),)), r"Pad: widths is \(\(1, 2, 3\),\)"),
    (lambda: tc.Pad((1, "x")), r"Pad: widths is \(1, 'x'\)"),
    (lambda: tc.Pad((1, 2)).build((4, 1)), r"Pad: got an input of shape \(4, 1\); its 1 spatial axes do not fit"),
    (lambda: tc.Pad(1).build((4,)), r"Pad: got an input of shape \(4,\); it needs at least one spatial"),
    (lambda: tc.GroupNorm(0), "GroupNorm: groups is 0"),
    (lambda: tc.GroupNorm(2, eps=0), "GroupNorm: eps=0 must be above 0"),
    (lambda: tc.GroupNorm(2).build((4, 3)), r"GroupNorm: got an input of shape \(4, 3\); groups=2 must divide its channels"),
    (lambda: tc.GroupNorm(3).build((3,)), r"GroupNorm: got an input of shape \(3,\) with one value a group"),
    (lambda: tc.LayerNorm().build((5, 1)), r"LayerNorm: got an input of shape \(5, 1\) with one value a group"),
    (lambda: tc.LayerNorm().build(()), r"LayerNorm: got an input of shape \(\); groups=1 must divide"),
    (lambda: tc.LayerNorm(float("nan")), "LayerNorm: eps=nan must be above 0"),
    (lambda: tc.LeakyReLU(-0.1), "LeakyReLU: slope=-0.1 must be finite and at least 0"),
    (lambda: tc.LeakyReLU(float("nan")), "LeakyReLU: slope=nan"),
    (lambda: tc.SqueezeExcite(0), "SqueezeExcite: ratio is 0"),
    (lambda: tc.SqueezeExcite(units=0), "SqueezeExcite: units is 0"),
    (lambda: tc.SqueezeExcite().build((8,)), r"SqueezeExcite: got an input of shape \(8,\); it needs at least one spatial"),
    (lambda: tc.Dropout(0.5, channels=True).build((2, 2)).forward(np.ones((1, 2, 2)), True), "Dropout: training draws a mask"),
    (lambda: tc.Dropout(1.0), "Dropout: rate=1.0 is the share that is dropped"),
    (lambda: tc.Dropout(-0.1), "Dropout: rate=-0.1"),
    (lambda: tc.Dropout(float("nan")), "Dropout: rate=nan"),
    (lambda: tc.BatchNorm(momentum=1.5), "BatchNorm: momentum=1.5"),
    (lambda: tc.BatchNorm(eps=0), "BatchNorm: .*eps=0"),
    (lambda: tc.Branches(), "Branches: got no path"),
    (lambda: tc.Branches(tc.ReLU(), merge="sum"), "Branches: merge is 'sum'"),
    (
        lambda: tc.Branches(conv(2, 3), conv(2, 3, stride=2)).build((6, 6, 1)),
        r"Branches: .* same size, got \(N, 6, 6, 2\)",
    ),
    (lambda: tc.Branches(conv(2, 3), conv(3, 3), merge="add").build((6, 6, 1)), "Branches: .* same shape"),
    (lambda: tc.Sequential(tc.Dense), "Sequential: got <class .*Dense.*; it needs layers"),
    (lambda: tc.Sequential([tc.Dense(1)]), "Sequential: got .* it needs layers"),
    (lambda: tc.Dense(1).build(4), "Dense: the input's shape is 4; give a tuple"),
    (lambda: tc.Dense(1).build((0,)), r"Dense: the input's shape is \(0,\)"),
    (lambda: tc.Dense(1).build((2,), dtype="float16"), "Dense: dtype is 'float16'; it must be float32 or float64"),
    (lambda: tc.Dropout(0.5).build((2,)).forward(np.ones((1, 2)), True), "Dropout: training draws a mask; pass rng"),
    (lambda: tc.BatchNorm().build((2,)).forward(np.ones((1, 2)), True), r"BatchNorm: .* \(1, 2\) with one value a channel"),
    (lambda: tc.Sequential(tc.ReLU(), conv(2, 9, padding=0)).build((5, 5, 1)), r"conv2d_1: the kernel spans \(9, 9\)"),
    (lambda: tc.Sequential(tc.Residual(tc.Dense(2))).build((5, 5)), "residual_1.body.dense_1: got an input"),
]


@pytest.mark.parametrize(("make", "says"), REFUSED, ids=[says[:40] for _, says in REFUSED])
def test_what_cannot_work_is_refused_and_says_what_would(make, says):
    with pytest.raises(ValueError, match=says):
        make()


def test_one_layer_object_in_two_places_is_refused():
    shared = tc.Dense(3)
    with pytest.raises(ValueError, match=r"same layer object stands at dense_1 and at residual_1\.body\.dense_1"):
        tc.Sequential(shared, tc.Residual(shared)).build((3,))


def test_one_row_is_enough_for_batch_norm_where_there_is_space():
    layer = tc.BatchNorm().build((2, 1, 3))
    assert np.isfinite(layer.forward(np.ones((1, 2, 1, 3), "float32"), True)).all()


BODIES = [
    ((7, 6, 3), [conv(5, 3)]),
    ((7, 6, 3), [conv(4, 3, stride=2)]),
    ((9, 7, 3), [conv(4, 3, stride=(3, 1))]),
    ((7, 6, 3), [conv(4, 3, padding="valid")]),
    ((7, 7, 3), [conv(4, 3, stride=2, padding="valid")]),
    ((8, 9, 3), [conv(3, 3, stride=2, padding="valid")]),
    ((9, 6, 1), [conv(4, (3, 1), padding="valid"), tc.MaxPool2D((2, 1))]),
    ((7, 6, 3), [conv(3, 1, padding=2)]),
    ((5, 5, 2), [conv(2, 2, padding=1)]),
    ((6, 4, 2), [tc.Flatten(), tc.Dense(4)]),
    ((6, 4, 2), [tc.GlobalAvgPool()]),
    ((8,), [tc.Dense(3), tc.ReLU()]),
]


@pytest.mark.parametrize(("shape", "body"), BODIES, ids=str)
def test_a_body_that_changes_the_shape_is_told_the_shortcut_to_write(shape, body, rng):
    with pytest.raises(ValueError, match=r"Residual: the body maps \(N, .* write Residual\(\.\.\., shortcut=") as caught:
        tc.Residual(*body).build(shape)
    code = str(caught.value).partition("shortcut=")[2].removesuffix(")")
    block = tc.Residual(*body, shortcut=eval(code, {"tc": tc})).build(shape)
    x = rng.standard_normal((2, *shape)).astype("float32")
    assert block.forward(x, False).shape == (2, *block.output_shape)


def test_dropout_drops_the_rate_and_keeps_the_mean(rng):
    layer, x = tc.Dropout(0.3).build((100_000,)), np.ones((1, 100_000), "float32")
    y = layer.forward(x, True, rng)
    assert (y == 0).mean() == pytest.approx(0.3, abs=0.01)
    assert set(np.unique(y)) == {0, np.float32(1 / 0.7)}
    assert np.array_equal(layer.backward(x), y)  # the same mask
    assert np.array_equal(layer.forward(x, False), x)


def test_channel_dropout_drops_channels_of_a_row_as_wholes(rng):
    layer, x = tc.Dropout(0.25, channels=True).build((3, 4, 2000)), np.ones((2, 3, 4, 2000), "float32")
    y = layer.forward(x, True, rng)
    assert np.array_equal(y, np.broadcast_to(y[:, :1, :1], y.shape))  # all positions alike
    assert (y[0] == 0).mean() == pytest.approx(0.25, abs=0.04)
    assert not np.array_equal(y[0], y[1])  # rows are not
    assert set(np.unique(y)) == {0, np.float32(1 / 0.75)}
    assert np.array_equal(layer.backward(x), y)
    assert np.array_equal(layer.forward(x, False), x)


def test_transposed_convolution_by_hand():
    """A pixel lays 1, 10, 100 down, two apart: 2 -> (2, 20, 200), 3 -> (3, 30, 300), and where they meet 203."""
    for padding, expected in (("valid", [2, 20, 203, 30, 300]), ("same", [2, 20, 203, 30]), (1, [20, 203, 30])):
        layer = tc.ConvTranspose2D(1, (3, 1), stride=(2, 1), padding=padding if padding != 1 else (1, 0)).build((2, 1, 1))
        layer.params["weight"] = np.array([1, 10, 100.0]).reshape(3, 1, 1, 1)
        layer.params["bias"] = np.zeros(1)
        y = layer.forward(np.array([2, 3], "float32").reshape(1, 2, 1, 1), False)
        assert y.ravel().tolist() == expected


def test_upsampling_padding_and_reshaping_by_hand():
    x = np.array([[1, 2], [3, 4]], "float32").reshape(1, 2, 2, 1)
    up = tc.Upsample((1, 2)).build((2, 2, 1))
    assert up.forward(x, False)[..., 0].tolist() == [[[1, 1, 2, 2], [3, 3, 4, 4]]]
    assert up.backward(np.arange(8.0).reshape(1, 2, 4, 1)).ravel().tolist() == [1, 5, 9, 13]
    pad = tc.Pad(((1, 0), (0, 2))).build((2, 2, 1))
    assert pad.forward(x, False)[..., 0].tolist() == [[[0, 0, 0, 0], [1, 2, 0, 0], [3, 4, 0, 0]]]
    assert tc.Reshape(-1).build((2, 2, 1)).forward(x, False).tolist() == [[1, 2, 3, 4]]


def test_norms_within_a_row_by_hand():
    x = np.array([1, 3, 10, 30], "float64").reshape(1, 2, 2)  # two positions of two channels
    for layer, expected in (
        (tc.LayerNorm(eps=1e-12), [-1, 1, -1, 1]),
        (tc.GroupNorm(2, eps=1e-12), [-1, -1, 1, 1]),
        (tc.GroupNorm(1, eps=1e-12), (x.ravel() - 11) / x.std()),
    ):
        layer.build((2, 2), dtype="float64")
        np.testing.assert_allclose(layer.forward(x, True).ravel(), expected, rtol=1e-9)
        layer.params["gamma"], layer.params["beta"] = np.full(2, 2.0), np.array([0.0, 5.0])
        np.testing.assert_allclose(layer.forward(x, False).ravel(), 2 * np.array(expected) + [0, 5, 0, 5], rtol=1e-9)


def test_activations_far_out_neither_overflow_nor_lose_their_limits():
    x = np.array([-3e38, -90, 0, 90, 3e38], "float32")[None]
    for layer, y, slope in (
        (tc.LeakyReLU(0.5), [-1.5e38, -45, 0, 90, 3e38], [0.5, 0.5, 0.5, 1, 1]),
        (tc.ELU(), [-1, -1, 0, 90, 3e38], [0, 0, 1, 1, 1]),
        (tc.GELU(), [0, 0, 0, 90, 3e38], [0, 0, 0.5, 1, 1]),
        (tc.SiLU(), [0, 0, 0, 90, 3e38], [0, 0, 0.5, 1, 1]),
        (tc.Tanh(), [-1, -1, 0, 1, 1], [0, 0, 1, 0, 0]),
        (tc.Softplus(), [0, 0, np.log(2), 90, 3e38], [0, 0, 0.5, 1, 1]),
    ):
        layer.build((5,))
        np.testing.assert_allclose(layer.forward(x, True), [y], rtol=1e-6, atol=1e-30)
        np.testing.assert_allclose(layer.backward(np.ones_like(x)), [slope], rtol=1e-6, atol=1e-30)


def test_squeeze_and_excitation_by_hand():
    """Means 2 and 5, one unit that sees their sum, relu(7) = 7: channel 0 is weighed by sigmoid(7), channel 1 by sigmoid(-7)."""
    block = tc.SqueezeExcite(2).build((2, 2), dtype="float64")
    squeeze, excite = (block.gate.layers[f"dense_{i}"] for i in (1, 2))
    assert (squeeze.units, excite.units) == (1, 2)
    squeeze.params["weight"], excite.params["weight"] = np.ones((2, 1)), np.array([[1.0, -1.0]])
    x = np.array([[1.0, 4], [3, 6]])[None]
    weights = 1 / (1 + np.exp([-7, 7]))
    np.testing.assert_allclose(block.forward(x, False), x * weights, rtol=1e-12)
    assert tc.SqueezeExcite().build((4, 8)).squeeze.units == 1  # 8 // 16, but at least one
    assert tc.SqueezeExcite(units=5).build((4, 8)).squeeze.units == 5


def test_multiply_adds_and_receptive_fields_by_hand():
    model = tc.Sequential(
        tc.Conv2D(4, 3, stride=2),
        tc.ConvTranspose2D(3, 3, stride=2),
        tc.Upsample(2),
        tc.Conv2D(2, 3),
        tc.LayerNorm(),
        tc.GroupNorm(2),
    ).build((8, 8, 1))
    macs = [layer.macs() for layer in model.layers.values()]
    assert macs == [16 * 9 * 4, 16 * 9 * 4 * 3, 0, 16 * 16 * 9 * 3 * 2, 0, 0]
    field, seen = ((1, 1), (1, 1)), []
    for layer in model.layers.values():
        field = layer.receptive_field(field)
        seen.append(None if field is None else int(field[0][0]))
    # 3 pixels; then one or two of those windows, 2 apart: 5; twice the same pixel; two neighbours of these at most, 1 apart: 6
    assert seen == [3, 5, 5, 6, 6, None]
    signal = tc.Sequential(tc.Conv1D(4, 3, groups=2), tc.MaxPool1D(2), tc.Conv1D(4, 3, dilation=2)).build((16, 2))
    assert [layer.macs() for layer in signal.layers.values()] == [16 * 3 * 1 * 4, 0, 8 * 3 * 4 * 4]
    assert "12" in signal.summary().splitlines()[5].split()  # 3, then 4 with neighbours 2 apart, then 4 + 4 * 2
    volume = tc.Sequential(tc.Conv3D(4, 3)).build((4, 5, 6, 2))
    assert volume.total_macs() == 4 * 5 * 6 * 27 * 2 * 4 and "3 x 3 x 3" in volume.summary()


def test_weights_start_at_the_scale_their_source_gives():
    """He: variance 2 / fan_in; Glorot: uniform within sqrt(6 / (fan_in + fan_out))."""
    weight = conv(64, 5, groups=2).build((8, 8, 32)).params["weight"]
    assert weight.std() == pytest.approx((2 / (5 * 5 * 16)) ** 0.5, rel=0.02)
    assert abs(weight.mean()) < 0.002
    dense = tc.Dense(100).build((200,))
    limit = (6 / 300) ** 0.5
    assert 0.99 * limit < abs(dense.params["weight"]).max() <= limit
    assert dense.params["weight"].std() == pytest.approx(limit / 3**0.5, rel=0.02)
    assert (dense.params["bias"] == 0).all()
    norm = tc.BatchNorm().build((3,))
    start = {**norm.params, **norm.buffers}
    assert {name: array[0] for name, array in start.items()} == {"gamma": 1, "beta": 0, "running_mean": 0, "running_var": 1}


def test_padding_may_be_a_numpy_integer(tmp_path):
    model = tc.Sequential(conv(np.int64(2), np.int32(3), padding=np.int64(1)), tc.MaxPool2D(padding=np.int8(1))).build((4, 4, 1))
    tc.save(tmp_path / "m.npz", model)
    assert tc.load(tmp_path / "m.npz").output_shape == (3, 3, 2)
