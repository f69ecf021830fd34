"""Intervals against published tables, and against what they promise: to cover the truth as often as they say."""

import math

import numpy as np
import pytest

from bcdetect.intervals import corrected_interval, proportion_ratio, stratified_bootstrap, t_quantile, wilson
from bcdetect.metrics import precision_score, roc_auc_score, sensitivity


@pytest.fixture
def rng():
    return np.random.default_rng(11)


# Newcombe 1998, Statistics in Medicine 17, 857-872, table I, method 3.
@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_agrees_with_the_published_examples(successes, trials, low, high):
    assert wilson(successes, trials) == pytest.approx((low, high), abs=5e-5)


def test_wilson_at_the_edges():
    low, high = wilson(10, 10)
    assert high == 1 and 0.72 < low < 0.73
    assert wilson(0, 10) == pytest.approx((1 - high, 1 - low))
    assert all(map(math.isnan, wilson(0, 0)))


def test_wilson_mirrors_and_widens():
    low, high = wilson(30, 100)
    assert wilson(70, 100) == pytest.approx((1 - high, 1 - low))
    wider = wilson(30, 100, confidence=0.99)
    assert wider[0] < low < 0.3 < high < wider[1]


@pytest.mark.parametrize(("successes", "trials"), [(-1, 10), (11, 10), (0, -1)])
def test_wilson_refuses_impossible_counts(successes, trials):
    with pytest.raises(ValueError):
        wilson(successes, trials)


def test_a_ratio_of_proportions_agrees_with_the_published_example():
    # Koopman 1984, Biometrics 40, 513-517: 36 of 40 beside 16 of 80.
    assert proportion_ratio(36, 40, 16, 80) == pytest.approx((2.94, 7.15), abs=0.005)


@pytest.mark.parametrize("counts", [(36, 40, 16, 80), (40, 42, 0, 72), (0, 20, 3, 30), (42, 42, 5, 72), (1, 1, 1, 1)])
def test_a_ratio_turns_round_and_widens(counts):
    x, m, y, n = counts
    low, high = proportion_ratio(x, m, y, n)
    other = proportion_ratio(y, n, x, m)
    assert (low, high) == pytest.approx([1 / edge if edge else math.inf for edge in other[::-1]], rel=1e-9)
    wider = proportion_ratio(x, m, y, n, 0.99)
    assert wider[0] <= low < high <= wider[1]
    assert (low == 0) == (x == 0) and (high == math.inf) == (y == 0)


def test_a_ratio_of_nothing():
    assert proportion_ratio(0, 5, 0, 7) == (0, math.inf)
    assert all(map(math.isnan, proportion_ratio(0, 0, 1, 2)))
    with pytest.raises(ValueError):
        proportion_ratio(3, 2, 1, 2)


@pytest.mark.parametrize(
    ("p", "df", "expected"),
    [
        (0.975, 1, 12.7062047362),
        (0.975, 2, 4.3026527297),
        (0.975, 10, 2.2281388520),
        (0.975, 99, 1.9842169516),
        (0.975, 10_000, 1.9602012399),
        (0.9, 5, 1.4758840488),
        (0.995, 30, 2.7499956536),
        (0.9995, 3, 12.9239786367),
    ],
)
def test_t_quantile_agrees_with_tables(p, df, expected):
    assert t_quantile(p, df) == pytest.approx(expected, abs=1e-9)
    assert t_quantile(1 - p, df) == pytest.approx(-expected, abs=1e-9)


