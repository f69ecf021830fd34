"""The command `tune`: it ends with settings that train, says what cannot be, and writes no secret."""

import json
from dataclasses import replace

import numpy as np
import pytest
from trained import ROOT, process, write_clouds

from bcdetect.cli import main
from bcdetect.config import Config
from bcdetect.run import load_run_data

pytest.importorskip("optuna", reason="optuna is not installed (the extra tune)")


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
