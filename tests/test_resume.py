"""An interrupted run: what it leaves, and that going on ends with the bits of a run that was never interrupted."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from trained import command, environment, process, write_clouds

from bcdetect.cli import main
from tinycnn.bundle import read_arrays, write_arrays

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs signals")
LONG = ("--set", "epochs=100000", "--set", "patience=100000")
RICH = (
    "--set",
    "ema=0.9",
    "--set",
    "mixup=0.2",
    "--set",
    "ensemble=2",
    "--set",
    "schedule=onecycle",
    "--set",
    "label_smoothing=0.1",
)


@pytest.fixture
def table(tmp_path):
    return write_clouds(tmp_path / "table.csv", rows_of_class=(60, 80), apart=1.0)


@pytest.fixture
def pictures(tmp_path, rng):
    for name in ("benign", "malignant"):
        (tmp_path / "scans" / name).mkdir(parents=True)
        for i in range(20):
            picture = rng.integers(0, 60, (12, 12), np.uint8) + (40 if name == "malignant" else 0)
            Image.fromarray(picture.astype(np.uint8)).save(tmp_path / "scans" / name / f"{i}.png")
    return str(tmp_path / "scans")


def words_for(data, *more):
    label = ("--label", "kind", "--positive", "b") if data.endswith(".csv") else ("--set", "image_size=8", "--set", "width=4")
    return ("train", "--data", data, *label, "--set", "filters=4", "--set", "units=4", *more)


def start(*words, undrawn=True):
    return subprocess.Popen(
        command(*words, hurried=True, undrawn=undrawn),
        env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def after_epochs(run, count=3):
    for line in run.stdout:
        if line.partition("epoch")[1] and not (count := count - 1):
            return
    raise AssertionError(run.stderr.read())


def weights(folder):
    arrays, _, _ = read_arrays(folder / "model.npz")
    return {name: array.tobytes() for name, array in arrays.items() if not name.startswith("self_test")}


def test_ctrl_c_leaves_a_usable_run_that_can_go_on(table, tmp_path):
    with start(*words_for(table, *LONG, "--out", tmp_path / "o")) as run:
        after_epochs(run)
        run.send_signal(signal.SIGINT)
        out, err = run.communicate(timeout=60)
    assert run.returncode == 130 and "Traceback" not in err and "ending after this batch" in err
    assert "interrupted; go on with: python -m bcdetect train --resume" in out and "untouched test part" in out
    found = json.loads((tmp_path / "o" / "metrics.json").read_text())
    assert found["interrupted"] is True and {p.name for p in tmp_path.iterdir()} == {"table.csv", "o"}
    assert main(["predict", str(tmp_path / "o" / "model.npz"), table]) == 0
    with start("train", "--resume", tmp_path / "o") as run:
        after_epochs(run)
        run.send_signal(signal.SIGTERM)
        run.communicate(timeout=60)
    assert run.returncode == 143 and (tmp_path / "o" / "checkpoint.npz").exists() and (tmp_path / "o" / "model.npz").exists()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    moved = Path(table).rename(elsewhere / "table.csv")
    failed = process("train", "--resume", tmp_path / "o")
    assert failed.returncode == 3 and "no such file" in failed.stderr and (tmp_path / "o" / "model.npz").exists()
    moved.rename(table)


def test_ctrl_c_before_the_first_epoch_leaves_nothing(tmp_path):
    with start("train", *LONG, "--set", "batch_size=2", "--out", tmp_path / "o") as run:
        assert run.stdout.readline().startswith("wisconsin")
        time.sleep(0.1)
        run.send_signal(signal.SIGINT)
        _, err = run.communicate(timeout=60)
    assert run.returncode == 130 and "Traceback" not in err
    assert list(tmp_path.iterdir()) == [] or (tmp_path / "o" / "model.npz").exists()  # an epoch may have been done by then


@pytest.mark.parametrize("kind, more, kills", [("table", (), 2), ("table", RICH, 10), ("pictures", RICH, 4)])
def test_killed_at_any_moment_it_goes_on_to_the_same_bits(kind, more, kills, request, tmp_path, rng):
    data = request.getfixturevalue(kind)
    words = words_for(data, *more, "--epochs", "40", "--set", "patience=40")
    how = {"hurried": True, "undrawn": bool(more)}  # without more, some are killed while they draw
    begun = time.monotonic()
    assert process(*words, "--out", tmp_path / "whole", "--quiet", **how).returncode == 0
    whole = time.monotonic() - begun
    for _ in range(kills):
        with start(*words, "--resume", tmp_path / "killed", "--quiet", undrawn=how["undrawn"]) as run:
            try:
                run.communicate(timeout=whole * rng.uniform(0.2, 0.7))
            except subprocess.TimeoutExpired:
                run.kill()
    done = process(*words, "--resume", tmp_path / "killed", "--quiet", **how)
    assert done.returncode == 0, done.stderr
    assert weights(tmp_path / "killed") == weights(tmp_path / "whole")
    read = [(tmp_path / name / "history.csv").read_text() for name in ("killed", "whole")]
    assert read[0] == read[1] and not (tmp_path / "killed" / "checkpoint.npz").exists()
    assert {p.name for p in tmp_path.iterdir()} - {"table.csv", "scans"} == {"whole", "killed"}


@pytest.fixture
def left(table, tmp_path):
    """An unfinished run."""
    with start(*words_for(table, *LONG, "--out", tmp_path / "o")) as run:
        after_epochs(run)
        run.kill()
        run.communicate()
    return tmp_path / "o"


def test_what_a_run_cannot_go_on_from_is_refused(left, table, capsys):
    def refused(words, code, said):
        assert main(list(map(str, words))) == code
        assert said in capsys.readouterr().err

    refused(["train", "--resume", left, "--seed", "5"], 2, "a resumed run keeps its settings")
    refused(["train", "--resume", left, "--out", left], 2, "--resume and --out name the same folder")
    before = Path(table).read_text()
    lines = before.splitlines()
    Path(table).write_text("\n".join([lines[0], *lines[2:]]) + "\n")
    refused(["train", "--resume", left], 3, "the data is not what this run began with")
    assert (left.parent / "o.unfinished" / "checkpoint.npz").exists()  # for when the data is back


def test_an_unfinished_run_is_not_run_over(left, table, capsys):
    assert main(list(map(str, words_for(table, "--out", left)))) == 5
    assert f"an unfinished run is here. Go on with: python -m bcdetect train --resume {left}" in capsys.readouterr().err
    left.mkdir()
    (left / "model.npz").write_text("something else")
    assert main(["train", "--resume", str(left)]) == 5
    assert "is in the way of its unfinished run" in capsys.readouterr().err
    assert (left.parent / "o.unfinished" / "checkpoint.npz").exists() and (left / "model.npz").exists()


def test_a_second_ctrl_c_says_how_to_go_on(table, tmp_path):
    with start(*words_for(table, *LONG, "--set", "batch_size=2", "--out", tmp_path / "o")) as run:
        after_epochs(run, 30)
        for _ in range(2):
            run.send_signal(signal.SIGINT)
        _, err = run.communicate(timeout=60)
    if not (tmp_path / "o").exists():  # else the first of them had already ended the training
        assert run.returncode == 130 and "interrupted; go on with: python -m bcdetect train --resume" in err


def test_ctrl_c_in_another_network_leaves_those_that_are_done(table):
    from bcdetect.config import Config
    from bcdetect.run import load_run_data
    from bcdetect.training import Watch, train_classifier

    config = Config(data=table, label="kind", positive="b", ensemble=3, epochs=2, filters=(4,), units=4)
    data, parts = load_run_data(config)
    seen = []
    watch = Watch(on_epoch=lambda row, left: seen.append(row["network"]), stop=lambda: len(seen) == 4)
    classifier, histories = train_classifier(data, parts["train"], parts["validation"], config, watch)
    assert len(classifier.models) == 2 and histories[-1].interrupted and not histories[0].interrupted


def test_divergence_ends_what_it_began_and_nothing_else(left, table, tmp_path, capsys, monkeypatch):
    words = list(map(str, words_for(table, "--set", "lr=1e6", "--out", tmp_path / "new")))
    assert main(words) == 6
    assert "diverged" in capsys.readouterr().err and not list(tmp_path.glob("new*"))
    monkeypatch.setattr("bcdetect.training.Trainer.judge", lambda self: {"validation_loss": 1 / 0})
    with pytest.raises(ZeroDivisionError):
        main(["train", "--resume", str(left)])
    assert (left.parent / "o.unfinished" / "checkpoint.npz").exists()


def test_a_name_that_no_run_has_is_no_new_run(tmp_path, capsys):
    assert main(["train", "--resume", str(tmp_path / "typo")]) == 2
    assert "no run was begun there" in capsys.readouterr().err and not list(tmp_path.iterdir())


def test_a_damaged_checkpoint_is_named(left, capsys):
    checkpoint = left.parent / "o.unfinished" / "checkpoint.npz"
    checkpoint.write_bytes(checkpoint.read_bytes()[:-100])
    assert main(["train", "--resume", str(left)]) == 3
    assert "cannot be gone on from" in capsys.readouterr().err


def test_a_finished_run_is_left_as_it_is(table, tmp_path, capsys):
    words = [*map(str, words_for(table, "--epochs", "2")), "--resume", str(tmp_path / "o")]
    assert main(words) == 0
    before = weights(tmp_path / "o")
    capsys.readouterr()
    assert main(["train", "--resume", str(tmp_path / "o")]) == 0
    assert "finished already" in capsys.readouterr().out and weights(tmp_path / "o") == before


def test_a_checkpoint_of_other_settings_is_refused(left, capsys):
    checkpoint = left.parent / "o.unfinished" / "checkpoint.npz"
    arrays, meta, _ = read_arrays(checkpoint)
    meta["checkpoint"]["made_for"]["settings"]["lr"] = 5.0
    write_arrays(checkpoint, arrays, {"checkpoint": meta["checkpoint"]})
    assert main(["train", "--resume", str(left)]) == 3
    assert "the settings are not what this run began with" in capsys.readouterr().err
