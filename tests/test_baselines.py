"""The baselines: what every number of the network stands beside must itself be beyond doubt."""

from pathlib import Path

import numpy as np
import pytest

from bcdetect import baselines
from bcdetect.baselines import Logistic, majority
from bcdetect.datasets.wisconsin import load_wisconsin
from bcdetect.preprocessing import Standardiser


@pytest.fixture(scope="module")
def golden():
    """Made by golden/make_logistic.py with scikit-learn."""
    return np.load(Path(__file__).parent / "golden" / "logistic.npz")


@pytest.fixture(scope="module")
def wisconsin():
    data = load_wisconsin()
    rows = np.arange(len(data.y))
    return Standardiser.fit(data, rows).flat(data, rows), data.y


def test_two_classes_are_scikit_learns_on_the_wisconsin_data(golden, wisconsin):
    model = Logistic(*wisconsin, 2)
    weight, bias = (parameter.value for parameter in model.model.parameters())
    assert model.converged and np.abs(golden["weight"]).max() > 1
    np.testing.assert_allclose(weight, golden["weight"], rtol=0, atol=1e-4)
    np.testing.assert_allclose(bias, golden["bias"], rtol=0, atol=1e-4)
    p = model.predict_proba(wisconsin[0])
    expected = 1 / (1 + np.exp(-(wisconsin[0] @ golden["weight"] + golden["bias"])))
    np.testing.assert_allclose(p, np.hstack([1 - expected, expected]), atol=1e-5)


def test_three_classes_are_scikit_learns(golden):
    model = Logistic(golden["x3"], golden["y3"], 3)
    weight, bias = (parameter.value for parameter in model.model.parameters())
    assert model.converged
    np.testing.assert_allclose(weight, golden["weight3"], rtol=0, atol=1e-4)
    np.testing.assert_allclose(bias, golden["bias3"], rtol=0, atol=1e-4)
    np.testing.assert_allclose(model.predict_proba(golden["x3"]), golden["probabilities3"], rtol=0, atol=1e-4)


def test_a_fit_cut_short_says_that_it_did_not_converge(wisconsin, monkeypatch):
    monkeypatch.setattr(baselines, "MOMENTUM_STEPS", 5)
    model = Logistic(*wisconsin, 2)
    assert not model.converged and model.steps == 5


def test_a_row_does_not_depend_on_its_neighbours(wisconsin):
    x, y = wisconsin
    model = Logistic(x[:60], y[:60], 2)
    together = model.predict_proba(x)
    np.testing.assert_array_equal(together[:7], np.concatenate([model.predict_proba(x[i : i + 1]) for i in range(7)]))


def test_the_majority_class_is_told_by_the_training_part():
    p = majority(np.array([1, 1, 0, 1]), 2, 3)
    np.testing.assert_array_equal(p, [[0.25, 0.75]] * 3)
    assert majority(np.array([0, 2]), 4, 1).tolist() == [[0.5, 0, 0.5, 0]]
