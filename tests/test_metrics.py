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
    "matthews_corrcoef",
    "negative_predictive_value",
    "precision_score",
    "sensitivity",
    "specificity",
]
RANKED = ["average_precision_score", "pr_auc_score", "roc_auc_score"]  # see nothing but the order of scores
LIKELY = [
    "brier_score_loss",
    "calibration_intercept",
    "calibration_slope",
    "expected_calibration_error",
    "log_loss",
    "net_benefit",
]
MANY_PREDICTED = ["accuracy_score", "balanced_accuracy_score", "macro_f1_score", "matthews_corrcoef"]
MANY_LIKELY = ["brier_score_loss", "log_loss", "macro_auc_score"]
TABLES = ["confusion_matrix", "decision_curve", "precision_recall_curve", "reliability_curve", "roc_curve"]
HELPERS = ["auc", "one_vs_rest", "why_undefined"]
NUMBERS = [*PREDICTED, *RANKED, *LIKELY]
CASES = ["random", "tied", "whole weights", "broken weights", "constant"]


@pytest.fixture(scope="module")
def golden():
    with np.load(Path(__file__).parent / "golden" / "metrics.npz", allow_pickle=False) as file:
        return dict(file)


@pytest.fixture
def rng():
    return np.random.default_rng(7)


def case_of(golden, case):
    """y_true, y_score and weights of a case; and scikit-learn's numbers, by name."""
    start = f"{case}/expected/"
    found = {name.removeprefix(start): value for name, value in golden.items() if name.startswith(start)}
    return golden[f"{case}/y_true"], golden[f"{case}/y_score"], golden.get(f"{case}/sample_weight"), found


def value(name, y_true, y_score, weight=None):
    """A metric of two classes; a score of at least 0.5 is called malignant."""
    other = (np.asarray(y_score) >= 0.5).astype(int) if name in [*PREDICTED, "confusion_matrix"] else y_score
    return getattr(metrics, name)(y_true, other, sample_weight=weight)


def value_of_many(name, y_true, y_score, weight=None):
    if name in MANY_LIKELY:
        return getattr(metrics, name)(y_true, y_score, sample_weight=weight)
    return getattr(metrics, name)(y_true, y_score.argmax(axis=1), classes=y_score.shape[1], sample_weight=weight)


def test_every_public_metric_is_listed_here():
    assert sorted({*NUMBERS, *MANY_PREDICTED, *MANY_LIKELY, *TABLES, *HELPERS}) == metrics.__all__


@pytest.mark.parametrize("case", CASES)
def test_numbers_agree_with_scikit_learn(golden, case):
    y_true, y_score, weight, expected = case_of(golden, case)
    compared = sorted(set(NUMBERS) & set(expected))
    assert len(compared) >= len(NUMBERS) - 5  # a constant has no slope; it is net benefit that scikit-learn has not
    for name in compared:
        close = 1e-8 if name.startswith("calibration") else 1e-12
        assert value(name, y_true, y_score, weight) == pytest.approx(float(expected[name]), rel=close, nan_ok=True), name


@pytest.mark.parametrize("case", CASES)
def test_curves_and_counts_agree_with_scikit_learn(golden, case):
    y_true, y_score, weight, expected = case_of(golden, case)
    np.testing.assert_allclose(value("confusion_matrix", y_true, y_score, weight), expected["confusion_matrix"], rtol=1e-12)
    np.testing.assert_allclose(np.stack(value("roc_curve", y_true, y_score, weight)), expected["roc_curve"], rtol=1e-12)
    precision, recall, thresholds = value("precision_recall_curve", y_true, y_score, weight)
    curve = np.stack([precision, recall, np.append(thresholds, np.nan)])
    np.testing.assert_allclose(curve, expected["precision_recall_curve"], rtol=1e-12)
    if "reliability_curve" in expected:
        _, rows, predicted, observed = value("reliability_curve", y_true, y_score, weight)
        shares = np.stack([observed, predicted])[:, rows > 0]
        np.testing.assert_allclose(shares, expected["reliability_curve"], rtol=1e-12)


