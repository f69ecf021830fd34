"""Scores of a part: numbers a person can work out by hand, intervals, and reasons for what is undefined."""

import json
import math

import numpy as np
import pytest

from bcdetect.intervals import auc_interval, intercept_interval, slope_interval, stratified_bootstrap
from bcdetect.metrics import f1_score
from bcdetect.scores import score_part

pytestmark = pytest.mark.usefixtures("all_resamples")


def test_scores_of_two_classes_worked_by_hand():
    # Reference: 6 negative, 4 positive. Called: TN 5, FP 1, FN 1, TP 3.
    y_true = np.array([0, 0, 0, 0, 0, 0, 1, 1, 1, 1])
    y_pred = np.array([0, 0, 0, 0, 0, 1, 0, 1, 1, 1])
    positive = np.array([0.1, 0.2, 0.25, 0.3, 0.35, 0.6, 0.4, 0.7, 0.8, 0.9])
    scores = score_part(y_true, np.column_stack([1 - positive, positive]), y_pred, ("benign", "malignant"))
    values = {name: entry["value"] for name, entry in scores.items()}
    expected = {"accuracy": 8 / 10, "sensitivity": 3 / 4, "specificity": 5 / 6, "precision": 3 / 4, "f1": 3 / 4}
    expected |= {"balanced_accuracy": 19 / 24, "negative_predictive_value": 5 / 6, "matthews_correlation": 14 / 24}
    expected["roc_auc"] = 23 / 24  # 24 pairs, one of them the wrong way round
    expected |= {"average_precision": (1 + 1 + 1 + 4 / 5) / 4, "brier": (0.685 + 0.5) / 10, "expected_calibration_error": 0.23}
    for name, value in expected.items():
        assert values.pop(name) == pytest.approx(value), name
    assert set(values) == {"log_loss", "calibration_slope", "calibration_intercept"}
    # Wilson for 8 of 10: (8 + 1.9208 -+ 1.96 sqrt(1.6 + .9604)) / 13.8415
    assert (scores["accuracy"]["low"], scores["accuracy"]["high"]) == pytest.approx((0.4902, 0.9433), abs=1e-4)
    assert (scores["sensitivity"]["low"], scores["sensitivity"]["high"]) == pytest.approx((0.3006, 0.9544), abs=1e-4)
    for name in ("balanced_accuracy", "f1", "roc_auc"):
        assert scores[name]["low"] < scores[name]["value"] <= scores[name]["high"] <= 1


def test_a_bootstrap_draws_2000_times(rng):
    y_true = np.repeat([0, 1], (70, 40))
    positive = np.clip(0.4 * y_true + 0.7 * rng.random(110), 0, 1)
    y_pred = (positive >= 0.5).astype(int)
    found = score_part(y_true, np.column_stack([1 - positive, positive]), y_pred, ("benign", "malignant"))["f1"]
    assert (found["low"], found["high"]) == stratified_bootstrap(y_true, y_pred, f1_score, resamples=2000)
    assert (found["low"], found["high"]) != stratified_bootstrap(y_true, y_pred, f1_score, resamples=100)


def test_scores_of_three_classes_worked_by_hand():
    y_true = np.array([0, 0, 1, 1, 1, 2])
    y_pred = np.array([0, 1, 1, 1, 1, 0])
    scores = score_part(y_true, np.eye(3)[y_pred] * 0.8 + 0.2 / 3, y_pred, "abc")
    values = {name: entry["value"] for name, entry in scores.items()}
    assert values["accuracy"] == pytest.approx(4 / 6) and values["balanced_accuracy"] == pytest.approx(1 / 2)
    assert [values[f"sensitivity of {k}"] for k in "abc"] == pytest.approx([1 / 2, 1, 0])
    assert values["macro_f1"] == pytest.approx((1 / 2 + 6 / 7 + 0) / 3)


