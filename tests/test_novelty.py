"""Rows unlike the training data: found, at the stated rate of false alarms, and with a reason."""

from pathlib import Path

import numpy as np
import pytest

from bcdetect.novelty import FeatureDistance, FeatureRange, shrunk_covariance


def test_a_range_by_hand():
    fitted = FeatureRange.fit([[0, 10], [10, 20]], margin=0.1)
    assert (fitted.low.tolist(), fitted.high.tolist()) == ([-1, 9], [11, 21])
    assert fitted.outside([[-1, 21], [11.1, 8]]).tolist() == [[False, False], [True, True]]
    inside, out = fitted.reasons([[5, 15], [12, 15]], ["radius", "texture"])
    assert inside is None
    assert out == "unlike the training data: radius is 12, beyond -1 to 11"


def test_many_features_out_of_range_are_counted():
    fitted = FeatureRange.fit(np.zeros((2, 5)))
    (reason,) = fitted.reasons(np.ones((1, 5)), list("abcde"))
    assert reason.endswith("c is 1, beyond 0 to 0, and 2 more")


def test_values_that_are_missing_are_not_out_of_range():
    fitted = FeatureRange.fit([[np.nan, np.nan], [1, np.nan], [3, np.nan]], margin=0)
    assert fitted.outside([[np.nan, 1e9], [0, -5]]).tolist() == [[False, False], [True, False]]


def test_shrinkage_agrees_with_scikit_learn():
    with np.load(Path(__file__).parent / "golden" / "calibration.npz", allow_pickle=False) as golden:
        np.testing.assert_allclose(shrunk_covariance(golden["features"]), golden["covariance"], rtol=1e-10)


@pytest.fixture
def fitted_and_rows(rng):
    mix = rng.normal(size=(6, 6))

    def rows(count, shift=0.0):
        y = rng.integers(0, 2, count)
        return (rng.normal(size=(count, 6)) + 3 * y[:, None] + shift) @ mix, y

    x, y = rows(500)
    return FeatureDistance.fit(x, y, rows(400)[0], false_alarms=0.05), rows


def test_false_alarms_are_as_rare_as_stated_and_strangers_are_found(fitted_and_rows):
    fitted, rows = fitted_and_rows
    assert fitted.outside(rows(4000)[0]).mean() == pytest.approx(0.05, abs=0.03)
    assert fitted.outside(rows(200, shift=-8.0)[0]).mean() > 0.95


def test_the_distance_is_in_standard_deviations_whatever_the_units(rng):
    x, y = rng.normal(size=(5000, 3)) * [1, 100, 0.01], np.zeros(5000)
    fitted = FeatureDistance.fit(x / x.std(axis=0), y, x[:10] / x.std(axis=0))
    centre = fitted.means[0]
    assert fitted.distance(centre + np.array([[0, 0, 0], [3, 0, 0], [0, 0, 4]])) == pytest.approx([0, 3, 4], rel=0.05, abs=1e-9)


def test_the_nearest_class_counts(rng):
    x = np.concatenate([rng.normal(0, 1, (100, 2)), rng.normal(50, 1, (100, 2))])
    fitted = FeatureDistance.fit(x, np.repeat([0, 1], 100), x)
    assert fitted.outside([[0, 0], [50, 50], [25, 25]]).tolist() == [False, False, True]
    near, far = fitted.reasons([[0, 0], [25, 25]])
    assert near is None and far.startswith("unlike the training data: at distance ")


@pytest.mark.parametrize("shape", [(5, 40), (30, 4)])
def test_more_features_than_rows_and_features_that_never_vary(rng, shape):
    x = rng.normal(size=shape)
    x[:, 1] = 7.0
    fitted = FeatureDistance.fit(x, np.zeros(len(x)), x)
    assert np.isfinite(fitted.distance(x)).all()
    strange = x[:1].copy()
    strange[0, 1] = 1e4
    assert fitted.outside(strange).all()


def test_rows_that_are_all_equal_still_give_distances():
    fitted = FeatureDistance.fit(np.ones((4, 2)), np.zeros(4), np.ones((4, 2)))
    assert fitted.distance([[1, 1], [4, 5]]) == pytest.approx([0, 5])


def test_a_row_that_is_not_finite_is_unlike_anything(fitted_and_rows):
    fitted, rows = fitted_and_rows
    x = rows(2)[0]
    x[0, 3] = np.nan
    assert fitted.outside(x)[0]
    assert fitted.reasons(x)[0] == "unlike the training data: its features are not finite"


def test_a_rows_distance_does_not_depend_on_its_neighbours(fitted_and_rows):
    fitted, rows = fitted_and_rows
    x = rows(64)[0]
    alone = np.concatenate([fitted.distance(x[i : i + 1]) for i in range(64)])
    np.testing.assert_array_equal(fitted.distance(x), alone)


def test_the_states_make_them_again(fitted_and_rows):
    fitted, rows = fitted_and_rows
    x = rows(20)[0]
    np.testing.assert_array_equal(FeatureDistance(**fitted.state()).distance(x), fitted.distance(x))
    assert FeatureDistance(**fitted.state()).limit == fitted.limit
    limits = FeatureRange.fit(x)
    np.testing.assert_array_equal(FeatureRange(**limits.state()).outside(2 * x), limits.outside(2 * x))


def test_what_cannot_be_fitted_is_refused(rng):
    x = rng.normal(size=(4, 2))
    for rows, y, validation, rate in (
        (x[:0], [], x, 0.01),
        (x, np.zeros(4), x[:0], 0.01),
        (x, np.zeros(3), x, 0.01),
        (x, np.zeros(4), x, 0),
        (x * np.nan, np.zeros(4), x, 0.01),
        (x[0], np.zeros(2), x, 0.01),
    ):
        with pytest.raises(ValueError):
            FeatureDistance.fit(rows, y, validation, rate)


@pytest.mark.parametrize(
    "wrong",
    [
        {"means": [[0, 0]], "whitening": [[1.0]], "limit": 1},
        {"means": [[0, 0]], "whitening": [[1, 0], [0, np.inf]], "limit": 1},
        {"means": [[0, 0]], "whitening": np.eye(2), "limit": np.nan},
    ],
)
def test_numbers_that_no_fit_gives_are_refused(wrong):
    with pytest.raises(ValueError):
        FeatureDistance(**wrong)
    with pytest.raises(ValueError):
        FeatureRange([1, 2], [0, 3])


def test_a_value_just_beyond_its_range_is_not_written_as_the_end_of_it():
    ranges = FeatureRange.fit([[3.3, 1000.0], [3.3, 2000.0]], margin=0.0)
    assert ranges.reasons([[3.3, 2000.25]], ("a", "b")) == ["unlike the training data: b is 2000.2, beyond 1000 to 2000"]
    (reason,) = ranges.reasons([[3.3 + 1e-12, 1500]], ("a", "b"))
    value, low = reason.removeprefix("unlike the training data: a is ").split(", beyond ")
    assert value != low.split(" to ")[1]
