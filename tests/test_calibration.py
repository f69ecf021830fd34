"""Calibration against scikit-learn's fits, against worked numbers, and on the data that break it: perfect, constant, tiny."""

from pathlib import Path

import numpy as np
import pytest

from bcdetect import metrics
from bcdetect.calibration import KINDS, Isotonic, Platt, Temperature, reliability_bins, restore, to_log_odds
from bcdetect.calibration.isotonic import pool_adjacent_violators
from bcdetect.newton import sigmoid


@pytest.fixture(scope="module")
def golden():
    with np.load(Path(__file__).parent / "golden" / "calibration.npz", allow_pickle=False) as file:
        return dict(file)


@pytest.fixture
def too_sure(rng):
    """Log odds twice as large as they should be, and 0.5 too high; and classes."""
    z = rng.normal(0, 2, 4000)
    return 2 * z + 0.5, (rng.random(4000) < sigmoid(z)).astype(int)


def test_isotonic_agrees_with_scikit_learn_but_for_the_ends(golden):
    fitted = Isotonic.fit(golden["z"], golden["y"], golden["weight"])
    benign, malignant = (golden["weight"][golden["y"] == k].sum() for k in (0, 1))
    assert {0, 1} < set(golden["isotonic"])
    expected = golden["isotonic"].clip(1 / (benign + 2), (malignant + 1) / (malignant + 2))
    np.testing.assert_allclose(fitted.apply(golden["z"]), expected, rtol=1e-12)
    np.testing.assert_allclose(fitted.apply(golden["query"]), golden["isotonic_between"], rtol=1e-12)


def test_platt_agrees_with_scikit_learn_on_softened_targets(golden):
    fitted = Platt.fit(golden["z"], golden["y"], golden["weight"])
    assert (fitted.slope, fitted.intercept) == pytest.approx((float(golden["slope"]), float(golden["intercept"])), rel=1e-8)


def test_temperature_agrees_with_scipy_on_softened_targets(golden):
    fitted = Temperature.fit(golden["many_z"], golden["many_y"])
    assert fitted.temperature == pytest.approx(float(golden["temperature"]), rel=1e-7)


def test_pooling_by_hand():
    heights, lengths = pool_adjacent_violators(np.array([0.1, 0.5, 0.3, 0.2, 0.9]), np.array([1.0, 1, 1, 2, 1]))
    assert lengths.tolist() == [1, 3, 1]
    assert heights == pytest.approx([0.1, (0.5 + 0.3 + 2 * 0.2) / 4, 0.9])


def test_a_staircase_by_hand():
    # Scores 1, 2, 3, 4 with classes 0, 1, 0, 1: stairs 0, 1/2 (2 and 3), 1; held back to 1/4 and 3/4.
    fitted = Isotonic.fit([1, 2, 3, 4], [0, 1, 0, 1])
    assert fitted.scores.tolist() == [1, 2, 3, 4]
    assert fitted.apply([0, 1, 1.5, 2, 2.5, 3, 4, 9]) == pytest.approx([0.25, 0.25, 0.375, 0.5, 0.5, 0.5, 0.75, 0.75])


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_what_was_too_sure_is_right_afterwards(too_sure, kind):
    z, y = too_sure
    fitted = KINDS[kind].fit(z[:2000], y[:2000])
    before, after = sigmoid(z[2000:]), fitted.apply(z[2000:])
    assert metrics.log_loss(y[2000:], after) < metrics.log_loss(y[2000:], before) - 0.05
    assert metrics.expected_calibration_error(y[2000:], after) < 0.06 < metrics.expected_calibration_error(y[2000:], before)
    assert metrics.roc_auc_score(y[2000:], after) == pytest.approx(metrics.roc_auc_score(y[2000:], before), abs=0.005)


def test_temperature_and_platt_find_what_was_done(too_sure):
    z, y = too_sure
    assert Temperature.fit(z - 0.5, y).temperature == pytest.approx(2, rel=0.1)
    line = Platt.fit(z, y)
    assert (line.slope, line.intercept) == pytest.approx((0.5, -0.25), abs=0.06)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_the_state_makes_it_again(too_sure, kind):
    z, y = too_sure
    fitted = KINDS[kind].fit(z, y)
    state = fitted.state()
    assert all(isinstance(array, np.ndarray) and array.dtype == np.float64 for array in state.values())
    np.testing.assert_array_equal(restore(kind, state).apply(z), fitted.apply(z))


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_whole_weight_is_that_many_rows_alike(rng, too_sure, kind):
    z, y = (array[:200] for array in too_sure)
    weight = rng.integers(0, 4, 200)
    weighted, repeated = KINDS[kind].fit(z, y, weight), KINDS[kind].fit(np.repeat(z, weight), np.repeat(y, weight))
    np.testing.assert_allclose(weighted.apply(z), repeated.apply(z), rtol=1e-8)


