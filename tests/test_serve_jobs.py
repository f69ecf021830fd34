"""Training runs of the page: told as they go, stopped with what they have, kept by name, and nothing left behind."""

import asyncio
import errno
import json
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from trained import environment, wisconsin_table, write_clouds

from bcdetect.bundle import load_classifier
from bcdetect.config import Config
from bcdetect.errors import OutputError, UsageError
from bcdetect.serve.choices import chosen
from bcdetect.serve.jobs import Jobs, plain_name
from bcdetect.serve.work import Busy

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs process groups")
SMALL = chosen({"epochs": 3, "filters": [4], "units": 4, "lr": 0.01})
LONG = chosen({"epochs": 500, "patience": 500, "filters": [4], "units": 4, "batch_size": 4})
CLOUDS = {"label": "kind", "positive": "b"}
LIMIT = 120.0  # seconds to wait for what a loaded machine does in two


@pytest.fixture(autouse=True)
def numpy_alone(monkeypatch):
    monkeypatch.setenv("TINYCNN_BACKEND", "numpy")  # nothing is compiled


@pytest.fixture
def make(tmp_path):
    """Jobs that are closed at the end, and then have left nothing."""
    made = []
    (tmp_path / "private").mkdir()

    def make(**options):
        made.append(Jobs(tmp_path / "private", tmp_path / "models", **options))
        return made[-1]

    yield make
    for jobs in made:
        jobs.close()
        assert not any(job.running for job in jobs.all())
    assert not list((tmp_path / "private").iterdir())


async def _until(job, condition, after):
    async for event in job.follow(after):
        if condition(event):
            return event
    return None


def until(job, condition=lambda event: False, after=0):
    """The first event for which that holds, as it comes; the last is waited for without."""

    async def main():
        return await asyncio.wait_for(_until(job, condition, after), LIMIT)

    found = asyncio.run(main())
    return found or job.events()[-1]


def is_epoch(event):
    return event["event"] == "epoch"


