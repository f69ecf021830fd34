"""Tuning: no test row is seen, no finished trial is lost, none is done twice, and what comes out trains."""

import csv
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
import warnings
from dataclasses import replace

import numpy as np
import pytest
from trained import ROOT, SMALL, clouds, environment, process, write_clouds

from bcdetect.cli import main
from bcdetect.config import Config
from bcdetect.errors import InputError, TrainingError, UsageError
from bcdetect.evaluation import cross_validate
from bcdetect.run import load_run_data
from bcdetect.splits import split
from bcdetect.tuning import nested, study
from bcdetect.tuning.alive import is_dead, me
from bcdetect.tuning.result import importance, to_csv, tuned
from bcdetect.tuning.space import PICTURES, TABLES, Choice, Real, holds, settings, space_for, values_of
from bcdetect.tuning.study import Plan, open_study, recover, search
from bcdetect.tuning.tune import inside, study_name, tune
from bcdetect.workers import run_jobs

pytest.importorskip("optuna", reason="optuna is not installed (the extra tune)")
FAST = replace(SMALL, epochs=1)
DATA = clouds((24, 20), features=3)


def plan(*only, **changes):
    return Plan(FAST, space_for(DATA, only), **{"inner": 2, "validation": 0.3, **changes})


def url(path):
    return f"sqlite:///{path / 'trials.db'}"


def params(found):
    return [tuple(sorted(trial.params.items())) for trial in found.get_trials()]


@pytest.mark.parametrize("pictures, space", [(False, TABLES), (True, PICTURES)])
def test_every_end_of_every_range_is_a_setting_that_config_takes(pictures, space):
    names = {r.name for r in space}
    wanted = {"kernel_size", "depth", "dropout", "lr", "optimizer", "weight_decay"}
    assert wanted | ({"width", "rotate", "shift", "noise"} if pictures else {"filters", "units"}) <= names
    base = Config.for_pictures() if pictures else Config()
    for r in space:
        for value in r.values if isinstance(r, Choice) else (r.low, r.high):
            assert r.holds(value)
            config = settings({r.name: value}, base, pictures)
            if pictures or r.name not in ("filters", "depth"):
                assert getattr(config, r.name) == value
    assert settings({"filters": 8, "depth": 3}, Config(), False).filters == (8, 8, 8)
    assert settings({"depth": 2}, Config(filters=(4,)), False).filters == (4, 4)


def test_the_settings_to_beat_are_in_the_space_and_come_first():
    own = values_of(Config(), TABLES, DATA)
    assert settings(own, Config(), False) == Config() and holds(TABLES, own)
    for outside in (Config(filters=(8, 16)), Config(filters=()), Config(lr=1.0)):
        assert not holds(TABLES, values_of(outside, TABLES, DATA))
    first = plan("dropout", "lr")
    found = search(DATA, first, 2)
    assert found.trials[0].params == {"dropout": FAST.dropout, "lr": FAST.lr} and found.trials[1].params != found.trials[0].params


def test_small_pictures_get_no_deeper_than_they_are():
    x = np.zeros((4, 28, 28, 1), np.uint8)
    (depth,) = space_for(replace(DATA, x=x), ["depth"])
    assert depth.high == 4
    pictures, base = replace(DATA, x=x), Config.for_pictures()
    own = values_of(base, space_for(pictures), pictures)
    assert own["depth"] == 3 and holds(space_for(pictures), own)  # which the size has chosen
    assert settings(own, base, True) == replace(base, depth=3)


def test_what_is_not_tuned_cannot_be_asked_for():
    with pytest.raises(UsageError, match="'droput'") as caught:
        space_for(DATA, ["droput"])
    assert "dropout" in caught.value.hint


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


def test_a_resumed_study_goes_on_and_is_what_one_in_one_go_is(tmp_path):
    whole = search(DATA, plan("lr", "dropout"), 5)
    search(DATA, plan("lr", "dropout"), 2, url(tmp_path))
    parted = search(DATA, plan("lr", "dropout"), 5, url(tmp_path))
    assert params(parted) == params(whole)
    assert [t.value for t in parted.trials] == pytest.approx([t.value for t in whole.trials])
    assert len(search(DATA, plan("lr", "dropout"), 3, url(tmp_path)).trials) == 5  # there are enough already


def test_two_workers_repeat_no_trial_and_do_no_more_than_asked(tmp_path):
    found = tune(DATA, plan("lr", "dropout"), 9, url(tmp_path), "s", workers=2)
    done = [t for t in found.get_trials() if t.state.name in ("COMPLETE", "PRUNED")]
    assert len(done) == 9 and len({t.params["lr"] for t in done}) == 9
    assert [t.params for t in found.get_trials()].count({"lr": FAST.lr, "dropout": FAST.dropout}) == 1
    workers = {t.user_attrs["worker"]["pid"] for t in done}
    assert os.getpid() not in workers