@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize("rows", [2, 40])
def test_a_perfect_validation_part_does_not_make_it_certain(kind, rows):
    y = np.repeat([0, 1], rows // 2)
    z = np.where(y == 1, 3.0, -3.0) + np.linspace(-1, 1, rows)
    p = KINDS[kind].fit(z, y).apply([-4, 0, 4])
    laplace = (rows / 2 + 1) / (rows / 2 + 2)
    assert 1 - p[0] == pytest.approx(p[2], abs=0.01) and laplace - 0.08 < p[2] < laplace + 0.05
    assert 0.2 < p[1] < 0.8


@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize("size", [1e-8, 1.0, 1e3])
def test_no_scale_of_scores_breaks_it(too_sure, kind, size):
    z, y = too_sure
    p = KINDS[kind].fit(size * z, y).apply(size * z)
    assert np.isfinite(p).all() and p.min() >= 0 and p.max() <= 1


def test_a_constant_score_is_the_share_of_malignant():
    z, y = np.full(30, 1.7), np.repeat([0, 1], [20, 10])
    assert Platt.fit(z, y).apply(z)[0] == pytest.approx((20 / 22 + 10 * 11 / 12) / 30, abs=0.25)
    assert Isotonic.fit(z, y).apply(z)[0] == pytest.approx(1 / 3)
    assert Temperature.fit(np.zeros(30), y).temperature == 1


def test_scores_that_point_the_wrong_way():
    z, y = np.linspace(-2, 2, 40), np.repeat([1, 0], 20)
    assert Temperature.fit(z, y).temperature == pytest.approx(20)
    assert Platt.fit(z, y).slope < 0
    p = Isotonic.fit(z, y).apply(z)
    assert p == pytest.approx(np.full(40, 0.5))


def test_many_classes_keep_their_likeliest(rng):
    y = rng.integers(0, 3, 300)
    p = rng.dirichlet([1, 1, 1], 300).astype(np.float32)
    z = to_log_odds(p)
    fitted = Temperature.fit(z, y)
    after = fitted.apply(z)
    np.testing.assert_array_equal(after.argmax(axis=1), p.argmax(axis=1))
    assert after.sum(axis=1) == pytest.approx(np.ones(300))
    assert fitted.temperature > 3  # chance answers are worth nothing


def test_one_column_and_two_are_calibrated_alike(rng):
    y, p = rng.integers(0, 2, 200), rng.random(200)
    one, two = to_log_odds(p), to_log_odds(np.stack([1 - p, p], axis=1))
    assert Temperature.fit(one, y).temperature == pytest.approx(Temperature.fit(two, y).temperature, rel=1e-9)
    fitted = Temperature(2.5)
    np.testing.assert_allclose(fitted.apply(one), fitted.apply(two)[:, 1], rtol=1e-12)


def test_probabilities_of_0_and_1_have_finite_log_odds():
    for dtype in (np.float32, np.float64):
        assert np.isfinite(to_log_odds(np.array([0, 1], dtype))).all()
        assert np.isfinite(to_log_odds(np.array([[0, 1], [1, 0]], dtype))).all()


@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize(
    ("z", "y", "weight"),
    [
        ([], [], None),
        ([0.1, 0.2], [1, 1], None),
        ([0.1, 0.2], [0, 1], [1, 0]),
        ([0.1, np.nan], [0, 1], None),
        ([0.1, 0.2], [0, 2], None),
        ([0.1, 0.2], [0], None),
        ([0.1, 0.2], [0, 1], [1, -1]),
    ],
)
def test_what_cannot_be_calibrated_on_is_refused(kind, z, y, weight):
    with pytest.raises(ValueError):
        KINDS[kind].fit(z, y, weight)


@pytest.mark.parametrize("kind", ["platt", "isotonic"])
def test_these_are_for_two_classes(kind):
    with pytest.raises(ValueError, match="one score a row"):
        KINDS[kind].fit(np.zeros((3, 3)), [0, 1, 2])


@pytest.mark.parametrize(
    ("kind", "state"),
    [
        ("none", {}),
        ("temperature", {}),
        ("temperature", {"temperature": 0}),
        ("temperature", {"temperature": np.nan}),
        ("platt", {"slope": 1, "intercept": np.inf}),
        ("isotonic", {"scores": [], "probabilities": []}),
        ("isotonic", {"scores": [0, 1], "probabilities": [0.5, 0.4]}),
        ("isotonic", {"scores": [1, 0], "probabilities": [0.4, 0.5]}),
        ("isotonic", {"scores": [0], "probabilities": [1.5]}),
    ],
)
def test_numbers_that_no_fit_gives_are_refused(kind, state):
    with pytest.raises(ValueError):
        restore(kind, {name: np.array(value, float) for name, value in state.items()})


def test_bins_of_a_reliability_diagram_by_hand():
    bins = reliability_bins([0, 0, 0, 1], [0.1, 0.1, 0.8, 0.8])
    assert [(b["from"], b["to"], b["rows"]) for b in bins] == [(0, pytest.approx(0.1), 2), (pytest.approx(0.7), 0.8, 2)]
    assert bins[1]["observed"] == 0.5 and bins[1]["low"] < 0.1 and bins[1]["high"] > 0.9
    assert bins[0]["predicted"] == pytest.approx(0.1) and bins[0]["low"] == 0
