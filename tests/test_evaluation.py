"""Evaluation: numbers a person can work out by hand, and folds in which nothing of the test rows is learned."""

from dataclasses import replace

import numpy as np
import pytest
from trained import SMALL, clouds

from bcdetect import evaluation, show
from bcdetect.config import Config
from bcdetect.errors import InputError
from bcdetect.evaluation import CrossValidation, cross_validate, run_fold

FAST = replace(SMALL, epochs=2)


def learned(monkeypatch, data, test):
    """The fold's result, and the weights and preprocessing that were learned in it."""
    seen, original = [], evaluation.train_classifier
    with monkeypatch.context() as patch:
        patch.setattr(evaluation, "train_classifier", lambda *a: seen.append(original(*a)) or seen[-1])
        result = run_fold(data, test, FAST)
    ((classifier, _),) = seen
    return result, {**classifier.models[0].get_state(), **classifier.preprocessing.state()}


def test_nothing_of_the_test_fold_is_learned(monkeypatch):
    data = clouds((40, 40), features=3, apart=1)
    test = np.arange(0, 80, 5)
    x, y = data.x.copy(), data.y.copy()
    x[test], y[test] = -2 * x[test][::-1], 1 - y[test]
    one, weights = learned(monkeypatch, data, test)
    other, same = learned(monkeypatch, replace(data, x=x, y=y), test)
    for name in weights:
        np.testing.assert_array_equal(weights[name], same[name])
    assert one["cnn"] != other["cnn"] and one["logistic"] != other["logistic"]
    x = data.x.copy()
    x[test] = x[test][::-1]  # the same labels: only how the rows score may change
    _, same = learned(monkeypatch, replace(data, x=x), test)
    for name in weights:
        np.testing.assert_array_equal(weights[name], same[name])


def test_no_test_row_chooses_the_epoch(monkeypatch):
    data, parts, original = clouds((40, 40), features=3), [], evaluation.train_classifier
    monkeypatch.setattr(evaluation, "train_classifier", lambda *a: parts.extend(a[1:3]) or original(*a))
    test = np.arange(0, 80, 5)
    run_fold(data, test, FAST)
    train, validation = parts
    assert len(validation) and sorted([*train, *validation, *test]) == list(range(80))


def test_the_baseline_in_a_fold_is_fitted_without_it(monkeypatch):
    data, seen, original = clouds((40, 40), features=3), [], evaluation.Logistic
    monkeypatch.setattr(evaluation, "Logistic", lambda x, y, k: seen.append((x, y)) or original(x, y, k))
    test = np.arange(0, 80, 5)
    run_fold(data, test, FAST)
    ((x, y),) = seen
    rest = np.setdiff1d(np.arange(80), test)
    inside = data.x[rest]
    np.testing.assert_allclose(x, (inside - inside.mean(0)) / inside.std(0))
    np.testing.assert_array_equal(y, data.y[rest])


def test_folds_are_paired_cover_every_row_and_differ_between_repeats(monkeypatch):
    data, tested, original = clouds((20, 16), features=2), [], evaluation.run_fold
    monkeypatch.setattr(evaluation, "run_fold", lambda data, test, c: tested.append((test, c.seed)) or original(data, test, c))
    progress = []
    result = cross_validate(data, FAST, 2, 3, workers=1, on_fold=lambda done, of: progress.append((done, of)))
    assert progress == [(k, 6) for k in range(1, 7)] and len({seed for _, seed in tested}) == 6
    for repeat in (tested[:3], tested[3:]):
        assert sorted(np.concatenate([rows for rows, _ in repeat])) == list(range(36))
    assert {frozenset(rows) for rows, _ in tested[:3]} != {frozenset(rows) for rows, _ in tested[3:]}
    for (rows, _), cnn, logistic in zip(tested, *(result.scores[m]["accuracy"] for m in ("cnn", "logistic")), strict=True):
        assert (cnn * len(rows)).round(9) % 1 == (logistic * len(rows)).round(9) % 1 == 0
    again = cross_validate(data, FAST, 2, 3)
    for model, scores in result.scores.items():
        for name, values in scores.items():
            np.testing.assert_array_equal(values, again.scores[model][name])