def files(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def table(tmp_path) -> bytes:
    return Path(write_clouds(tmp_path / "made.csv", rows_of_class=(60, 80))).read_bytes()


def test_a_run_on_an_own_table_is_told_kept_and_names_no_folder(make, tmp_path):
    jobs = make()
    config = chosen({"epochs": 3, "filters": [4], "units": 4, **CLOUDS})
    job = jobs.start(config, table(tmp_path), "C:\\data\\my patients.csv")
    assert stat.S_IMODE(jobs.folder.stat().st_mode) == stat.S_IMODE(job.folder.stat().st_mode) == 0o700
    with pytest.raises(UsageError, match="no model to keep"):
        job.keep("early")
    with pytest.raises(UsageError, match="not ended"):
        job.forget()

    async def listen():
        async def hear(after):
            return [event async for event in job.follow(after)]

        return await asyncio.wait_for(asyncio.gather(hear(0), hear(0), hear(4)), LIMIT)

    first, second, again = asyncio.run(listen())
    assert first == second == job.events() and again == first[4:]
    assert [event["id"] for event in first] == list(range(1, len(first) + 1))
    epochs = [event for event in first if is_epoch(event)]
    assert [(event["epoch"], event["of"]) for event in epochs] == [(1, 3), (2, 3), (3, 3)]
    numbers = {"loss", "validation_loss", "validation_auc", "lr", "seconds_left"}
    assert all(isinstance(event[name], float) for event in epochs for name in numbers)
    assert {"reading", "training", "writing"} <= {event.get("state") for event in first}
    assert any("my patients: 140 rows" in event["text"] for event in first if event["event"] == "line")
    last = first[-1]
    assert (last["event"], last["state"], last["usable"], last["interrupted"]) == ("done", "done", True, False)
    assert 0 <= last["test"]["CNN"]["accuracy"]["value"] <= 1 and last["epochs"] == 3
    assert not [name for name in files(job.folder) if name.endswith(".csv") and not name.endswith("history.csv")]

    kept = job.keep("clouds-1")
    assert kept == job.kept == job.run == tmp_path / "models" / "clouds-1" and not job.folder.exists()
    assert {"config.json", "history.csv", "metrics.json", "model.npz", "report.html"} <= files(kept)
    settings = json.loads((kept / "config.json").read_text())
    assert settings["data"] == "my patients.csv" and settings["label"] == "kind"
    classifier, _ = load_classifier(kept / "model.npz")
    assert classifier.card["data"]["file"] == classifier.card["settings"]["data"] == "my patients.csv"
    for path in kept.rglob("*"):
        assert path.is_dir() or str(jobs.folder).encode() not in path.read_bytes(), path
    with pytest.raises(UsageError, match="kept already"):
        job.keep("clouds-2")
    job.forget()
    assert kept.is_dir() and jobs.get(job.id) is None and jobs.all() == []


def test_stopped_it_keeps_the_best_weights_so_far(make, tmp_path, monkeypatch):
    jobs = make()
    job = jobs.start(LONG)
    with pytest.raises(Busy):
        jobs.start(SMALL)
    until(job, is_epoch)
    job.stop()
    assert job.state == "stopping" and job.running
    last = until(job)
    assert (last["event"], last["state"], last["usable"]) == ("done", "stopped", True)
    assert 1 <= last["epochs"] < 500
    assert "stopping" in [event.get("state") for event in job.events()]
    job.stop()  # nothing to stop any more
    assert job.facts() | {"started": ""} == {
        "id": job.id, "state": "stopped", "started": "", "data": None, "epochs": 500, "usable": True, "kept": None
    }  # fmt: skip

    models = tmp_path / "models"
    models.mkdir()
    (models / "taken").mkdir()
    (models / "single.npz").touch()
    (models / "dangling").symlink_to("nowhere")
    names = ("", ".", "..", "../x", "a/b", "a\\b", "/etc/x", ".hidden", "-x", "a b", "ü", "x" * 65, "x\n", "x\0", "m.npz")
    for name in (*names, "taken", "single", "dangling"):
        with pytest.raises(UsageError):
            job.keep(name)
    assert job.run is not None and {path.name for path in models.iterdir()} == {"taken", "single.npz", "dangling"}

    rename = os.rename

    def across(source, target):
        if Path(source).parent != Path(target).parent:
            raise OSError(errno.EXDEV, "another file system")
        rename(source, target)

    monkeypatch.setattr(os, "rename", across)
    kept = job.keep("x" * 64)
    assert {path.name for path in models.iterdir()} == {"taken", "single.npz", "dangling", "x" * 64}
    header, rows = wisconsin_table()
    classifier, _ = load_classifier(kept / "model.npz")
    place = [header.index(name) for name in classifier.feature_names]
    x = [[float(row[at]) for at in place] for row in rows[:5]]
    assert classifier.predict_proba(x).shape == (5, 2)
    assert json.loads((kept / "metrics.json").read_text())["interrupted"] is True


def test_stopped_before_its_first_epoch_and_stopped_twice_there_is_nothing_to_keep(make):
    jobs = make(at_once=2, grace=LIMIT)
    early, frozen = jobs.start(LONG), jobs.start(LONG)
    early.stop()
    until(frozen, is_epoch)
    os.killpg(frozen._process.pid, signal.SIGSTOP)
    frozen.stop()
    assert frozen.running
    frozen.stop()
    for job in (early, frozen):
        last = until(job)
        assert (last["event"], last["state"], last["usable"]) == ("done", "stopped", False) and job.run is None
        job.forget()
        assert not job.folder.exists()


def test_one_that_does_not_end_when_asked_is_killed(make):
    jobs = make(grace=0.2)
    job = jobs.start(LONG)
    until(job, is_epoch)
    os.killpg(job._process.pid, signal.SIGSTOP)
    job.stop()
    assert until(job)["state"] == "stopped"


def test_a_run_is_ended_when_its_time_is_over_and_says_so(make):
    job = make(seconds=0.0).start(LONG)
    last = until(job)
    assert (last["event"], last["state"], last["usable"]) == ("done", "stopped", False)
    assert sum("the most that a run may take" in event.get("text", "") for event in job.events()) == 1


@pytest.mark.parametrize(
    "csv, name, settings, code, said",
    [
        (b"radius,diagnosis\n1,M\nx,B\n", "b\xe4d.csv", {}, "bad_input", "row 2 (line 3), column 'radius': 'x' is not a number"),
        (b"", "empty.csv", {}, "bad_input", "the file is empty"),
        (b"PK\x03\x04....", "book.xlsx", {}, "bad_input", "zip archive"),
        (b"path,label\n/etc/passwd,benign\n/etc/hosts,malignant\n", "m.csv", {}, "bad_input", "name picture files"),
        (b"scan,diagnosis\n/root/a.png,B\n/root/b.png,M\n", "m.csv", {}, "bad_input", "name picture files"),
        (None, "", {"label": "outcome"}, "bad_input", "no column 'outcome'"),
        (None, "", {"lr": 1.0, "optimizer": "sgd", "weight_decay": 10.0}, "diverged", "diverged"),
    ],
)
def test_what_cannot_be_trained_on_is_told_by_its_parts(csv, name, settings, code, said, make):
    job = make().start(chosen({"epochs": 60, "filters": [4], **settings}), csv, name)
    last = until(job)
    assert (last["event"], last["state"], last["usable"]) == ("error", "failed", False)
    error = last["error"]
    assert error["code"] == code and said in error["what"] and set(error) == {"code", "file", "where", "what", "hint"}
    if csv is not None:
        assert error["file"] == plain_name(name) and "/" not in error["file"]
        assert files(job.folder) == {"request.json"}  # the table is gone


def test_a_crash_is_told_and_the_table_is_removed(make, tmp_path):
    job = make().start(chosen({"epochs": 500, "patience": 500, **CLOUDS}), table(tmp_path), "t.csv")
    os.killpg(job._process.pid, signal.SIGKILL)
    last = until(job)
    assert (last["event"], last["state"]) == ("error", "failed")
    assert last["error"]["code"] == "crash" and "signal 9" in last["error"]["what"]
    assert files(job.folder) == {"request.json"}


def test_only_so_many_ended_runs_are_known(make):
    jobs = make(kept=2)
    ended = []
    for _ in range(4):
        job = jobs.start(chosen({"label": "none"}))
        until(job)
        ended.append(job)
    assert jobs.all() == ended[:0:-1] and jobs.get(ended[0].id) is None  # the oldest went when the fourth was started
    assert not ended[0].folder.exists() and ended[1].folder.exists()
    assert jobs.get("../x") is None and jobs.get(ended[3].id) is ended[3]


def test_closing_ends_what_runs_and_starts_no_more(make):
    jobs = make()
    job = jobs.start(LONG)
    until(job, is_epoch)
    jobs.close()
    assert job.state == "stopped" and not jobs.folder.exists()
    with pytest.raises(Busy):
        jobs.start(SMALL)
    assert until(job)["usable"] is False


SERVER = """
import sys, time
from bcdetect.serve.choices import chosen
from bcdetect.serve.jobs import Jobs
jobs = Jobs(sys.argv[1], sys.argv[2])
config = chosen({"epochs": 500, "patience": 500, "batch_size": 2, "label": "kind", "positive": "b"})
job = jobs.start(config, open(sys.argv[3], "rb").read(), "t.csv")
while not any(event["event"] == "epoch" for event in job.events()):
    time.sleep(0.01)
print(job._process.pid, job.folder, flush=True)
time.sleep(1000)
"""


def test_a_run_does_not_outlive_a_server_that_was_killed(tmp_path):
    (tmp_path / "private").mkdir()
    csv = write_clouds(tmp_path / "t.csv", rows_of_class=(60, 80))
    words = [sys.executable, "-c", SERVER, str(tmp_path / "private"), str(tmp_path / "models"), csv]
    with subprocess.Popen(words, env=environment(), stdout=subprocess.PIPE, text=True) as server:
        pid, folder = server.stdout.readline().split()
        assert Path(folder).is_dir()
        server.kill()
        server.wait()
        assert server.stdout.read() == ""
    deadline = time.monotonic() + LIMIT
    while list((tmp_path / "private").iterdir()) or alive(int(pid)):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def alive(pid):
    """Whether it runs; one that has ended may wait for an init that takes no notice."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False


def test_only_settings_of_the_page_are_started(make, tmp_path):
    with pytest.raises(UsageError):
        make().start(Config(data="/etc/passwd"))
    with pytest.raises(OutputError):
        Jobs(tmp_path / "missing", tmp_path)


@pytest.mark.parametrize(
    "given, plain",
    [
        ("table.csv", "table.csv"), ("Table.CSV", "Table.csv"), ("../../etc/passwd", "passwd.csv"), ("a\\b\\c.csv", "c.csv"),
        ("", "table.csv"), ("..", "table.csv"), (".csv", "table.csv"), ("x\0y\n.csv", "x_y_.csv"), ("\ud800.csv", "_.csv"),
        ("<script>.csv", "_script_.csv"), ("scan.npz", "scan.npz.csv"), ("wisconsin", "wisconsin.csv"),
        ("\N{LATIN SMALL LETTER E WITH ACUTE}" * 200, "\N{LATIN SMALL LETTER E WITH ACUTE}" * 75 + ".csv"),
    ],
)  # fmt: skip
def test_a_tables_name_is_one_file_in_one_folder(given, plain, tmp_path):
    assert plain_name(given) == plain
    (tmp_path / plain).write_bytes(b"")
    assert [path.name for path in tmp_path.iterdir()] == [plain]
