"""DeLong's variance, the intervals of an AUC and of a difference, and McNemar's test: published numbers and brute force."""

import math

import numpy as np
import pytest

from bcdetect.intervals import auc_difference, auc_interval, auc_interval_logit, delong, mcnemar, wilson
from bcdetect.metrics import roc_auc_score

# The data of DeLong, DeLong & Clarke-Pearson 1988 (Biometrics 44, 837-845) without the rows that lack a test, as in the example
# "Comparing Receiver Operating Characteristic Curves" of the SAS/STAT User's Guide (PROC LOGISTIC): of each patient albumin,
# total protein, K-G score, and whether surgery helped. A high K-G score is a bad sign.
PATIENTS = """
3.0 5.8 10 0  3.2 6.3 5 1  3.9 6.8 3 1  2.8 4.8 6 0  3.2 5.8 3 1  0.9 4.0 5 0  2.5 5.7 8 0  1.6 5.6 5 1  3.8 5.7 5 1
3.7 6.7 6 1  3.2 5.4 4 1  3.8 6.6 6 1  4.1 6.6 5 1  3.6 5.7 5 1  4.3 7.0 4 1  3.6 6.7 4 0  2.3 4.4 6 1  4.2 7.6 4 0
4.0 6.6 6 0  3.5 5.8 6 1  3.8 6.8 7 1  3.0 4.7 8 0  4.5 7.4 5 1  3.7 7.4 5 1  3.1 6.6 6 1  4.1 8.2 6 1  4.3 7.0 5 1
4.3 6.5 4 1  3.2 5.1 5 1  2.6 4.7 6 1  3.3 6.8 6 0  1.7 4.0 7 0  3.7 6.1 5 1  3.3 6.3 7 1  4.2 7.7 6 1  3.5 6.2 5 1
2.9 5.7 9 0  2.1 4.8 7 1  2.8 6.2 8 0  4.0 7.0 7 1  3.3 5.7 6 1  3.7 6.9 5 1  3.6 6.6 5 1
"""


@pytest.fixture(scope="module")
def patients():
    table = np.array(PATIENTS.split(), float).reshape(-1, 4)
    return table[:, 3].astype(int), table[:, :3] * [1, 1, -1]


def by_pairs(y_true, scores):
    """DeLong's covariance from its definition: all m x n comparisons."""
    malignant, benign = scores[y_true == 1], scores[y_true == 0]
    wins = (malignant[:, None] > benign[None]) + 0.5 * (malignant[:, None] == benign[None])
    covariance = np.zeros((scores.shape[1],) * 2)
    for placements in (wins.mean(axis=1), wins.mean(axis=0)):
        off = placements - placements.mean(axis=0)
        covariance += np.einsum("ik,il->kl", off, off) / (len(off) - 1) / len(off)
    return wins.mean(axis=(0, 1)), covariance


def binormal(rng, malignant, benign, area, spread=1.0):
    """Scores whose true AUC is `area`; those of malignant rows have another standard deviation."""
    from statistics import NormalDist

    mean = NormalDist().inv_cdf(area) * math.hypot(1, spread)
    return np.concatenate([rng.normal(mean, spread, malignant), rng.normal(size=benign)])


def test_the_published_example_of_delong_is_reproduced(patients):
    found = delong(*patients)
    assert (found.malignant, found.benign) == (31, 12)
    assert found.areas == pytest.approx([0.7366, 0.6478, 0.7258], abs=5e-5)
    assert np.sqrt(np.diag(found.covariance)) == pytest.approx([0.0927, 0.1000, 0.1028], abs=5e-5)


def test_the_published_comparisons_are_reproduced(patients):
    y_true, (albumin, protein, score) = patients[0], patients[1].T
    first, second = auc_difference(y_true, albumin, score), auc_difference(y_true, protein, score)
    assert first == pytest.approx((0.0108, -0.1761, 0.1976, 0.9102), abs=5e-5)
    assert second == pytest.approx((-0.0780, -0.2830, 0.1271, 0.4561), abs=5e-5)
    contrast = np.array([[1, 0, -1], [0, 1, -1]])
    areas, covariance, _, _ = delong(*patients)
    off = contrast @ areas
    assert off @ np.linalg.solve(contrast @ covariance @ contrast.T, off) == pytest.approx(2.5340, abs=5e-5)


