"""Tuning: no test row is seen, every trial is judged alike, and the best is the best."""

from dataclasses import replace

import numpy as np
import pytest
from trained import clouds
from tuning_plans import DATA, FAST, plan

from bcdetect.errors import InputError, TrainingError
from bcdetect.splits import split
from bcdetect.tuning import study
from bcdetect.tuning.result import importance, to_csv, tuned
from bcdetect.tuning.space import Real
from bcdetect.tuning.study import Plan, search
from bcdetect.tuning.tune import inside, study_name

pytest.importorskip("optuna", reason="optuna is not installed (the extra tune)")


def test_no_row_of_the_test_part_reaches_a_trial(monkeypatch):
    data = replace(clouds((40, 40), features=3), groups=(np.arange(80) // 2).astype(str))
    parts = split(data.y, data.groups, 0.2, 0.2, 0)
    rows = inside(data, parts)
    assert sorted(map(tuple, rows.x)) == sorted(map(tuple, data.x[np.concatenate([parts["train"], parts["validation"]])]))
    assert not set(rows.groups) & set(data.groups[parts["test"]])
    x, y = data.x.copy(), data.y.copy()
    x[parts["test"]], y[parts["test"]] = 99.0, 1 - y[parts["test"]]
    one, other = (search(inside(d, parts), plan("lr"), 3) for d in (data, replace(data, x=x, y=y)))
    assert [t.value for t in one.trials] == [t.value for t in other.trials]
    with pytest.raises(InputError, match="test part"):
        inside(data, {**parts, "train": np.append(parts["train"], parts["test"][0])})
    broken = replace(data, groups=np.full(80, "one"))
    with pytest.raises(InputError, match="test part"):
        inside(broken, parts)


def test_every_trial_is_judged_on_the_same_folds_that_cover_all_rows(monkeypatch):
    seen, original = [], study.inner_answers

    def spy(*arguments):
        for rows, p in original(*arguments):
            seen.append(tuple(rows))
            yield rows, p

    monkeypatch.setattr(study, "inner_answers", spy)
    search(DATA, plan("lr"), 2)
    assert seen[:2] == seen[2:] and sorted(seen[0] + seen[1]) == list(range(44))


def test_the_value_is_the_mean_over_the_inner_folds(monkeypatch):
    monkeypatch.setattr(study, "judged", lambda y, p, objective: {24: 0.3}.get(len(y), 0.5))
    found = search(clouds((24, 24), features=3), plan("lr"), 1)
    assert found.best_value == pytest.approx(0.3) and found.best_trial.user_attrs["folds"] == [0.3, 0.3]


def test_log_loss_and_auc_worked_by_hand():
    y, p = np.array([0, 1, 1]), np.array([[0.5, 0.5], [0.75, 0.25], [0.2, 0.8]])
    assert study.judged(y, p, "log_loss") == pytest.approx(-np.log(0.5 * 0.25 * 0.8) / 3)
    assert study.judged(y, p, "auc") == pytest.approx(0.5)  # of two pairs one is in order
    assert np.isfinite(study.judged(np.array([0]), np.array([[0.0, 1.0]]), "log_loss"))


@pytest.mark.parametrize("objective, best", [("log_loss", min), ("auc", max)])
def test_the_best_is_the_best(objective, best):
    answers = {}
    found = search(DATA, plan("lr", "dropout", objective=objective), 6, answers=answers)
    values = [t.value for t in found.trials if t.state.name == "COMPLETE"]
    assert found.best_value == best(values) == answers["value"]
    rows = np.concatenate([rows for rows, _ in answers["folds"]])
    assert sorted(rows) == list(range(44))
    config = tuned(found, plan(), False)
    assert config.lr == found.best_trial.params["lr"] and replace(config, lr=FAST.lr, dropout=FAST.dropout) == FAST


def test_a_trial_worse_than_most_is_pruned_after_two_folds(monkeypatch):
    asked = []

    def answers(data, config, inner, validation):
        for _ in range(inner):
            asked.append(config.lr)
            p = 0.9 if len(set(asked)) <= 6 else 0.1  # the seventh trial is far worse than all before
            yield np.arange(2), np.array([[p, 1 - p], [p, 1 - p]])

    monkeypatch.setattr(study, "inner_answers", answers)
    found = search(replace(DATA, y=np.zeros(44, int)), plan("lr", inner=4), 7)
    assert [t.state.name for t in found.trials] == ["COMPLETE"] * 6 + ["PRUNED"]
    assert len(found.trials[6].intermediate_values) == 2 and asked.count(found.trials[6].params["lr"]) == 2


def test_a_trial_that_diverges_is_pruned_and_all_of_them_are_an_error(monkeypatch):
    def diverge(*_):
        raise TrainingError("training diverged")

    monkeypatch.setattr(study, "inner_answers", diverge)
    found = search(DATA, plan("lr"), 2)
    assert all(t.state.name == "PRUNED" and t.user_attrs["diverged"] for t in found.trials)
    with pytest.raises(TrainingError, match="no trial"):
        tuned(found, plan("lr"), False)


def test_the_same_settings_are_not_judged_twice(monkeypatch):
    trained, original = [], study.inner_answers
    monkeypatch.setattr(study, "inner_answers", lambda d, c, *a: trained.append(c.optimizer) or original(d, c, *a))
    found = search(DATA, plan("optimizer"), 8)
    assert len(found.trials) == 8 and sorted(trained) == sorted(set(trained))
    of = {}
    for trial in found.trials:
        assert of.setdefault(trial.params["optimizer"], trial.value) == trial.value


def test_studies_are_told_apart_by_all_they_follow_from():
    data = clouds((40, 40), features=3)
    parts = split(data.y, None, 0.2, 0.2, 0)
    names = {
        study_name(plan("lr"), data, parts), study_name(plan("dropout"), data, parts),
        study_name(plan("lr", inner=3), data, parts),
        study_name(replace(plan("lr"), config=replace(FAST, epochs=9)), data, parts),
        study_name(plan("lr"), replace(data, y=1 - data.y), parts),
    }  # fmt: skip
    assert len(names) == 5
    moved = replace(plan("lr"), config=replace(FAST, data="/elsewhere/t.csv"))
    assert study_name(moved, data, parts) in names


def test_importance_finds_what_matters(monkeypatch):
    def answers(data, config, inner, validation):
        p = np.exp(-abs(np.log10(config.lr) + 3))  # the rate alone decides
        yield np.arange(2), np.array([[p, 1 - p], [p, 1 - p]])

    monkeypatch.setattr(study, "inner_answers", answers)
    found = search(replace(DATA, y=np.zeros(44, int)), Plan(FAST, (Real("lr", 1e-4, 1e-1, True), Real("dropout", 0, 0.6)), 2), 30)
    shares = importance(found)
    assert next(iter(shares)) == "lr" and sum(shares.values()) == pytest.approx(1) and shares["lr"] > 0.6
    assert importance(search(DATA, plan("lr"), 1)) == {}
    assert len(to_csv(found, plan("lr")).splitlines()) == 31