def test_groups_stay_together_in_every_fold(monkeypatch):
    data, tested, original = clouds((24, 24), features=2), [], evaluation.run_fold
    data = replace(data, groups=(np.arange(48) // 2).astype(str))
    monkeypatch.setattr(evaluation, "run_fold", lambda data, test, c: tested.append(test) or original(data, test, c))
    cross_validate(data, FAST, 1, 3)
    for rows in tested:
        assert not set(data.groups[rows]) & set(np.delete(data.groups, rows))


def test_the_difference_is_paired_and_its_interval_is_the_formulas():
    cnn, logistic = np.array([0.90, 0.80, 0.95, 0.85]), np.array([0.88, 0.79, 0.91, 0.86])
    result = CrossValidation({"cnn": {"accuracy": cnn}, "logistic": {"accuracy": logistic}}, 1 / 3, 2, 2)
    entry = result.summary()["difference"]["accuracy"]
    d = np.array([0.02, 0.01, 0.04, -0.01])  # mean .015; squares about it .000025 .000025 .000625 .000625
    variance = 0.0013 / 3
    margin = 3.182446305 * np.sqrt((1 / 4 + 1 / 2) * variance)  # Student's t for 3; test rows are half of training rows
    assert entry["mean"] == pytest.approx(0.015) and d.mean() == pytest.approx(0.015)
    assert (entry["low"], entry["high"]) == pytest.approx((0.015 - margin, 0.015 + margin), rel=1e-6)
    assert entry["sd"] == pytest.approx(np.sqrt(variance)) and (entry["min"], entry["max"]) == pytest.approx((-0.01, 0.04))


def test_an_interval_stays_inside_its_metric():
    scores = {"accuracy": np.array([1.0, 0.9, 1.0, 0.8]), "log_loss": np.array([0.0, 2.5, 0.1, 3.0])}
    summary = CrossValidation({"cnn": scores, "logistic": {k: v[::-1] for k, v in scores.items()}}, 0.3, 2, 2).summary()
    assert summary["cnn"]["accuracy"]["high"] == 1.0 and summary["cnn"]["log_loss"]["low"] == 0.0
    assert summary["cnn"]["log_loss"]["high"] > 1 and summary["difference"]["accuracy"]["low"] < 0


def test_the_correction_counts_the_rows_that_were_trained_on(monkeypatch):
    data, trained_on, original = clouds((60, 60), features=2), [], evaluation.train_classifier
    monkeypatch.setattr(evaluation, "train_classifier", lambda *a: trained_on.append(len(a[1])) or original(*a))
    result = cross_validate(data, FAST, 1, 4)
    share = 30 / (30 + np.mean(trained_on))
    assert result.test_share == pytest.approx(share, rel=0.01)


@pytest.mark.parametrize("repeats, count, what", [(0, 5, "0 repeats"), (1, 1, "folds"), (1, 17, "too few rows")])
def test_folds_that_cannot_be_are_refused(repeats, count, what):
    with pytest.raises(InputError, match=what) as caught:
        cross_validate(clouds((20, 16), features=2), Config(epochs=1), repeats, count)
    assert caught.value.exit_code == 3


def test_three_classes_are_cross_validated_with_the_sensitivity_of_each():
    data = clouds((12, 12, 12), features=3)
    result = cross_validate(data, FAST, 1, 2)
    of_each = [f"sensitivity of {name}" for name in data.class_names]
    assert list(result.scores["cnn"]) == ["accuracy", *of_each, "macro_f1", "macro_auc"]
    mean = np.mean([result.scores["cnn"][name] for name in of_each], axis=0)
    assert mean == pytest.approx(result.scores["cnn"]["accuracy"]), "folds of as many rows of each class"
    assert result.summary()["cnn"][of_each[0]].keys() == result.summary()["cnn"]["accuracy"].keys()
    shown = show.cross_validation(result, data).splitlines()
    assert all(sum(line.startswith(name) for line in shown) == 2 for name in of_each), "its mean, and its spread"
    assert all(0 <= value <= 1 for values in result.scores["logistic"].values() for value in values)


def test_where_the_last_epoch_is_kept_all_rows_are_trained_on(monkeypatch):
    data, parts, original = clouds((40, 40), features=3), [], evaluation.train_classifier
    monkeypatch.setattr(evaluation, "train_classifier", lambda *a: parts.append(a[1:3]) or original(*a))
    rows = np.arange(0, 80, 2)
    for monitor in ("last", "validation_loss"):
        evaluation.train_network(data, rows, replace(FAST, monitor=monitor))
    (every, _), (most, chosen) = parts
    assert sorted(every) == sorted([*most, *chosen]) == list(rows)