def test_a_second_published_example():
    # The example in the description of the Python package pauc 0.1.6 (pypi.org/project/pauc): AUC 0.708, 95% CI 0.378 to 1,
    # which is A +- 1.96 sqrt(V), cut at 1.
    y_true = [0, 0, 1, 1, 0, 1, 0, 0, 1, 1, 0, 1]
    scores = [0.1, 0.35, 0.24, 0.8, 0.2, 0.85, 0.13, 0.85, 0.74, 0.58, 0.71, 0.25]
    (area,), ((variance,),), _, _ = delong(y_true, scores)
    assert area == pytest.approx(0.708, abs=5e-4)
    assert area - 1.959964 * math.sqrt(variance) == pytest.approx(0.378, abs=5e-4)


@pytest.mark.parametrize("ties", [None, 1, 0])
def test_ranks_give_what_all_pairs_give(rng, ties):
    y_true = rng.permutation(np.repeat([0, 1], [71, 43]))
    scores = rng.normal(size=(114, 3)) + y_true[:, None] * [0.5, 1, 2]
    scores = scores if ties is None else scores.round(ties)
    areas, covariance, _, _ = delong(y_true, scores)
    expected = by_pairs(y_true, scores)
    np.testing.assert_allclose(areas, expected[0], rtol=1e-13)
    np.testing.assert_allclose(covariance, expected[1], rtol=1e-10)
    assert areas.tolist() == [roc_auc_score(y_true, column) for column in scores.T]


def test_rows_may_come_in_any_order_and_scores_on_any_scale(rng):
    y_true, scores = np.repeat([1, 0], [43, 71]), binormal(rng, 43, 71, 0.9)
    order = rng.permutation(114)
    expected = auc_interval(y_true, scores)
    assert auc_interval(y_true[order], scores[order]) == pytest.approx(expected, rel=1e-12)
    assert auc_interval(y_true, np.exp(scores)) == pytest.approx(expected, rel=1e-12)
    low, high = auc_interval(1 - y_true, scores)
    assert (1 - high, 1 - low) == pytest.approx(expected, rel=1e-12)


def test_an_auc_of_1_has_an_interval_that_is_not_a_point():
    y_true, scores = np.repeat([0, 1], [72, 42]), np.arange(114.0)
    low, high = auc_interval(y_true, scores)
    assert high == 1 and low == pytest.approx(0.025 ** (1 / 42))  # 0.916
    assert auc_interval(y_true, -scores) == pytest.approx((0, 1 - low))
    assert auc_interval(y_true, scores, 0.99)[0] < low
    assert auc_interval_logit(y_true, scores) == (low, high)


def test_the_bound_of_an_auc_of_1_holds_for_the_worst_scores_there_can_be():
    # A malignant row is above every benign one with probability A, else below: all in order has the chance A^m, and at the
    # bound just 2.5 %.
    low, _ = auc_interval(np.repeat([0, 1], [72, 42]), np.arange(114.0))
    assert low**42 == pytest.approx(0.025)


def test_what_says_nothing_has_a_wide_interval():
    equal = auc_interval([0, 0, 0, 1, 1], [0.5] * 5)
    assert equal == pytest.approx(wilson(1, 2))  # as sure as of one hit in two rows
    lone = auc_interval([0, 0, 0, 0, 1], [0.1, 0.2, 0.3, 0.5, 0.4])  # nothing is known of how malignant rows vary
    assert lone == pytest.approx(wilson(0.75, 1))
    assert auc_interval_logit([0, 0, 0, 0, 1], [0.1, 0.2, 0.3, 0.5, 0.4]) == lone


def test_one_class_has_no_interval():
    for found in (auc_interval([1, 1], [0.2, 0.3]), auc_interval([], []), auc_difference([0, 0], [1, 2], [2, 1])):
        assert all(map(math.isnan, found))


def test_one_row_out_of_order_does_not_make_it_sure():
    y_true, scores = np.repeat([0, 1], [72, 42]), np.arange(114.0)
    scores[71], scores[72] = 72, 71  # one of 3024 pairs
    low, high = auc_interval(y_true, scores)
    sure, _ = auc_interval_logit(y_true, scores)
    assert 1 - low > 1.4 * (1 - sure) and high > 0.9999