@pytest.mark.parametrize("case", ["many", "many weighted"])
def test_many_classes_agree_with_scikit_learn(golden, case):
    y_true, y_score, weight, expected = case_of(golden, case)
    for name in [*MANY_PREDICTED, *MANY_LIKELY]:
        assert value_of_many(name, y_true, y_score, weight) == pytest.approx(float(expected[name]), rel=1e-12), name
    counts = metrics.confusion_matrix(y_true, y_score.argmax(axis=1), classes=4, sample_weight=weight)
    np.testing.assert_allclose(counts, expected["confusion_matrix"], rtol=1e-12)
    precision = metrics.one_vs_rest(metrics.average_precision_score, y_true, y_score, 4, sample_weight=weight)
    np.testing.assert_allclose(precision, expected["one_vs_rest"], rtol=1e-12)


# What must not change a number, for each of them. Whole sums are exact, others may round.


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("case", ["random", "tied", "whole weights"])
def test_the_order_of_rows_does_not_matter(golden, rng, name, case):
    y_true, y_score, weight, _ = case_of(golden, case)
    order = rng.permutation(len(y_true))
    shuffled = value(name, y_true[order], y_score[order], None if weight is None else weight[order])
    close = 0 if name in [*PREDICTED, "roc_auc_score"] else 1e-9
    assert shuffled == pytest.approx(value(name, y_true, y_score, weight), rel=close)


@pytest.mark.parametrize("name", NUMBERS)
def test_a_whole_weight_is_that_many_rows_alike(golden, name):
    y_true, y_score, weight, _ = case_of(golden, "whole weights")
    assert 0 in weight
    repeated = value(name, np.repeat(y_true, weight), np.repeat(y_score, weight))
    assert value(name, y_true, y_score, weight) == pytest.approx(repeated, rel=1e-9)


@pytest.mark.parametrize("name", NUMBERS)
def test_only_the_ratio_of_weights_matters(golden, name):
    y_true, y_score, weight, _ = case_of(golden, "broken weights")
    assert value(name, y_true, y_score, 7.3 * weight) == pytest.approx(value(name, y_true, y_score, weight), rel=1e-9)


@pytest.mark.parametrize("name", NUMBERS)
def test_lists_booleans_and_floats_are_the_same_labels(golden, name):
    y_true, y_score, _, _ = case_of(golden, "tied")
    expected = value(name, y_true, y_score)
    assert value(name, y_true.astype(bool), y_score.tolist()) == expected
    assert value(name, y_true.astype(np.float32).tolist(), y_score) == expected


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("transform", [lambda s: s**3, lambda s: s / 2 + 0.4, np.tanh])
def test_what_ranks_sees_only_the_order_of_scores_and_the_others_see_more(golden, name, transform):
    y_true, y_score, _, _ = case_of(golden, "random")
    same = value(name, y_true, transform(y_score)) == value(name, y_true, y_score)
    assert same == (name in RANKED)


# The two classes trading places: what a metric of one class becomes, others stay.
SWAPPED = {"sensitivity": "specificity", "precision_score": "negative_predictive_value"}
SWAPPED |= {other: name for name, other in SWAPPED.items()}
ONE_SIDED = ["average_precision_score", "f1_score", "net_benefit", "pr_auc_score"]


@pytest.mark.parametrize("name", sorted(set(NUMBERS) - set(ONE_SIDED)))
def test_classes_that_trade_places(golden, name):
    y_true, y_score, _, _ = case_of(golden, "random")
    expected = value(SWAPPED.get(name, name), y_true, y_score)
    if name == "calibration_intercept":
        expected = -expected
    assert value(name, 1 - y_true, 1 - y_score) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("name", [*MANY_PREDICTED, *MANY_LIKELY])
def test_classes_may_be_numbered_otherwise(golden, rng, name):
    y_true, y_score, weight, _ = case_of(golden, "many weighted")
    order = rng.permutation(4)
    renumbered = value_of_many(name, np.argsort(order)[y_true], y_score[:, order], weight)
    assert renumbered == pytest.approx(value_of_many(name, y_true, y_score, weight), rel=1e-12)


# Worked by hand.


