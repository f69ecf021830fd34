"""The operating point by each rule, on ties and where none can be followed; and what an answer means at other prevalences."""

import math

import numpy as np
import pytest

from bcdetect.metrics import confusion_matrix, net_benefit, sensitivity, specificity
from bcdetect.operating import RULES, choose, threshold_counts
from bcdetect.prevalence import PREVALENCES, at_prevalence, predictive_values

Y = [0, 0, 0, 0, 1, 0, 1, 1, 1, 1]
P = [0.1, 0.2, 0.2, 0.4, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]


def test_the_target_sensitivity_keeps_most_specificity():
    point = choose(Y, P, "sensitivity", target=0.8)
    assert point.threshold == pytest.approx(0.55)  # halfway between 0.6, which is called, and 0.5, which is not
    assert (point.sensitivity, point.specificity, point.reached) == (0.8, 1, True)
    assert "4 of 5 malignant rows found" in point.sentence


def test_a_tie_is_called_whole():
    # All five malignant rows want 0.4 called, and with it the benign row of the same score.
    point = choose(Y, P, "sensitivity", target=0.81)
    assert point.threshold == pytest.approx(0.3)
    assert (point.sensitivity, point.specificity) == (1, 3 / 5)


def test_youden_by_hand_and_of_equals_the_lowest():
    assert choose(Y, P, "youden").threshold == pytest.approx(0.55)  # 0.8 + 1 - 1
    # 0.8 alone: 1/2 + 1 - 1; from 0.3 on: 1 + 1/2 - 1. The second misses nothing.
    point = choose([0, 1, 0, 1], [0.1, 0.3, 0.5, 0.8], "youden")
    assert (point.sensitivity, point.specificity) == (1, 0.5)


def test_the_cost_ratio_by_hand():
    # A missed row costs 1 / 2 false alarm: 0.55 costs 1 * 0.5; 0.3 costs 2 alarms; so does what costs the same at other shares.
    assert choose(Y, P, "cost", cost_ratio=0.5).threshold == pytest.approx(0.55)
    assert choose(Y, P, "cost", cost_ratio=5).threshold == pytest.approx(0.3)  # one missed would cost 5, two alarms cost 2
    assert choose(Y, P, "cost", cost_ratio=5, prevalence=0.01).threshold == pytest.approx(0.55)
    assert "prevalence of 0.01" in choose(Y, P, "cost", prevalence=0.01).sentence


def test_the_least_cost_is_the_best_net_benefit(rng):
    y, p = rng.integers(0, 2, 200), rng.random(200)
    point = choose(y, p, "cost", cost_ratio=3)
    # At equal weights of harm the threshold probability is 1 / (1 + ratio); benefit of any cut at that exchange rate:
    benefits = [net_benefit(y, np.where(p >= cut, 1.0, 0.0), 0.25) for cut in np.append(np.unique(p), 1)]
    assert net_benefit(y, np.where(p >= point.threshold, 1.0, 0.0), 0.25) == pytest.approx(max(benefits))


def test_calling_nothing_and_calling_all_are_choices_too():
    nothing = choose([0, 1, 0], [0.2, 0.3, 0.4], "cost", cost_ratio=0.1)
    assert nothing.threshold == pytest.approx(0.7) and (nothing.sensitivity, nothing.specificity) == (0, 1)
    everything = choose([0, 1, 0], [0.2, 0.1, 0.4], "cost", cost_ratio=100)
    assert everything.threshold == pytest.approx(0.05) and (everything.sensitivity, everything.specificity) == (1, 0)
    certain = choose([0, 1, 0], [1.0, 0.3, 0.4], "cost", cost_ratio=0.1)  # no probability is above 1: it stays called
    assert certain.threshold <= 1 and certain.specificity == 0.5


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_threshold_does_what_the_point_says(rng, rule, dtype):
    for digits in (1, 2, 9):
        y, p = rng.integers(0, 2, 60), rng.random(60).round(digits).astype(dtype)
        y[:2] = 0, 1
        point = choose(y, p, rule, target=0.9)
        called = p >= point.threshold
        assert 0 <= point.threshold <= 1
        assert (point.sensitivity, point.specificity) == pytest.approx((sensitivity(y, called), specificity(y, called)))


def test_neighbours_that_no_number_fits_between():
    p = np.array([0.5, np.nextafter(np.float32(0.5), np.float32(1))], np.float32)
    point = choose([0, 1], p, "youden")
    assert (p >= point.threshold).tolist() == [False, True]


def test_a_target_that_only_calling_all_reaches_says_so():
    point = choose([1, 0, 0, 1], [0.1, 0.2, 0.3, 0.9], "sensitivity", target=0.9)
    assert not point.reached and (point.sensitivity, point.specificity) == (1, 0)
    assert point.sentence == "Only calling every benign row malignant too reaches a sensitivity of 0.9 on the validation part"


@pytest.mark.parametrize(("y", "p"), [([0, 0], [0.2, 0.7]), ([1, 1], [0.2, 0.7]), ([], [])])
@pytest.mark.parametrize("rule", RULES)
def test_without_a_class_the_threshold_stays_one_half(rule, y, p):
    point = choose(y, p, rule)
    assert point.threshold == 0.5 and point.reached == (rule == "half")
    assert rule == "half" or point.sentence.startswith("No validation row is ")


