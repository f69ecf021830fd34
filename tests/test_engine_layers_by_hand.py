"""Layers whose answers a person can work out, or whose randomness has a known scale."""

import numpy as np
import pytest

import tinycnn as tc

conv = tc.Conv2D


def test_one_row_is_enough_for_batch_norm_where_there_is_space():
    layer = tc.BatchNorm().build((2, 1, 3))
    assert np.isfinite(layer.forward(np.ones((1, 2, 1, 3), "float32"), True)).all()


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