def test_by_hand():
    y_true = [0, 0, 0, 0, 0, 1, 1, 1]
    y_pred = [0, 0, 0, 0, 1, 1, 1, 0]
    assert metrics.confusion_matrix(y_true, y_pred).tolist() == [[4, 1], [1, 2]]
    assert metrics.accuracy_score(y_true, y_pred) == 6 / 8
    assert metrics.specificity(y_true, y_pred) == 4 / 5
    assert metrics.sensitivity(y_true, y_pred) == 2 / 3
    assert metrics.balanced_accuracy_score(y_true, y_pred) == pytest.approx((4 / 5 + 2 / 3) / 2)
    assert metrics.precision_score(y_true, y_pred) == 2 / 3
    assert metrics.negative_predictive_value(y_true, y_pred) == 4 / 5
    assert metrics.f1_score(y_true, y_pred) == 4 / 6
    assert metrics.matthews_corrcoef(y_true, y_pred) == pytest.approx((2 * 4 - 1 * 1) / math.sqrt(3 * 3 * 5 * 5))
    assert metrics.brier_score_loss([0, 1], [0.1, 0.6]) == pytest.approx((0.01 + 0.16) / 2)
    assert metrics.log_loss([0, 1], [0.5, 0.25]) == pytest.approx(1.5 * math.log(2))


def test_rows_are_true_and_columns_predicted():
    assert metrics.confusion_matrix([0, 0, 2], [1, 1, 0], classes=3).tolist() == [[0, 2, 0], [0, 0, 0], [1, 0, 0]]


def test_auc_counts_a_tie_as_one_half():
    # Of the 2 x 2 pairs of a malignant and a benign score: 0.8 beats both, 0.5 ties with one and beats the other.
    assert metrics.roc_auc_score([0, 1, 0, 1], [0.5, 0.5, 0.2, 0.8]) == 3.5 / 4
    assert metrics.roc_auc_score([0, 1, 0, 1], [0.3, 0.3, 0.3, 0.3]) == 0.5


def test_average_precision_and_the_lines_of_its_curve_by_hand():
    # Falling: malignant, benign, malignant. Precision 1, 1/2, 2/3 at recall 1/2, 1/2, 1.
    assert metrics.average_precision_score([1, 0, 1], [0.9, 0.8, 0.7]) == pytest.approx((1 + 2 / 3) / 2)
    assert metrics.pr_auc_score([1, 0, 1], [0.9, 0.8, 0.7]) == pytest.approx(0.5 * 1 + 0.5 * (1 / 2 + 2 / 3) / 2)


def test_the_roc_curve_takes_one_step_a_distinct_score():
    fpr, tpr, thresholds = metrics.roc_curve([0, 1, 0, 1], [0.5, 0.5, 0.2, 0.8])
    assert thresholds.tolist() == [math.inf, 0.8, 0.5, 0.2]
    assert tpr.tolist() == [0, 0.5, 1, 1]
    assert fpr.tolist() == [0, 0, 0.5, 1]
    assert metrics.auc(fpr, tpr) == metrics.auc(fpr[::-1], tpr[::-1]) == 3.5 / 4


def test_each_point_of_the_curves_is_what_its_threshold_does(golden):
    y_true, y_score, weight, _ = case_of(golden, "whole weights")
    for fpr, tpr, threshold in zip(*metrics.roc_curve(y_true, y_score, sample_weight=weight), strict=True):
        called = y_score >= threshold
        assert tpr == metrics.sensitivity(y_true, called, sample_weight=weight)
        assert 1 - fpr == pytest.approx(metrics.specificity(y_true, called, sample_weight=weight))
    precision, recall, thresholds = metrics.precision_recall_curve(y_true, y_score, sample_weight=weight)
    assert (precision[-1], recall[-1]) == (1, 0)
    for p, r, threshold in zip(precision, recall, thresholds, strict=False):
        called = y_score >= threshold
        assert p == metrics.precision_score(y_true, called, sample_weight=weight)
        assert r == metrics.sensitivity(y_true, called, sample_weight=weight)


@pytest.mark.parametrize(("x", "y"), [([0], [1]), ([0, 1], [1]), ([0, 1, 0.5], [1, 1, 1])])
def test_an_area_needs_a_curve(x, y):
    with pytest.raises(ValueError, match="at least two points"):
        metrics.auc(x, y)


def test_reliability_and_its_error_by_hand():
    # Two rows in (0, 0.1], none malignant; two in (0.7, 0.8], one malignant: |0 - 0.1| and |0.5 - 0.8|, halves of the rows.
    y_true, p = [0, 0, 0, 1], [0.1, 0.1, 0.8, 0.8]
    curve = metrics.reliability_curve(y_true, p)
    assert curve.rows.tolist() == [2, 0, 0, 0, 0, 0, 0, 2, 0, 0]
    assert (curve.observed[0], curve.observed[7]) == (0, 0.5)
    assert np.isnan(curve.predicted[1])
    assert metrics.expected_calibration_error(y_true, p) == pytest.approx((0.1 + 0.3) / 2)


