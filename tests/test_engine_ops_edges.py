"""Ops at their edges: ties, NaN and infinity, many taps, numbers far from zero."""

import numpy as np
import pytest

import tinycnn as tc
from tinycnn import ops
from tinycnn.ops import numpy as reference
from tinycnn.ops import place_window


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_max_pool_takes_the_first_of_equals_and_a_nan_wins(backend):
    x = np.array([[[1, 1, 5, np.nan], [1, 1, np.nan, 7]]]).reshape(1, 2, 4, 1)
    window = place_window((2, 4), (2, 2), (2, 2), (1, 1), 0)
    with tc.backend(backend):
        y, winner = ops.max_pool(x, window)
        assert y[0, 0, 0, 0] == 1
        assert np.isnan(y[0, 0, 1, 0])
        assert winner.ravel().tolist() == [0, 1]
        back = ops.max_pool_backward(np.array([[[[10.0], [20.0]]]]), winner, (2, 4), window)
    assert back.ravel().tolist() == [10, 0, 0, 20, 0, 0, 0, 0]


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_max_pool_of_minus_infinity_is_minus_infinity(backend):
    x = np.full((1, 2, 2, 1), -np.inf, "float32")
    window = place_window((2, 2), (2, 2), (1, 1), (1, 1), 1)
    with tc.backend(backend):
        y, winner = ops.max_pool(x, window)
        assert (y == -np.inf).all()
        assert np.isfinite(ops.max_pool_backward(np.ones_like(y), winner, (2, 2), window)).all()


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_padding_never_wins_a_max_pool_of_negative_numbers(backend):
    x = -np.arange(1.0, 5).reshape(1, 2, 2, 1)
    window = place_window((2, 2), (3, 3), (2, 2), (1, 1), 1)
    with tc.backend(backend):
        assert ops.max_pool(x, window)[0].ravel().tolist() == [-1]


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_more_than_256_taps_keep_their_winner(backend):
    x = np.zeros((1, 20, 20, 1))
    x[0, 17, 19, 0] = 1
    window = place_window((20, 20), (20, 20), (1, 1), (1, 1), 0)
    with tc.backend(backend):
        _, winner = ops.max_pool(x, window)
        back = ops.max_pool_backward(np.ones((1, 1, 1, 1)), winner, (20, 20), window)
    assert np.array_equal(back, x)


@pytest.mark.parametrize("backend", ["numpy", "numba"])
def test_batch_statistics_hold_their_digits_far_from_zero(backend, rng):
    x = (1e4 + rng.standard_normal((20_000, 2))).astype("float32")
    with tc.backend(backend):
        mean, variance = ops.batch_statistics(x)
    np.testing.assert_allclose(mean, x.mean(axis=0, dtype="float64"), rtol=1e-7)
    np.testing.assert_allclose(variance, x.var(axis=0, dtype="float64"), rtol=1e-4)


def test_sigmoid_and_softmax_do_not_overflow():
    x = np.array([[-1e4, -100, 0, 100, 1e4]], "float32")
    assert reference.sigmoid(x)[0].tolist() == [0, pytest.approx(np.exp(-100), rel=1e-5), 0.5, 1, 1]
    assert reference.softmax(x)[0].tolist() == [0, 0, 0, 0, 1]


def test_relu_lets_a_nan_through():
    assert np.isnan(reference.relu(np.array([np.nan]))[0])
