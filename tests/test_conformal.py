"""Prediction sets: limits by hand, coverage as stated, and the reasons that people read."""

import numpy as np
import pytest

from bcdetect.conformal import Conformal

NAMES = ("benign", "malignant")


def draw(rng, rows, share=0.3):
    """Classes and calibrated probabilities of malignant."""
    y = (rng.random(rows) < share).astype(int)
    z = rng.normal(2.0 * y - 1.0, 1.0)
    return y, 1 / (1 + np.exp(-z))


def test_limits_by_hand():
    # Nine rows, error rate 0.2: the 8th smallest of 1 - p(true class).
    p = np.linspace(0.1, 0.9, 9)
    fitted = Conformal.fit(p, np.ones(9, int), 0.2, by_class=False)
    assert fitted.limits == pytest.approx([0.8, 0.8])
    assert fitted.sets([0.1, 0.3, 0.95]).tolist() == [[True, False], [True, True], [False, True]]
    assert fitted.refer([0.1, 0.3, 0.95]).tolist() == [False, True, False]


def test_class_by_class_each_has_its_own_limit():
    y, p = np.repeat([0, 1], 9), np.concatenate([np.linspace(0.05, 0.45, 9), np.linspace(0.1, 0.9, 9)])
    fitted = Conformal.fit(p, y, 0.2)
    assert fitted.limits == pytest.approx([0.4, 0.8])
    assert fitted.rows.tolist() == [9, 9]


@pytest.mark.parametrize("error_rate", [0.05, 0.1, 0.2])
def test_sets_hold_the_true_class_as_often_as_stated_in_each_class(rng, error_rate):
    held = np.zeros((200, 2))
    for trial in range(200):
        y, p = draw(rng, 400)
        new_y, new_p = draw(rng, 400)
        sets = Conformal.fit(p, y, error_rate).sets(new_p)
        held[trial] = [sets[new_y == k, k].mean() for k in (0, 1)]
    # On average from 1 - error rate to 1 / (n + 1) more, n being about 280 and 120.
    assert held.mean(axis=0) == pytest.approx(1 - error_rate, abs=0.015)


def test_one_limit_for_all_leaves_the_errors_to_the_rare_class(rng):
    y, p = draw(rng, 20_000, share=0.1)
    new_y, new_p = draw(rng, 20_000, share=0.1)
    p, new_p = 0.6 * p, 0.6 * new_p  # malignant looks improbable
    whole = Conformal.fit(p, y, 0.1, by_class=False).sets(new_p)
    assert whole[np.arange(20_000), new_y].mean() == pytest.approx(0.9, abs=0.01)
    assert whole[new_y == 1, 1].mean() < 0.5
    apart = Conformal.fit(p, y, 0.1).sets(new_p)
    assert apart[new_y == 1, 1].mean() == pytest.approx(0.9, abs=0.02)


def test_too_few_rows_leave_a_class_in_every_set_and_say_so():
    y, p = np.repeat([0, 1], [30, 18]), np.repeat([0.1, 0.9], [30, 18])
    fitted = Conformal.fit(p, y, 0.05)
    assert fitted.sets(np.array([0.0, 0.5]))[:, 1].all()
    (warning,) = fitted.warnings(NAMES)
    assert warning == "malignant is in every set: 18 validation rows are too few for an error rate of 0.05, which takes 19"
    assert Conformal.fit(np.append(p, 0.9), np.append(y, 1), 0.05).warnings(NAMES) == []
    assert len(Conformal.fit(np.empty(0), np.empty(0), 0.05).warnings(NAMES)) == 2


def test_reasons_name_the_classes():
    fitted = Conformal(0.05, [0.4, 0.3], [100, 100])
    alone, none, sure = fitted.reasons([0.65, 0.66, 0.9], NAMES)
    assert alone == none == "uncertain: refer. No class is likely enough at an error rate of 0.05"
    assert sure is None
    both = Conformal(0.05, [0.8, 0.8], [100, 100]).reasons([0.5], NAMES)
    assert both == ["uncertain: refer. It could be benign or malignant at an error rate of 0.05"]


def test_many_classes(rng):
    y = rng.integers(0, 3, 3000)
    p = rng.dirichlet([1, 1, 1], 3000)
    p = p * (1 + 4 * np.eye(3)[y])
    p /= p.sum(axis=1, keepdims=True)
    fitted = Conformal.fit(p[:1500], y[:1500], 0.1)
    sets = fitted.sets(p[1500:])
    for k in range(3):
        assert sets[y[1500:] == k, k].mean() == pytest.approx(0.9, abs=0.05)
    np.testing.assert_array_equal(fitted.refer(p[1500:]), sets.sum(axis=1) != 1)


def test_the_state_makes_it_again(rng):
    y, p = draw(rng, 300)
    fitted = Conformal.fit(p.astype(np.float32), y)
    again = Conformal(**fitted.state())
    np.testing.assert_array_equal(again.sets(p), fitted.sets(p))
    assert again.warnings(NAMES) == fitted.warnings(NAMES)


@pytest.mark.parametrize(
    "wrong",
    [
        {"error_rate": 0, "limits": [0.5, 0.5], "rows": [9, 9]},
        {"error_rate": 0.1, "limits": [0.5, np.nan], "rows": [9, 9]},
        {"error_rate": 0.1, "limits": [0.5, 1.5], "rows": [9, 9]},
        {"error_rate": 0.1, "limits": [0.5, 0.5], "rows": [9]},
    ],
)
def test_numbers_that_no_fit_gives_are_refused(wrong):
    with pytest.raises(ValueError):
        Conformal(**wrong)


@pytest.mark.parametrize(("p", "y"), [([0.5], [2]), ([0.5], [0, 1]), ([1.5], [0]), ([np.nan], [0]), ([[[0.5]]], [0])])
def test_what_cannot_be_fitted_is_refused(p, y):
    with pytest.raises(ValueError):
        Conformal.fit(p, y)