def test_calibration_by_hand():
    # Of 4 rows at odds 1 : 3 one is malignant, of 4 at 3 : 1 three are: right. Odds of 1 : 9 and 9 : 1 are twice too sure.
    y_true, p = [1, 0, 0, 0, 1, 1, 1, 0], np.repeat([0.25, 0.75], 4)
    assert metrics.calibration_slope(y_true, p) == pytest.approx(1)
    assert metrics.calibration_intercept(y_true, p) == pytest.approx(0, abs=1e-12)
    assert metrics.calibration_slope(y_true, np.repeat([0.1, 0.9], 4)) == pytest.approx(0.5)
    # Everything at one half, three of four malignant: ln 3 too low.
    assert metrics.calibration_intercept([1, 1, 1, 0], [0.5] * 4) == pytest.approx(math.log(3))


def test_net_benefit_by_hand():
    # At 0.2 a harmed patient weighs 1/4 of a found one: of 10 rows 2 found and 4 harmed; all treated: 3 found and 7 harmed.
    y_true = [1, 1, 1, 0, 0, 0, 0, 0, 0, 0]
    p = [0.9, 0.2, 0.1, 0.6, 0.5, 0.4, 0.3, 0.1, 0.1, 0.1]
    assert metrics.net_benefit(y_true, p, 0.2) == pytest.approx((2 - 4 / 4) / 10)
    curve = metrics.decision_curve(y_true, p, [0.2, 0.3])
    assert curve.model[0] == metrics.net_benefit(y_true, p, 0.2)
    assert curve.treat_all[0] == pytest.approx((3 - 7 / 4) / 10)
    assert curve.treat_none.tolist() == [0, 0]
    assert metrics.decision_curve(y_true, p).treat_all[29] == pytest.approx(0, abs=1e-12)  # everybody, at the share of malignant
    with pytest.raises(ValueError, match="below 1"):
        metrics.net_benefit(y_true, p, 1.0)


def test_a_certain_mistake_costs_much_and_not_infinity():
    assert metrics.log_loss([1, 0], [0.0, 0.0]) == pytest.approx(-math.log(np.finfo(np.float64).eps) / 2)
    assert math.isfinite(metrics.log_loss([1, 0], np.array([0, 1], np.float32)))
    assert math.isfinite(metrics.calibration_intercept([1, 0, 0], np.array([0, 1, 1], np.float32)))


def test_two_columns_of_probabilities_are_one_of_malignant(golden):
    y_true, p, weight, _ = case_of(golden, "broken weights")
    for name in ("log_loss", "brier_score_loss"):
        two = value(name, y_true, np.stack([1 - p, p], axis=1), weight)
        assert two == pytest.approx(value(name, y_true, p, weight))


# Undefined: nan with a reason, never a number that was made up, never a crash.


@pytest.mark.parametrize("name", [*NUMBERS, *TABLES])
@pytest.mark.parametrize(
    ("y_true", "y_score"),
    [
        ([], []),
        ([0], [0.3]),
        ([1], [0.7]),
        ([0, 0], [0.2, 0.7]),
        ([1, 1], [0.2, 0.7]),
        ([0, 1], [0.1, 0.2]),
        ([0, 1], [0.8, 0.9]),
        ([0, 1], [0.2, 0.7]),
        ([0, 1], [0.7, 0.2]),
        ([0, 1, 1], [0.3, 0.3, 0.7]),
        ([0, 1, 0, 1], [0.5, 0.5, 0.5, 0.5]),
        ([0, 1, 0, 1], [0.6, 0.5, 0.2, 0.7]),
    ],
)
def test_what_is_undefined_is_nan_and_says_why(name, y_true, y_score):
    found = value(name, y_true, y_score)
    if name == "confusion_matrix":
        assert found.sum() == len(y_true)
        return
    undefined = any(np.isnan(part).all() and np.size(part) for part in (found if isinstance(found, tuple) else [found]))
    other = (np.asarray(y_score) >= 0.5).astype(int) if name in PREDICTED else y_score
    reason = metrics.why_undefined(name, y_true, other)
    assert undefined == (reason is not None), reason
    sure = metrics.why_undefined(name, y_true)
    assert sure is None or sure == reason


