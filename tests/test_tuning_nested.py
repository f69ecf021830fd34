"""Nested cross-validation: every fold is tuned on its own training rows alone."""

import json
from dataclasses import replace

import numpy as np
import pytest
from trained import clouds, write_clouds
from tuning_plans import FAST

from bcdetect.cli import main
from bcdetect.evaluation import cross_validate
from bcdetect.tuning import nested
from bcdetect.tuning.space import TABLES, space_for

pytest.importorskip("optuna", reason="optuna is not installed (the extra tune)")


def test_nothing_of_an_outer_test_fold_reaches_its_tuning(monkeypatch):
    data, given, original = clouds((30, 30), features=3), [], nested.search
    monkeypatch.setattr(nested, "search", lambda d, *a, **k: given.append(d) or original(d, *a, **k))
    test = np.arange(0, 60, 4)
    contender = nested.TunedNetwork("t", FAST, space_for(data, ["lr"]), 2, 2)
    rest = np.setdiff1d(np.arange(60), test)
    answer = contender.answer(data, rest, test, 7)
    np.testing.assert_array_equal(given[0].x, data.x[rest])
    x, y = data.x.copy(), data.y.copy()
    x[test[1:]] += 5
    y[test] = 1 - y[test]
    other = contender.answer(replace(data, x=x, y=y), rest, test, 7)
    assert answer.facts == other.facts and 0.05 <= answer.facts["temperature"] <= 20
    np.testing.assert_array_equal(answer.probabilities[0], other.probabilities[0])


def test_nested_cross_validation_scores_both_and_tells_what_each_fold_chose(capsys):
    data = clouds((30, 30), features=3)
    result = cross_validate(data, FAST, 1, 2, tune=2)
    plain = cross_validate(data, FAST, 1, 2)
    np.testing.assert_array_equal(result.scores["logistic"]["accuracy"], plain.scores["logistic"]["accuracy"])
    assert len(result.chosen) == 2 and set(result.chosen[0]["settings"]) == {r.name for r in TABLES} and not plain.chosen
    assert set(result.scores["cnn"]) == set(plain.scores["cnn"])


def test_nested_cross_validation_by_command(tmp_path, capsys):
    table = write_clouds(tmp_path / "t.csv", rows_of_class=(30, 30, 30), features=3)
    words = ["evaluate", "--cv", "1x2", "--tune", "2", "--data", table, "--label", "kind", "--set", "epochs=1", "--threads", "1"]
    assert main([*words, "--out", str(tmp_path / "s.json")]) == 0
    assert "chosen inside the folds" in capsys.readouterr().out
    assert len(json.loads((tmp_path / "s.json").read_text())["chosen"]) == 2
