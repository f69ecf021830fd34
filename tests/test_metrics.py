"""Every metric against scikit-learn's numbers, numbers worked by hand, and what must not change it."""

import math
from pathlib import Path

import numpy as np
import pytest

from bcdetect import metrics

PREDICTED = [
    "accuracy_score",
    "balanced_accuracy_score",
    "f1_score",
    "precision_score",
    "sensitivity",
    "specificity",
]
SCORED = ["brier_score_loss", "log_loss", "roc_auc_score"]
MANY_PREDICTED = ["accuracy_score", "balanced_accuracy_score", "macro_f1_score"]
MANY_SCORED = ["log_loss", "macro_auc_score"]
TABLES = ["confusion_matrix", "roc_curve"]


@pytest.fixture(scope="module")
def golden():
    with np.load(Path(__file__).parent / "golden" / "metrics.npz", allow_pickle=False) as file:
        return dict(file)


@pytest.fixture
def rng():
    return np.random.default_rng(7)


def test_every_public_metric_is_listed_here():
    assert sorted({*PREDICTED, *SCORED, *MANY_PREDICTED, *MANY_SCORED, *TABLES}) == metrics.__all__


@pytest.mark.parametrize("name", PREDICTED)
def test_predicted_labels_agree_with_scikit_learn(golden, name):
    assert getattr(metrics, name)(golden["y_true"], golden["y_pred"]) == pytest.approx(golden[name], rel=1e-12)


@pytest.mark.parametrize("name", SCORED)
def test_scores_agree_with_scikit_learn(golden, name):
    assert getattr(metrics, name)(golden["y_true"], golden["y_score"]) == pytest.approx(golden[name], rel=1e-12)


@pytest.mark.parametrize("name", MANY_PREDICTED)
def test_predicted_labels_of_many_classes_agree_with_scikit_learn(golden, name):
    value = getattr(metrics, name)(golden["many_true"], golden["many_pred"], classes=4)
    assert value == pytest.approx(golden[f"many_{name}"], rel=1e-12)


@pytest.mark.parametrize("name", MANY_SCORED)
def test_scores_of_many_classes_agree_with_scikit_learn(golden, name):
    value = getattr(metrics, name)(golden["many_true"], golden["many_score"])
    assert value == pytest.approx(golden[f"many_{name}"], rel=1e-12)


def test_tables_agree_with_scikit_learn(golden):
    np.testing.assert_array_equal(metrics.confusion_matrix(golden["y_true"], golden["y_pred"]), golden["confusion_matrix"])
    many = metrics.confusion_matrix(golden["many_true"], golden["many_pred"], classes=4)
    np.testing.assert_array_equal(many, golden["many_confusion_matrix"])
    curve = np.stack(metrics.roc_curve(golden["y_true"], golden["y_score"]))
    np.testing.assert_allclose(curve, golden["roc_curve"], rtol=1e-12)


def test_by_hand():
    y_true = [0, 0, 0, 0, 0, 1, 1, 1]
    y_pred = [0, 0, 0, 0, 1, 1, 1, 0]
    assert metrics.confusion_matrix(y_true, y_pred).tolist() == [[4, 1], [1, 2]]
    assert metrics.accuracy_score(y_true, y_pred) == 6 / 8
    assert metrics.specificity(y_true, y_pred) == 4 / 5
    assert metrics.sensitivity(y_true, y_pred) == 2 / 3
    assert metrics.balanced_accuracy_score(y_true, y_pred) == pytest.approx((4 / 5 + 2 / 3) / 2)
    assert metrics.precision_score(y_true, y_pred) == 2 / 3
    assert metrics.f1_score(y_true, y_pred) == 4 / 6
    assert metrics.brier_score_loss([0, 1], [0.1, 0.6]) == pytest.approx((0.01 + 0.16) / 2)
    assert metrics.log_loss([0, 1], [0.5, 0.25]) == pytest.approx(1.5 * math.log(2))


def test_rows_are_true_and_columns_predicted():
    assert metrics.confusion_matrix([0, 0, 2], [1, 1, 0], classes=3).tolist() == [[0, 2, 0], [0, 0, 0], [1, 0, 0]]


def test_auc_counts_a_tie_as_one_half():
    # Of the 2 x 2 pairs of a malignant and a benign score: 0.8 beats both, 0.5 ties with one and beats the other.
    assert metrics.roc_auc_score([0, 1, 0, 1], [0.5, 0.5, 0.2, 0.8]) == 3.5 / 4
    assert metrics.roc_auc_score([0, 1, 0, 1], [0.3, 0.3, 0.3, 0.3]) == 0.5


def test_the_roc_curve_takes_one_step_a_distinct_score():
    fpr, tpr, thresholds = metrics.roc_curve([0, 1, 0, 1], [0.5, 0.5, 0.2, 0.8])
    assert thresholds.tolist() == [math.inf, 0.8, 0.5, 0.2]
    assert tpr.tolist() == [0, 0.5, 1, 1]
    assert fpr.tolist() == [0, 0, 0.5, 1]