@pytest.mark.parametrize("name", [*MANY_PREDICTED, *MANY_LIKELY])
@pytest.mark.parametrize(
    ("y_true", "y_pred"), [([], []), ([0, 1], [0, 1]), ([0, 1], [0, 2]), ([1, 1], [1, 1]), ([0, 1, 2], [0, 0, 0])]
)
def test_what_is_undefined_of_many_classes_says_why(name, y_true, y_pred):
    found = value_of_many(name, y_true, np.eye(3)[np.array(y_pred, int)])
    reason = metrics.why_undefined(name, y_true, y_pred, ("benign", "in situ", "invasive"))
    assert math.isnan(found) == (reason is not None), reason


def test_reasons_speak_of_classes_by_name():
    assert metrics.why_undefined("roc_auc_score", []) == "there are no rows"
    assert metrics.why_undefined("roc_auc_score", [0, 0]) == "no row is malignant"
    assert metrics.why_undefined("roc_auc_score", [1], class_names=("ok", "ill")) == "no row is ok"
    assert metrics.why_undefined("precision_score", [0, 1], [0, 0]) == "no row is called malignant"
    assert metrics.why_undefined("f1_score", [0, 0], [0, 0]) == "no row is or is called malignant"
    assert metrics.why_undefined("macro_auc_score", [1], class_names=("a", "b", "c")) == "no row is a and none c"
    assert metrics.why_undefined("matthews_corrcoef", [0, 1], [1, 1]) == "every row is called malignant"
    assert "separates benign from malignant" in metrics.why_undefined("calibration_slope", [0, 1], [0.1, 0.9])
    assert metrics.why_undefined("calibration_slope", [0, 1], [0.4, 0.4]) == "all probabilities are the same"
    assert metrics.why_undefined("sensitivity", [0, 1], sample_weight=[1, 0]) == "no row is malignant"


def test_classes_that_only_touch_determine_no_slope():
    assert math.isnan(metrics.calibration_slope([0, 1, 1], [0.3, 0.3, 0.7]))
    assert math.isnan(metrics.calibration_slope([1, 0, 0], [0.3, 0.3, 0.7]))


def test_rows_of_weight_0_are_not_there():
    assert math.isnan(metrics.roc_auc_score([0, 1], [0.1, 0.2], sample_weight=[1, 0]))
    assert metrics.roc_curve([0, 1, 1], [0.1, 0.2, 0.3], sample_weight=[1, 1, 0])[2].tolist() == [math.inf, 0.2, 0.1]


def test_f1_of_a_missed_class_is_zero_and_not_undefined():
    assert metrics.f1_score([0, 1], [0, 0]) == 0


def test_the_roc_curve_of_one_class_is_undefined_in_one_direction():
    fpr, tpr, _ = metrics.roc_curve([0, 0], [0.2, 0.7])
    assert fpr.tolist() == [0, 0.5, 1]
    assert np.isnan(tpr).all()


@pytest.mark.parametrize("name", [*NUMBERS, "macro_f1_score", *TABLES])
@pytest.mark.parametrize(
    ("y_true", "other"),
    [
        ([0, 1], [0]),
        ([0, 1], [[[0]], [[1]]]),
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


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("weight", [[1], [1, -1], [1, math.nan], [1, math.inf], [[1, 1]]])
def test_weights_that_make_no_sense_are_refused(name, weight):
    with pytest.raises(ValueError, match="sample_weight"):
        getattr(metrics, name)([0, 1], [0, 1], sample_weight=weight)


@pytest.mark.parametrize("name", [*LIKELY, "decision_curve", "reliability_curve"])
@pytest.mark.parametrize("logits", [[-1.5, 0.2], [0.2, 1.5]])
def test_logits_are_not_taken_for_probabilities(name, logits):
    with pytest.raises(ValueError, match="probabilities"):
        getattr(metrics, name)([0, 1], logits)


def test_one_vs_rest_wants_a_column_a_class():
    with pytest.raises(ValueError, match="2 columns for 3 classes"):
        metrics.one_vs_rest(metrics.roc_auc_score, [0, 1], [[0.1, 0.9], [0.2, 0.8]], 3)
