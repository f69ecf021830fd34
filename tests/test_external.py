"""A saved model on new, labelled data: the right rows, classes and columns, or one line that says what does not fit."""

import json
from dataclasses import replace

import numpy as np
import pytest
from test_transfer import CONFIG, TRAIN, VALIDATION, squares
from trained import SMALL, clouds, small_run, write_clouds

from bcdetect import metrics
from bcdetect.bundle import save_classifier
from bcdetect.cli import main
from bcdetect.datasets.wisconsin import wisconsin_path
from bcdetect.external import evaluate


@pytest.fixture
def wisconsin(tmp_path):
    save_classifier(tmp_path / "model.npz", small_run().classifier)
    return str(tmp_path / "model.npz")


def test_the_table_shows_what_the_model_is_worth_there(wisconsin, tmp_path, capsys):
    out = tmp_path / "scores.json"
    assert main(["evaluate", wisconsin, str(wisconsin_path()), "--out", str(out)]) == 0
    text = capsys.readouterr().out
    assert "warning: this is the data that the model was made with" in text and "not a medical device" in text
    found = json.loads(out.read_text())
    run = small_run()
    p = run.classifier.predict_proba(run.data.x)
    assert found["scores"]["model"]["roc_auc"]["value"] == pytest.approx(metrics.roc_auc_score(run.data.y, p[:, 1]))
    assert found["rows"] == 569 and np.sum(found["confusion"]) == 569
    assert found["scores"]["majority class"]["accuracy"]["value"] == pytest.approx(357 / 569)


def test_columns_in_any_order_and_classes_by_name(wisconsin, tmp_path, capsys):
    header, *rows = [line.split(",") for line in wisconsin_path().read_text().splitlines()]
    order = np.random.default_rng(0).permutation(len(header))
    path = tmp_path / "new.csv"
    path.write_text("\n".join(",".join(row[i] for i in order) for row in [header, *rows[:200]]) + "\n")
    assert main(["evaluate", wisconsin, str(path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    run = small_run()
    p = run.classifier.predict_proba(run.data.x[:200])
    assert found["scores"]["model"]["roc_auc"]["value"] == pytest.approx(metrics.roc_auc_score(run.data.y[:200], p[:, 1]))
    assert found["warnings"] == []


@pytest.mark.parametrize(
    "words, code, said",
    [
        ((), 2, "what is to be evaluated"),
        (("MODEL",), 2, "what is to be evaluated"),
        (("MODEL", "CLOUDS", "--label", "kind", "--positive", "b"), 3, "columns are missing"),
        (("MODEL", "CLOUDS", "--cv", "2x2"), 2, "--cv trains models of its own"),
        (("MODEL", "CLOUDS", "--set", "lr=1"), 2, "a saved model keeps its settings"),
        (("MODEL", "FOLDER"), 3, "holds no pictures"),
        (("CLOUDS", "CLOUDS"), 4, "not a tinycnn model file"),
    ],
)
def test_what_does_not_fit_is_said_in_one_line(words, code, said, wisconsin, tmp_path, capsys):
    (tmp_path / "folder").mkdir()
    clouds_path = write_clouds(tmp_path / "clouds.csv", rows_of_class=(9, 9))
    places = {"MODEL": wisconsin, "CLOUDS": clouds_path, "FOLDER": str(tmp_path / "folder")}
    assert main(["evaluate", *(places.get(word, word) for word in words)]) == code
    err = capsys.readouterr().err
    assert said in err and err.count("\n") == 1


def test_classes_that_the_model_does_not_know_are_named(wisconsin, tmp_path, capsys):
    text = wisconsin_path().read_text().replace(",M\n", ",cancer\n").replace(",B\n", ",healthy\n")
    header, row, *_ = text.splitlines()
    assert row.endswith(("cancer", "healthy")) or header.startswith("diagnosis")
    path = tmp_path / "new.csv"
    lines = [line.split(",") for line in wisconsin_path().read_text().splitlines()]
    at = lines[0].index("diagnosis")
    for line in lines[1:]:
        line[at] = "sick" if line[at] in ("M", "malignant") else "well"
    path.write_text("\n".join(map(",".join, lines)) + "\n")
    assert main(["evaluate", wisconsin, str(path), "--positive", "sick"]) == 3
    assert "the model knows no class 'well'; it knows 'benign', 'malignant'" in capsys.readouterr().err


def test_a_split_that_came_with_the_data_is_kept():
    data = squares()
    classifier, _ = train_classifier_of(data)
    split = replace(data, parts=np.array(["train"] * 20 + ["validation"] * 4 + ["test"] * 8))
    result = evaluate(classifier, split)
    assert len(result.data.y) == 8 and "judged on its test part, 8 rows" in " ".join(result.warnings)
    assert result.confusion.sum() == 8


def test_groups_make_the_intervals():
    data = clouds((30, 30), features=2)
    run = replace(SMALL, epochs=2)
    from bcdetect.training import train_classifier

    classifier, _ = train_classifier(data, np.arange(0, 60, 2), np.arange(1, 60, 2), run)
    classifier.card = {"parts": {"train": {"classes": {"a": 15, "b": 15}}}}
    plain = evaluate(classifier, data).scores["model"]["accuracy"]
    grouped = evaluate(classifier, replace(data, groups=np.repeat(np.arange(6), 10).astype(str))).scores["model"]["accuracy"]
    assert plain["value"] == grouped["value"] and (plain["low"], plain["high"]) != (grouped["low"], grouped["high"])


def train_classifier_of(data):
    from bcdetect.training import train_classifier

    classifier, histories = train_classifier(data, TRAIN, VALIDATION, CONFIG)
    classifier.card = {"parts": {"train": {"classes": {"benign": 12, "malignant": 12}}}}
    return classifier, histories