def test_each_point_of_the_roc_curve_is_what_its_threshold_does(golden):
    for fpr, tpr, threshold in zip(*metrics.roc_curve(golden["y_true"], golden["y_score"]), strict=True):
        called = golden["y_score"] >= threshold
        assert tpr == metrics.sensitivity(golden["y_true"], called)
        assert 1 - fpr == pytest.approx(metrics.specificity(golden["y_true"], called))


@pytest.mark.parametrize("name", [*PREDICTED, *SCORED])
def test_the_order_of_rows_does_not_matter(golden, rng, name):
    metric, other = getattr(metrics, name), golden["y_score" if name in SCORED else "y_pred"]
    order = rng.permutation(len(other))
    shuffled = metric(golden["y_true"][order], other[order])
    assert shuffled == pytest.approx(metric(golden["y_true"], other), rel=0 if name == "roc_auc_score" else 1e-12)


def test_auc_only_sees_the_order_of_scores(golden):
    y_true, score = golden["y_true"], golden["y_score"]
    expected = metrics.roc_auc_score(y_true, score)
    assert metrics.roc_auc_score(y_true, np.exp(5 * score)) == expected
    assert metrics.roc_auc_score(y_true, np.arctanh(score / 2)) == expected
    assert metrics.roc_auc_score(1 - y_true, -score) == expected
    assert metrics.roc_auc_score(1 - y_true, score) == pytest.approx(1 - expected)


def test_swapping_the_classes_swaps_sensitivity_and_specificity(golden):
    y_true, y_pred = golden["y_true"], golden["y_pred"]
    assert metrics.sensitivity(1 - y_true, 1 - y_pred) == metrics.specificity(y_true, y_pred)


def test_lists_booleans_and_small_integers_count_the_same(golden):
    y_true, score = golden["y_true"], (golden["y_score"] * 100).round().astype(np.uint8)
    expected = metrics.roc_auc_score(y_true, golden["y_score"])
    assert metrics.roc_auc_score(y_true.astype(bool), score) == expected
    assert metrics.roc_auc_score(y_true.astype(np.float32).tolist(), score.tolist()) == expected
    assert metrics.accuracy_score([True, False], np.array([1.0, 0.0], np.float32)) == 1


def test_a_certain_mistake_costs_much_and_not_infinity():
    assert metrics.log_loss([1, 0], [0.0, 0.0]) == pytest.approx(-math.log(np.finfo(np.float64).eps) / 2)
    assert math.isfinite(metrics.log_loss([1, 0], np.array([0, 1], np.float32)))


def test_two_columns_of_probabilities_are_one_of_malignant(golden):
    score = golden["y_score"]
    assert metrics.log_loss(golden["y_true"], np.stack([1 - score, score], axis=1)) == pytest.approx(golden["log_loss"])


@pytest.mark.parametrize(
    ("name", "y_true", "other"),
    [
        ("sensitivity", [0, 0], [0, 1]),
        ("specificity", [1, 1], [0, 1]),
        ("balanced_accuracy_score", [0, 0], [0, 1]),
        ("precision_score", [0, 1], [0, 0]),
        ("f1_score", [0, 0], [0, 0]),
        ("macro_f1_score", [0, 1], [0, 1]),
        ("roc_auc_score", [1, 1], [0.2, 0.7]),
        ("macro_auc_score", [0, 1], [[0.5, 0.3, 0.2], [0.1, 0.8, 0.1]]),
    ],
)
def test_undefined_is_nan_and_warns_of_nothing(name, y_true, other):
    assert math.isnan(getattr(metrics, name)(y_true, other))


def test_f1_of_a_missed_class_is_zero_and_not_undefined():
    assert metrics.f1_score([0, 1], [0, 0]) == 0


def test_the_roc_curve_of_one_class_is_undefined_in_one_direction():
    fpr, tpr, _ = metrics.roc_curve([0, 0], [0.2, 0.7])
    assert fpr.tolist() == [0, 0.5, 1]
    assert np.isnan(tpr).all()


@pytest.mark.parametrize("name", [*PREDICTED, *SCORED, "macro_f1_score", *TABLES])
@pytest.mark.parametrize(
    ("y_true", "other"),
    [
        ([], []),
        ([0, 1], [0]),
        ([0, 1], [[0], [1]]),
        ([[0], [1]], [0, 1]),
        ([0, 3], [0, 1]),
        ([0, -1], [0, 1]),
        ([0, 0.5], [0, 1]),
        ([0, math.nan], [0, 1]),
        ([0, 1], [0, math.nan]),
    ],
)
def test_what_cannot_be_scored_is_refused(name, y_true, other):
    with pytest.raises(ValueError):
        getattr(metrics, name)(y_true, other)


@pytest.mark.parametrize("name", ["log_loss", "brier_score_loss"])
@pytest.mark.parametrize("logits", [[-1.5, 0.2], [0.2, 1.5]])
def test_logits_are_not_taken_for_probabilities(name, logits):
    with pytest.raises(ValueError, match="probabilities"):
        getattr(metrics, name)([0, 1], logits)