def test_weights_count():
    heavy = choose([0, 1, 0, 1], [0.1, 0.3, 0.5, 0.8], "youden", sample_weight=[1, 1, 9, 1])
    assert heavy.threshold == pytest.approx(0.65)


@pytest.mark.parametrize(
    "wrong", [{"rule": "best"}, {"target": 0}, {"target": 1.1}, {"cost_ratio": 0}, {"prevalence": 1}, {"probability": [0, 2]}]
)
def test_what_makes_no_sense_is_refused(wrong):
    with pytest.raises(ValueError):
        choose(**{"y_true": [0, 1], "probability": [0.1, 0.9], "rule": "cost", **wrong})


def test_bayes_by_hand():
    # Of 1000 women 10 have it: 9 are found, and 99 of 990 are alarmed.
    ppv, npv = predictive_values(0.9, 0.9, 0.01)
    assert ppv == pytest.approx(9 / (9 + 99))
    assert npv == pytest.approx(891 / (891 + 1))
    assert math.isnan(predictive_values(0, 1, 0.1)[0])


def test_at_its_own_prevalence_it_is_the_plain_share():
    found = at_prevalence([[60, 12], [2, 40]], 42 / 114)
    assert found["ppv"]["value"] == pytest.approx(40 / 52)
    assert found["npv"]["value"] == pytest.approx(60 / 62)
    for entry in found.values():
        assert 0 < entry["low"] < entry["value"] < entry["high"] < 1


@pytest.mark.parametrize("counts", [[[72, 0], [0, 42]], [[0, 72], [42, 0]], [[72, 0], [42, 0]], [[0, 72], [0, 42]]])
def test_counts_of_0_have_intervals_that_are_not_points(counts):
    for prevalence in PREVALENCES:
        for entry in at_prevalence(counts, prevalence).values():
            assert 0 <= entry["low"] < entry["high"] <= 1
            assert math.isnan(entry["value"]) or entry["low"] <= entry["value"] <= entry["high"]


def test_a_rare_disease_makes_an_alarm_less_sure():
    values = [at_prevalence(confusion_matrix(Y, np.array(P) >= 0.45), p)["ppv"]["value"] for p in PREVALENCES]
    assert values == sorted(values) and values[0] < 0.03 < values[-1]


def test_predictive_values_without_a_class_or_sense():
    assert math.isnan(at_prevalence([[0, 0], [1, 3]], 0.1)["npv"]["high"])
    for counts, prevalence in ([[1, 1], [1, 1]], 0), ([[2, -1], [1, 1]], 0.5):
        with pytest.raises(ValueError):
            at_prevalence(counts, prevalence)


def test_the_counts_at_every_threshold_by_hand():
    assert threshold_counts(Y, P) == {
        "thresholds": [0.1, 0.2, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0],
        "tp": [5, 5, 5, 4, 4, 3, 2, 1, 0],
        "fp": [5, 4, 2, 1, 0, 0, 0, 0, 0],
        "fn": [0, 0, 0, 1, 1, 2, 3, 4, 5],
        "tn": [0, 1, 3, 4, 5, 5, 5, 5, 5],
    }
    certain = threshold_counts([1, 0], [1.0, 1.0], own=0.3)
    assert certain == {"thresholds": [0.3, 1.0], "tp": [1, 1], "fp": [1, 1], "fn": [0, 0], "tn": [0, 0]}
    assert threshold_counts([], [], own=0.25)["thresholds"] == [0.25, 1.0]


@pytest.mark.parametrize("rows, most", [(3000, 500), (3000, 7), (200, 500), (499, 500), (500, 500), (501, 500)])
def test_the_counts_are_those_of_counting_however_many_thresholds_are_left(rows, most, rng):
    y, p = rng.integers(0, 2, rows), rng.random(rows).astype(np.float32)
    p[: rows // 4] = p[0]  # a large tie
    own = 0.3  # no float32 number
    found = threshold_counts(y, p, own, most)
    at = found["thresholds"]
    assert len(at) <= most and at == sorted(set(at)) and own in at and at[-1] == 1 and min(p) in at
    if len(np.unique(p)) + 2 <= most:
        assert {*p.tolist(), own, 1.0} == set(at)
    for k, threshold in enumerate(at):
        (tn, fp), (fn, tp) = confusion_matrix(y, p >= threshold).tolist()
        assert (found["tp"][k], found["fp"][k], found["fn"][k], found["tn"][k]) == (tp, fp, fn, tn)


def test_a_row_whose_probability_is_the_threshold_as_stored_is_called_as_predicting_does():
    p = np.array([0.3], np.float32)  # a little above 0.3 in double precision
    q = np.array([0.7], np.float32)  # a little below 0.7
    for stored, own in ((p, 0.3), (q, 0.7)):
        found = threshold_counts([1], stored, own)
        assert found["tp"][found["thresholds"].index(own)] == int((stored >= own)[0]) == 1