def popped(place, folder, number):
    """The numbers of the queued trials that this process is given, beginning when both processes are there."""
    queue, numbers = open_study(plan("lr"), DATA, place, "s"), []
    (folder / f"here-{number}").touch()
    until = time.monotonic() + 60
    while not (folder / f"here-{1 - number}").exists() and time.monotonic() < until:
        time.sleep(0.005)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # trials are asked for here, and not run
        while any(t.state.name == "WAITING" for t in queue.get_trials(deepcopy=False)):
            numbers.append(queue.ask().number)
    return numbers


def test_no_queued_trial_is_given_to_two_workers(tmp_path):
    """SQLite knows no lock of a row: without a lock of the whole, both may find the same trial waiting."""
    queue = open_study(plan("lr"), DATA, url(tmp_path), "s")
    for k in range(60):
        queue.enqueue_trial({"lr": 1e-3 + k * 1e-5})
    one, other = run_jobs(popped, (url(tmp_path), tmp_path), [(0,), (1,)], 2)
    assert not set(one) & set(other) and set(range(60)) <= {*one, *other}


def test_a_trial_beyond_the_asked_number_is_withdrawn(tmp_path, monkeypatch):
    """As when two workers both saw that one trial was missing."""
    search(DATA, plan("lr"), 2, url(tmp_path))
    for name, stale in (("finished", 1), ("_taken", [0])):
        first, original = [stale], getattr(study, name)
        monkeypatch.setattr(study, name, lambda s, first=first, original=original: first.pop() if first else original(s))
    found = search(DATA, plan("lr"), 2, url(tmp_path))
    assert [t.state.name for t in found.get_trials()] == ["COMPLETE", "COMPLETE", "FAIL"]


@pytest.mark.filterwarnings("ignore:Heartbeat of storage")  # asked for trials here without running them
def test_the_trial_of_a_dead_worker_is_done_again_and_one_of_a_living_is_not(tmp_path):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    found = open_study(plan("lr"), DATA, url(tmp_path), "s")
    dead, living = found.ask(), found.ask()
    dead.suggest_float("lr", 2e-4, 3e-2, log=True)
    dead.set_user_attr("worker", {**me(), "pid": ended.pid})
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        time.sleep(0.2)
        from bcdetect.tuning import alive

        living.set_user_attr("worker", {**me(), "pid": other.pid, "began": alive._began(other.pid)})
        assert recover(found) == 1 and recover(found) == 0
        states = [t.state.name for t in found.get_trials()]
        assert states == ["FAIL", "RUNNING", "WAITING"]
        assert found.ask().suggest_float("lr", 2e-4, 3e-2, log=True) == FAST.lr
    finally:
        other.kill()
        other.wait()


def test_who_is_dead():
    assert not is_dead(me()) and not is_dead({**me(), "host": "elsewhere", "pid": 2**22 + 1})
    assert is_dead({**me(), "pid": 2**22 + 1})
    if me()["began"] is not None:
        assert is_dead({**me(), "began": "1"})  # the number was given to another process since


def states(path):
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        return connection.execute("select number, state from trials order by number").fetchall()
    except sqlite3.OperationalError:  # no table yet
        return []
    finally:
        connection.close()


def test_a_tuning_killed_with_9_loses_no_finished_trial(tmp_path):
    table = write_clouds(tmp_path / "t.csv", rows_of_class=(60, 50), features=4)
    words = ["tune", "--data", table, "--label", "kind", "--positive", "b", "--trials", "14", "--workers", "2", "--inner", "2"]
    words += ["--set", "epochs=60", "--set", "patience=60", "--out", str(tmp_path / "out"), "--quiet"]
    log = (tmp_path / "log").open("w+")
    command = [sys.executable, "-m", "bcdetect", *words]
    begun = subprocess.Popen(command, cwd=ROOT, env=environment(), start_new_session=True, stdout=log, stderr=log)
    database, deadline = tmp_path / "out" / "trials.db", time.monotonic() + 100
    while time.monotonic() < deadline and begun.poll() is None:
        if database.exists() and sum(state in ("COMPLETE", "PRUNED") for _, state in states(database)) >= 3:
            break
        time.sleep(0.05)
    assert begun.poll() is None, (tmp_path / "log").read_text()
    os.killpg(begun.pid, signal.SIGKILL)
    begun.wait()
    log.close()
    before = {n: s for n, s in states(database) if s in ("COMPLETE", "PRUNED")}
    assert 3 <= len(before) < 14 and not (tmp_path / "out" / "tuned.json").exists()
    done = process("tune", "--resume", tmp_path / "out", "--workers", "1", "--quiet", cwd=ROOT)
    assert done.returncode == 0, done.stderr
    rows = list(csv.DictReader((tmp_path / "out" / "trials.csv").read_text().splitlines()))
    assert {n: rows[n]["state"].upper() for n in before} == before
    finished = [row for row in rows if row["state"] in ("complete", "pruned")]
    assert len(finished) == 14 and len({row["lr"] for row in finished}) == 14
    left = [row for row in rows if row["state"] == "fail"]
    assert len(left) <= 2
    for row in left:  # what was under way was tried again
        assert not row["weight_decay"] or row["lr"] in {other["lr"] for other in finished}