def test_a_higher_confidence_is_wider(patients):
    y_true, scores = patients[0], patients[1][:, 0]
    for interval in (auc_interval, auc_interval_logit):
        narrow, wide = interval(y_true, scores, 0.8), interval(y_true, scores, 0.99)
        assert wide[0] < narrow[0] < roc_auc_score(y_true, scores) < narrow[1] < wide[1]


def test_caution_costs_little_where_the_variance_can_be_trusted(rng):
    y_true, scores = np.repeat([1, 0], [42, 72]), binormal(rng, 42, 72, 0.85)
    (low, high), (logit_low, logit_high) = auc_interval(y_true, scores), auc_interval_logit(y_true, scores)
    assert high - low == pytest.approx(logit_high - logit_low, rel=0.08)


@pytest.mark.parametrize("spread", [1.0, 1.5])
@pytest.mark.parametrize("area", [0.8, 0.97, 0.99])
def test_the_interval_holds_the_truth_about_as_often_as_it_says(rng, area, spread):
    y_true, held = np.repeat([1, 0], [42, 72]), 0
    for _ in range(300):
        low, high = auc_interval(y_true, binormal(rng, 42, 72, area, spread))
        held += low <= area <= high
    assert held / 300 > 0.91  # 0.92 and more in 10,000, see benchmarks/interval_coverage.json


def test_models_that_order_all_rows_alike_are_not_told_apart_for_sure():
    y_true, scores = np.repeat([0, 1], [72, 42]), np.arange(114.0)
    difference, low, high, p_value = auc_difference(y_true, scores, scores**3)
    assert (difference, p_value) == (0, 1)
    assert low == -high and high == pytest.approx(1 - 0.025 ** (1 / 42))
    difference, low, high, p_value = auc_difference(y_true, scores, np.zeros(114))
    assert difference == 0.5 and low < 0.5 < high and p_value < 1e-6


def test_a_difference_turns_round_with_its_models(patients):
    y_true, (albumin, protein, _) = patients[0], patients[1].T
    difference, low, high, p_value = auc_difference(y_true, albumin, protein)
    assert auc_difference(y_true, protein, albumin) == pytest.approx((-difference, -high, -low, p_value))
    assert low < difference < high


@pytest.mark.parametrize(
    ("y_true", "scores"),
    [([0, 1], [0.1]), ([0, 2], [0.1, 0.2]), ([0, 1], [0.1, math.nan]), ([[0], [1]], [0.1, 0.2]), ([0, 1], [[[0.1]], [[0.2]]])],
)
def test_what_has_no_area_is_refused(y_true, scores):
    with pytest.raises(ValueError):
        delong(y_true, scores)


def test_mcnemar_agrees_with_the_published_example():
    # Fagerland, Lydersen & Laake 2013, BMC Med. Res. Methodol. 13:91, airway hyper-responsiveness before and after stem cell
    # transplantation: 1 and 7 discordant children. Exact p = 0.070, mid-p = 0.039.
    y_true = np.zeros(21, int)
    first = np.array([0] * 1 + [1] * 7 + [0] * 13)
    second = np.array([1] * 1 + [0] * 7 + [0] * 13)
    found = mcnemar(y_true, first, second)
    assert found[:2] == (1, 7)
    assert found.exact == pytest.approx(2 * (1 + 8) / 256)
    assert found.mid == pytest.approx(found.exact - 8 / 256)
    assert round(found.exact, 3) == 0.070 and round(found.mid, 3) == 0.039


@pytest.mark.parametrize(("b", "c"), [(0, 0), (3, 3), (0, 5), (12, 4), (700, 640)])
def test_mcnemar_is_the_binomial_sum_and_knows_no_order(b, c):
    y_true = np.zeros(b + c + 1, int)
    first, second = np.repeat([0, 1, 0], [b, c, 1]), np.repeat([1, 0, 0], [b, c, 1])
    found = mcnemar(y_true, first, second)
    tail = sum(math.comb(b + c, x) for x in range(min(b, c) + 1)) / 2 ** (b + c)
    at = math.comb(b + c, b) / 2 ** (b + c)
    assert found.exact == pytest.approx(min(1, 2 * tail))
    assert found.mid == pytest.approx(1 if b + c == 0 else 1 - at / 2 if b == c else 2 * tail - at)
    assert mcnemar(y_true, second, first) == (c, b, found.exact, found.mid)


def test_mcnemar_wants_the_same_rows():
    with pytest.raises(ValueError, match="same rows"):
        mcnemar([0, 1], [0, 1], [0])
