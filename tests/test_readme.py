"""The README: its code runs, and its figures are those that the commands printed."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
RESULT = json.loads((ROOT / "benchmarks" / "wisconsin_cv10x10.json").read_text(encoding="utf-8"))
METRICS = {"accuracy": "accuracy", "sensitivity": "sensitivity", "specificity": "specificity", "ROC AUC": "roc_auc"}


def test_the_engines_example_runs_as_printed(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    names = {}
    exec(compile(code, "README.md", "exec"), names)
    assert names["probabilities"].shape == (32, 1) and "receptive field" in capsys.readouterr().out


@pytest.mark.parametrize("name", METRICS)
def test_the_table_holds_what_the_command_printed(name):
    row = [cell.strip() for cell in re.search(rf"^\| {name} \|(.*)\|$", README, re.MULTILINE)[1].split("|")]
    cnn, logistic, difference = (RESULT["summary"][model][METRICS[name]] for model in ("cnn", "logistic", "difference"))
    assert row[:2] == [f"{e['mean']:.4f} ({e['low']:.4f}-{e['high']:.4f})" for e in (cnn, logistic)]
    assert row[2] == f"{difference['mean']:+.4f} ({difference['low']:+.4f} to {difference['high']:+.4f})"


def test_the_result_stored_is_of_todays_default_settings():
    from dataclasses import asdict

    from bcdetect.config import Config

    assert RESULT["settings"] == json.loads(json.dumps(asdict(Config())))
    assert (RESULT["repeats"], RESULT["folds"]) == (10, 10)


def test_the_network_reaches_what_was_asked_of_it():
    cnn = RESULT["summary"]["cnn"]
    assert cnn["accuracy"]["mean"] >= 0.970 and cnn["roc_auc"]["mean"] >= 0.994


NESTED = json.loads((ROOT / "benchmarks" / "nested_cv.json").read_text(encoding="utf-8"))
CONTENDERS = ("tuned CNN", "default CNN", "logistic regression", "RBF SVM")


def test_the_nested_table_holds_what_the_command_printed():
    assert f"`{NESTED['command']}`" in README and (NESTED["repeats"], NESTED["folds"]) == (10, 10)
    for name, metric in (("accuracy", "accuracy"), ("ROC AUC", "roc_auc"), ("log loss", "log_loss")):
        found = (NESTED["summary"][contender][metric] for contender in CONTENDERS)
        cells = (f"{e['mean']:.4f} ({e['low']:.4f}-{e['high']:.4f})" for e in found)
        assert f"| nested {name} | {' | '.join(cells)} |" in README
    for name, metric in (("calibration slope", "calibration_slope"), ("ECE", "ece")):
        cells = (f"{NESTED['calibration'][contender][metric]:.3f}" for contender in CONTENDERS)
        assert f"| nested {name} | {' | '.join(cells)} |" in README


BREASTMNIST = json.loads((ROOT / "benchmarks" / "breastmnist.json").read_text(encoding="utf-8"))
EVERY, UNSEEN = BREASTMNIST["all test images"], BREASTMNIST["without those found again in training"]


@pytest.mark.parametrize("name, metric", [("AUC", "roc_auc"), *((m, m.replace(" ", "_")) for m in ("accuracy", "sensitivity"))])
def test_breastmnists_table_holds_what_the_command_printed(name, metric):
    row = [cell.strip() for cell in re.search(rf"^\| BreastMNIST {name} \|(.*)\|$", README, re.MULTILINE)[1].split("|")]
    expected = []
    for part in (EVERY, UNSEEN):
        mean = part["mean over seeds"][metric]
        expected += [f"{mean['mean']:.3f} (sd {mean['sd']:.3f})", _interval(part["ensemble"][metric])]
    expected.insert(2, _interval(EVERY["logistic"][metric]))
    assert row == expected


def test_breastmnists_result_is_of_the_recipe_and_ten_seeds():
    (recipe,) = re.findall(r"with_values\((.*?)\n\)", (ROOT / "benchmarks" / "breastmnist.py").read_text(), re.DOTALL)
    told = json.loads(re.sub(r",\s*}", "}", recipe))
    assert {name: BREASTMNIST["settings"][name] for name in told} == told
    assert len(BREASTMNIST["probabilities"]["networks"]) == 10 and EVERY["images"] == 156


def _interval(entry):
    return f"{entry['value']:.3f} ({entry['low']:.3f}-{entry['high']:.3f})"


EXPLAINED = json.loads((ROOT / "benchmarks" / "explanations.json").read_text(encoding="utf-8"))["seeds"]


@pytest.mark.parametrize("seed", range(3))
def test_the_explanations_table_holds_what_the_command_printed(seed):
    row = [cell.strip() for cell in re.search(rf"^\| phantoms {seed} \|(.*)\|$", README, re.MULTILINE)[1].split("|")]
    found, without, marked = (EXPLAINED[seed][name] for name in ("pointing", "trained without a marker", "trained with a marker"))
    game = found["gradcam"]
    assert row[:3] == [_span(game["hits"]), f"{game['centre']:.3f}", f"{game['random']:.3f}"]
    assert row[3:] == [_span(without["frame"]), _span(marked["frame"]), _span(marked["marker lights up"])]
    assert marked["caught"] and not without["caught"] and game["ahead by"] > 0


def _span(three):
    value, low, high = three
    return f"{value:.3f} ({low:.3f}-{high:.3f})"
