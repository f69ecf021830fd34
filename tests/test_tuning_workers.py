"""Tuning that is resumed, shared by processes or killed: no finished trial is lost, none is done twice."""

import csv
import os
import signal
import sqlite3
import subprocess
import sys
import time
import warnings

import pytest
from trained import ROOT, environment, process, write_clouds
from tuning_plans import DATA, FAST, plan, url

from bcdetect.tuning import study
from bcdetect.tuning.alive import is_dead, me
from bcdetect.tuning.study import open_study, recover, search
from bcdetect.tuning.tune import tune
from bcdetect.workers import run_jobs

pytest.importorskip("optuna", reason="optuna is not installed (the extra tune)")


def params(found):
    return [tuple(sorted(trial.params.items())) for trial in found.get_trials()]


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
