"""The log of predictions: every answer is in it, whoever writes at the same time, and no other file is ever touched."""

import json
import os
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from datetime import datetime, timezone

import pytest
from trained import environment

from bcdetect.errors import InputError, OutputError
from bcdetect.serve.log import PredictionLog

INPUT, MODEL = "a" * 64, "b" * 64
ANSWER = {"class": "malignant", "probability": 0.93, "name": "Zoë \U0001f600"}
WRITER = """
import sys
from bcdetect.serve.log import PredictionLog
log = PredictionLog(sys.argv[1])
print("ready", flush=True)
sys.stdin.read()
for n in range(50):
    log.add(sys.argv[2], "i", "m", "wisconsin", {"n": n})
"""


def rows(path):
    with closing(sqlite3.connect(path)) as connection:
        columns = "time, kind, input_sha256, model_sha256, model_name, result"
        return connection.execute(f"SELECT {columns} FROM predictions ORDER BY id").fetchall()


def pragma(path, name):
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(f"PRAGMA {name}").fetchone()[0]


def add(log, kind="row", **result):
    log.add(kind, INPUT, MODEL, "wisconsin", result or ANSWER)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "log.db"


def test_a_row_says_when_what_and_by_which_model(path):
    before = datetime.now(timezone.utc)
    log = PredictionLog(path)
    add(log)
    [(time, *row, result)] = rows(path)  # by another connection, before the log is closed
    log.close()
    assert row == ["row", INPUT, MODEL, "wisconsin"] and json.loads(result) == ANSWER
    assert time.endswith("+00:00")
    assert abs((datetime.fromisoformat(time) - before).total_seconds()) < 60
    assert pragma(path, "journal_mode") == "wal" and pragma(path, "user_version") == 1
    assert [each.name for each in path.parent.iterdir()] == ["log.db"]


@pytest.mark.skipif(os.name == "nt", reason="permissions of POSIX")
def test_only_its_owner_may_read_it(path):
    log = PredictionLog(path)
    add(log)
    assert {each.stat().st_mode & 0o777 for each in path.parent.iterdir()} == {0o600}
    log.close()


def test_opened_again_it_goes_on(path):
    for n in range(3):
        log = PredictionLog(path)
        add(log, n=n)
        log.close()
    assert [json.loads(row[-1])["n"] for row in rows(path)] == [0, 1, 2]


def test_one_log_for_several_threads(path):
    log = PredictionLog(path)
    begin = threading.Barrier(4)

    def write(kind):
        begin.wait()
        for n in range(40):
            add(log, kind, n=n)

    threads = [threading.Thread(target=write, args=(f"thread {k}",)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    log.close()
    found = [(row[1], json.loads(row[-1])["n"]) for row in rows(path)]
    for k in range(4):
        assert [n for kind, n in found if kind == f"thread {k}"] == list(range(40))
    assert len(found) == 160


def test_two_processes_that_make_and_fill_one_file_at_the_same_time(path):
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), kind],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(),
        )
        for kind in ("one", "two")
    ]  # fmt: skip
    for writer in writers:
        assert writer.stdout.readline() == "ready\n", writer.stderr.read()
    for writer in writers:
        writer.stdin.close()
    for writer in writers:
        with writer:
            assert writer.wait(60) == 0, writer.stderr.read()
    found = [(row[1], json.loads(row[-1])["n"]) for row in rows(path)]
    for name in ("one", "two"):
        assert [n for kind, n in found if kind == name] == list(range(50))


def test_a_process_that_was_killed_loses_no_row_and_the_log_goes_on(path):
    code = WRITER + "import os; os.kill(os.getpid(), 9)"
    done = subprocess.run([sys.executable, "-c", code, str(path), "killed"], input="", env=environment(), timeout=60, text=True,
                          capture_output=True)  # fmt: skip
    assert done.returncode
    log = PredictionLog(path)
    add(log)
    log.close()
    assert [row[1] for row in rows(path)] == ["killed"] * 50 + ["row"]


def other_database(path, wal=False, **pragmas):
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA journal_mode = {'WAL' if wal else 'DELETE'}")
        connection.execute("CREATE TABLE patients (name TEXT)")
        for name, value in pragmas.items():
            connection.execute(f"PRAGMA {name} = {value}")
        connection.commit()


@pytest.mark.parametrize(
    "make, said",
    [
        (lambda path: path.write_text("radius,texture\n1,2\n"), "no log of predictions"),
        (lambda path: path.write_bytes(b"SQLite format 3\0"), "no log of predictions"),
        (other_database, "no log of predictions"),
        (lambda path: other_database(path, wal=True, user_version=1), "no log of predictions"),
        (lambda path: other_database(path, application_id=0x62636C67, user_version=2), "a log of version 2"),
    ],
)
def test_another_file_is_refused_and_stays_as_it_is(make, said, path):
    make(path)
    before = path.read_bytes(), path.stat().st_mtime_ns
    with pytest.raises(InputError, match=said) as caught:
        PredictionLog(path)
    assert caught.value.file == str(path) and caught.value.hint
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before
    assert [each.name for each in path.parent.iterdir()] == ["log.db"]


def test_where_no_file_can_be_is_said(tmp_path):
    for place in (tmp_path, tmp_path / "missing" / "log.db"):
        with pytest.raises(OutputError, match="no log can be written here"):
            PredictionLog(place)
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(InputError, match="not a regular file"):
            PredictionLog(tmp_path / "pipe")


def test_an_answer_that_cannot_be_logged_fails(path):
    log = PredictionLog(path, seconds=0.1)
    add(log, n=0)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(OutputError, match="cannot be written: database is locked"):
            add(log, n=1)
        other.execute("ROLLBACK")
    add(log, n=2)
    log.close()
    with pytest.raises(OutputError, match="closed"):
        add(log, n=3)
    assert [json.loads(row[-1])["n"] for row in rows(path)] == [0, 2]


@pytest.mark.skipif(os.name == "nt", reason="limits of POSIX")
def test_a_full_disk_fails_and_the_file_stays_whole(path):
    code = (
        "import resource, sys\n"
        "from bcdetect.errors import OutputError\n"
        "from bcdetect.serve.log import PredictionLog\n"
        "log = PredictionLog(sys.argv[1])\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))\n"
        "for n in range(100):\n"
        "    try: log.add('row', 'i', 'm', 'name', {'n': n, 'text': 'x' * 5_000})\n"
        "    except OutputError as error: print(n, error.code); break\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], env=environment(), capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    failed, code = done.stdout.split()
    assert code == "output" and 0 < int(failed) < 100
    assert [json.loads(row[-1])["n"] for row in rows(path)] == list(range(int(failed)))


@pytest.mark.skipif(os.name == "nt", reason="Windows moves no open file")
@pytest.mark.parametrize("replaced", [False, True])
def test_a_log_that_was_moved_away_is_noticed(replaced, path):
    log = PredictionLog(path)
    add(log)
    path.rename(path.with_name("old.db"))
    if replaced:
        path.touch()
    with pytest.raises(OutputError):
        add(log)
    log.close()