@pytest.mark.parametrize("p", [1e-5, 0.01, 0.3, 0.5, 0.77, 0.999, 1 - 1e-5])
def test_t_quantile_agrees_with_the_closed_forms_of_one_and_two_degrees(p):
    assert t_quantile(p, 1) == pytest.approx(math.tan(math.pi * (p - 0.5)), rel=1e-9, abs=1e-12)
    assert t_quantile(p, 2) == pytest.approx((2 * p - 1) / math.sqrt(2 * p * (1 - p)), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(("p", "df"), [(0, 5), (1, 5), (math.nan, 5), (0.9, 0)])
def test_t_quantile_refuses_what_has_no_answer(p, df):
    with pytest.raises(ValueError):
        t_quantile(p, df)


def test_the_bootstrap_is_the_same_for_the_same_seed(rng):
    y_true = np.repeat([0, 1], 30)
    score = rng.normal(size=60) + y_true
    first = stratified_bootstrap(y_true, score, roc_auc_score, resamples=200, seed=3)
    assert first == stratified_bootstrap(y_true, score, roc_auc_score, resamples=200, seed=3)
    assert first != stratified_bootstrap(y_true, score, roc_auc_score, resamples=200, seed=4)


def test_the_bootstrap_keeps_the_classes_and_the_pairing_of_rows(rng):
    y_true = rng.permutation(np.repeat([0, 1, 2], [1, 5, 9]))
    values = np.stack([y_true, y_true], axis=1)

    def metric(y, v):
        assert np.bincount(y).tolist() == [1, 5, 9]
        np.testing.assert_array_equal(v, np.stack([y, y], axis=1))
        return 0.5

    assert stratified_bootstrap(y_true, values, metric, resamples=20) == (0.5, 0.5)


def test_the_bootstrap_covers_the_truth_about_as_often_as_it_says(rng):
    y_true, true_auc, covered = np.repeat([0, 1], [71, 43]), 0.760250, 0  # Phi(1 / sqrt(2))
    for trial in range(100):
        score = rng.normal(size=len(y_true)) + y_true
        low, high = stratified_bootstrap(y_true, score, roc_auc_score, resamples=200, seed=trial)
        covered += low <= true_auc <= high
    assert 87 <= covered <= 100


def test_the_bootstrap_of_a_proportion_is_near_wilson():
    y_true = np.ones(200, int)
    y_pred = np.arange(200) < 160
    assert stratified_bootstrap(y_true, y_pred, sensitivity) == pytest.approx(wilson(160, 200), abs=0.01)


def test_a_metric_that_is_undefined_on_a_resample_has_no_interval():
    interval = stratified_bootstrap([0, 0, 1, 1, 1], [0, 0, 0, 0, 1], precision_score, resamples=100)
    assert all(map(math.isnan, interval))


@pytest.mark.parametrize(("y_true", "values"), [([], []), ([0, 1], [0.5])])
def test_the_bootstrap_refuses_rows_that_do_not_match(y_true, values):
    with pytest.raises(ValueError):
        stratified_bootstrap(y_true, values, roc_auc_score)


def test_corrected_interval_by_hand():
    # J = 4, mean 2.5, s^2 = 5/3, n_test / n_train = 1/4: variance = (1/4 + 1/4) 5/3 = 5/6, t(0.975, 3) = 3.1824463053.
    mean, low, high = corrected_interval([1, 2, 3, 4], test_share=0.2)
    margin = 3.1824463053 * math.sqrt(5 / 6)
    assert (mean, low, high) == pytest.approx((2.5, 2.5 - margin, 2.5 + margin), abs=1e-9)


def test_corrected_interval_is_wider_than_the_plain_one(rng):
    scores = rng.normal(0.97, 0.01, size=100)
    mean, low, high = corrected_interval(scores, test_share=0.1)
    plain = t_quantile(0.975, 99) * scores.std(ddof=1) / 10
    assert high - mean == pytest.approx(plain * math.sqrt((0.01 + 1 / 9) / 0.01))
    assert mean - low == pytest.approx(high - mean)


@pytest.mark.parametrize(("scores", "share"), [([0.9], 0.2), ([0.9, 0.8], 0), ([0.9, 0.8], 1), ([[0.9], [0.8]], 0.2)])
def test_corrected_interval_refuses_what_has_no_answer(scores, share):
    with pytest.raises(ValueError):
        corrected_interval(scores, share)


@pytest.mark.parametrize("confidence", [0, 1, 95])
def test_a_confidence_is_a_share(confidence):
    with pytest.raises(ValueError, match="confidence"):
        wilson(5, 10, confidence)


def test_whole_groups_are_drawn_so_that_rows_alike_do_not_count_as_many(rng):
    truth = np.repeat(rng.integers(0, 2, 20), 10)  # 20 patients of 10 rows that are all right or all wrong
    hits = np.repeat(rng.random(20) < 0.7, 10).astype(float)
    alone = stratified_bootstrap(truth, hits, lambda y, v: v.mean(), resamples=400)
    grouped = stratified_bootstrap(truth, hits, lambda y, v: v.mean(), resamples=400, groups=np.repeat(np.arange(20), 10))
    assert grouped[1] - grouped[0] > 2 * (alone[1] - alone[0])