def test_the_command_ends_with_a_config_that_train_takes(tmp_path, capsys):
    table = write_clouds(tmp_path / "t.csv", rows_of_class=(40, 40), features=3)
    out = tmp_path / "out"
    words = ["tune", "--data", table, "--label", "kind", "--positive", "b", "--trials", "6", "--workers", "1", "--inner", "2"]
    words += ["--set", "epochs=2", "--seed", "3", "--only", "lr, dropout", "--out", str(out)]
    assert main(words) == 0
    text = capsys.readouterr().out
    assert "was not touched" in text and "dropout" in text and "kernel size" not in text and "not a medical" in text
    assert {path.name for path in out.iterdir()} >= {"tuned.json", "trials.csv", "tuning.json", "history.png", "trials.db"}
    config = Config.from_json((out / "tuned.json").read_text())
    best = json.loads((out / "tuning.json").read_text())["best"]
    assert (config.seed, config.epochs, config.label, config.lr) == (3, 2, "kind", best["settings"]["lr"])
    assert main(["train", "--config", str(out / "tuned.json"), "--out", str(tmp_path / "run"), "--quiet"]) == 0
    ran = Config.from_json((tmp_path / "run" / "config.json").read_text())
    assert ran == config and np.array_equal(*(load_run_data(c)[1]["test"] for c in (ran, replace(config, lr=1e-3))))
    capsys.readouterr()
    assert main(["tune", "--resume", str(out), "--trials", "8", "--workers", "1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["trials"] == 8
    assert main(["tune", *words[1:]]) == 5 and "--resume" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words, code, what",
    [
        (["--trials", "0"], 2, "--trials 0"), (["--workers", "0"], 2, "--workers 0"), (["--inner", "1"], 2, "--inner 1"),
        (["--only", "beauty"], 2, "beauty"), (["--set", "lr=0"], 2, "lr"), (["--resume", "nowhere"], 3, "no tuning was begun"),
        (["--resume", "a", "--set", "lr=1"], 2, "keeps its settings"), (["--init", "m.npz"], 2, "--init"),
        (["--set", "init=m.npz"], 2, "saved model"),
    ],
)  # fmt: skip
def test_what_cannot_be_tuned_is_said_and_nothing_written(words, code, what, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["tune", *words]) == code
    assert what in capsys.readouterr().err and not list(tmp_path.iterdir())


def test_a_storage_that_cannot_be_used_is_one_clear_error(tmp_path, capsys):
    table = write_clouds(tmp_path / "t.csv", rows_of_class=(40, 40), features=3)
    words = ["tune", "--data", table, "--label", "kind", "--positive", "b", "--storage", "nonsense://x", "--quiet"]
    assert main([*words, "--out", str(tmp_path / "out")]) == 2
    assert "storage cannot be used" in capsys.readouterr().err


def test_the_url_of_a_storage_is_not_written_down(tmp_path, capsys):
    table = write_clouds(tmp_path / "t.csv", rows_of_class=(40, 40), features=3)
    out, place = tmp_path / "out", f"sqlite:///{tmp_path / 'elsewhere.db'}"
    words = ["tune", "--data", table, "--label", "kind", "--positive", "b", "--set", "epochs=1", "--trials", "1", "--only", "lr"]
    assert main([*words, "--inner", "2", "--workers", "1", "--quiet", "--storage", place, "--out", str(out)]) == 0
    assert not any(b"elsewhere" in path.read_bytes() for path in out.iterdir())
    assert main(["tune", "--resume", str(out)]) == 2 and "--storage" in capsys.readouterr().err
    assert main(["tune", "--resume", str(out), "--storage", place, "--trials", "2", "--workers", "1", "--quiet"]) == 0


def test_without_optuna_the_command_says_how_to_get_it(tmp_path):
    (tmp_path / "optuna.py").write_text("raise ImportError('not here')")
    done = process("tune", cwd=tmp_path, env={"PYTHONPATH": f"{tmp_path}:{ROOT}"})
    assert done.returncode == 2 and "the extra 'tune'" in done.stderr and not (tmp_path / "runs").exists()


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


def test_pictures_are_tuned_with_their_augmentation(tmp_path, capsys):
    rng = np.random.default_rng(0)
    x = rng.integers(0, 99, (40, 12, 12), np.uint8)
    y = np.arange(40) % 2
    x[y == 1, :6] += 90
    parts = {"train": slice(0, 24), "val": slice(24, 32), "test": slice(32, 40)}
    np.savez(
        tmp_path / "p.npz",
        **{f"{part}_images": x[rows] for part, rows in parts.items()},
        **{f"{part}_labels": y[rows, None] for part, rows in parts.items()},
    )
    words = ["tune", "--data", str(tmp_path / "p.npz"), "--set", "epochs=1", "--set", "width=4", "--trials", "2"]
    words += ["--inner", "2", "--workers", "1", "--only", "rotate,noise,lr", "--out", str(tmp_path / "out"), "--quiet"]
    assert main(words) == 0, capsys.readouterr().err
    assert "8 rows, was not touched" in capsys.readouterr().out
    assert Config.from_json((tmp_path / "out" / "tuned.json").read_text()).width == 4