def test_what_is_undefined_is_none_and_stays_json():
    y = np.array([0, 0, 0, 1, 1])
    p = np.tile([0.8, 0.2], (5, 1))
    scores = score_part(y, p, np.zeros(5, int), ("benign", "malignant"))
    assert scores["precision"] == {"value": None, "low": None, "high": None, "why": "no row is called malignant"}
    assert scores["sensitivity"]["value"] == 0 and scores["roc_auc"]["value"] == 0.5
    json.dumps(scores, allow_nan=False)


def test_with_groups_every_interval_is_over_whole_groups(rng):
    y = np.repeat(rng.integers(0, 2, 20), 10)
    p = np.where(np.repeat(rng.random(20) < 0.7, 10), y, 1 - y) * 0.8 + 0.1
    probabilities, predicted = np.column_stack([1 - p, p]), (p > 0.5).astype(int)
    rows = score_part(y, probabilities, predicted, "ab")
    groups = score_part(y, probabilities, predicted, "ab", np.repeat(np.arange(20), 10))
    for name in rows:
        assert groups[name]["value"] == pytest.approx(rows[name]["value"])
        if name == "expected_calibration_error":
            assert groups[name]["low"] is rows[name]["low"] is None
            continue
        assert groups[name]["high"] - groups[name]["low"] > rows[name]["high"] - rows[name]["low"]


def test_every_undefined_score_says_why_and_no_defined_one_does():
    y = np.array([0, 0, 0])
    scores = score_part(y, np.tile([0.9, 0.1], (3, 1)), y, ("benign", "malignant"))
    why = {name: entry["why"] for name, entry in scores.items() if entry["value"] is None}
    assert why["sensitivity"] == why["roc_auc"] == "no row is malignant"
    assert why["precision"] == "no row is called malignant" and why["matthews_correlation"] == "every row is benign"
    assert all("why" not in entry for name, entry in scores.items() if name not in why)
    assert scores["specificity"]["value"] == 1 and scores["brier"]["value"] == pytest.approx(0.01)


def test_the_aucs_interval_is_delongs_and_no_point_where_all_is_in_order():
    y = np.repeat([0, 1], [20, 10])
    p = np.linspace(0.05, 0.95, 30)
    scores = score_part(y, np.column_stack([1 - p, p]), (p > 0.5).astype(int), "ab")
    assert (scores["roc_auc"]["value"], scores["roc_auc"]["high"]) == (1, 1)
    assert scores["roc_auc"]["low"] == auc_interval(y, p)[0] == pytest.approx(0.025 ** (1 / 10))
    assert scores["calibration_slope"]["why"] == "a threshold separates a from b, so that any steep slope fits"


def test_the_slopes_interval_is_woolfs_where_there_are_two_probabilities():
    # 30 rows at .2, 12 of them malignant; 20 at .8, 15 malignant: the line goes through both observed log odds.
    y = np.repeat([1, 0, 1, 0], [12, 18, 15, 5])
    p = np.repeat([0.2, 0.8], [30, 20])
    apart = 2 * math.log(4)
    slope = (math.log(15 / 5) - math.log(12 / 18)) / apart
    margin = 1.959964 * math.sqrt(1 / 12 + 1 / 18 + 1 / 15 + 1 / 5) / apart
    assert slope_interval(y, p) == pytest.approx((slope - margin, slope + margin), abs=1e-5)
    assert all(math.isnan(n) for n in slope_interval(y[:12], p[:12]))


def test_the_intercepts_interval_is_that_of_one_log_odds_where_there_is_one_probability():
    y = np.repeat([1, 0], [12, 18])
    margin = 1.959964 * math.sqrt(1 / 12 + 1 / 18)
    low, high = intercept_interval(y, np.full(30, 0.5))
    assert (low, high) == pytest.approx((math.log(12 / 18) - margin, math.log(12 / 18) + margin), abs=1e-5)
    assert all(math.isnan(n) for n in intercept_interval(y[:12], np.full(12, 0.5)))
