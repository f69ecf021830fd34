"""A saved model on new, labelled data: the right rows, classes and columns, or one line that says what does not fit."""

import json
import unicodedata
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from test_transfer import CONFIG, TRAIN, VALIDATION, squares
from trained import SMALL, clouds, small_run, write_clouds, write_table

from bcdetect import metrics
from bcdetect.bundle import save_classifier
from bcdetect.cli import main
from bcdetect.datasets import load_dataset
from bcdetect.datasets.wisconsin import wisconsin_path
from bcdetect.errors import InputError
from bcdetect.external import evaluate, load_for
from bcdetect.held_out import own_parts
from bcdetect.run import execute, load_run_data
from bcdetect.training import train_classifier


@pytest.fixture
def wisconsin(tmp_path):
    save_classifier(tmp_path / "model.npz", small_run().classifier)
    return str(tmp_path / "model.npz")


def test_of_its_own_data_a_model_is_judged_on_the_test_part(wisconsin, tmp_path, capsys):
    out = tmp_path / "scores.json"
    assert main(["evaluate", wisconsin, str(wisconsin_path()), "--out", str(out)]) == 0
    text = capsys.readouterr().out
    run = small_run()
    test, p = run.parts["test"], run.probabilities["CNN"]
    assert f"judged on the test part that the model was not trained on; {len(test)} of 569 rows" in text
    assert "not a medical device" in text
    found = json.loads(out.read_text())
    assert found["scores"]["model"] == run.scores["CNN"]
    assert found["scores"]["model"]["roc_auc"]["value"] == pytest.approx(metrics.roc_auc_score(run.data.y[test], p[:, 1]))
    assert found["rows"] == len(test) == np.sum(found["confusion"])
    benign = np.mean(run.data.y[test] == 0)
    assert found["scores"]["majority class"]["accuracy"]["value"] == pytest.approx(benign)


def test_a_model_of_unknown_parts_is_judged_on_all_rows_of_its_data_and_that_is_said():
    run = small_run()
    result = evaluate(replace(run.classifier, card={"data": run.data.provenance}), run.data)
    assert len(result.rows) == 569 and "all rows, though it was trained on some" in result.warnings[0]


def test_parts_are_the_same_however_rows_are_grouped_now_and_refused_by_another_column_or_other_labels(tmp_path):
    header = ["patient_id", "a", "b", "second", "diagnosis"]
    rng = np.random.default_rng(0)
    rows = [[f"p{i // 2}", *rng.random(2).round(6), "MB"[i % 3 == 0], "MB"[i % 2]] for i in range(60)]
    path = write_table(tmp_path / "own.csv", header, rows)
    for flags, told in (({"drop": ("patient_id", "second")}, {}), ({"drop": ("second",)}, {"group": "a"})):
        config = replace(SMALL, data=path, epochs=1, **flags)
        data, parts = load_run_data(config)
        classifier = execute(config, data, parts).classifier
        now = load_for(classifier, path)
        assert now.groups is not None
        assert np.array_equal(own_parts(classifier, now)["train"], parts["train"])
        with pytest.raises(InputError, match=r"labelled by 'diagnosis', not by 'second' as now. Pass --label diagnosis"):
            evaluate(classifier, load_for(classifier, path, "second"))
        if told:
            with pytest.raises(InputError, match=r"split by 'patient_id', not by 'a' as now. Pass --group patient_id"):
                evaluate(classifier, load_for(classifier, path, **told))
    with pytest.raises(InputError, match="other labels or groups: which rows it was trained on is not known"):
        evaluate(classifier, replace(now, y=np.where(np.arange(60) < 10, 0, now.y)))


def test_label_and_group_are_those_that_the_model_was_trained_with_where_the_data_has_them(tmp_path, capsys):
    rng = np.random.default_rng(0)
    header, rows = ["visit", "a", "b", "outcome"], [[f"v{i // 2}", *rng.random(2).round(6), "NY"[i % 2]] for i in range(60)]
    path = write_table(tmp_path / "own.csv", header, rows)
    config = replace(SMALL, data=path, label="outcome", positive="Y", group="visit", epochs=1)
    run = execute(config, *load_run_data(config))
    save_classifier(tmp_path / "model.npz", run.classifier)
    others = [
        write_table(tmp_path / f"{label}.csv", [*header[1:-1], label], [row[1:] for row in rows])
        for label in ("outcome", "diagnosis")
    ]
    for data, judged in ((path, len(run.parts["test"])), (others[0], 60), (others[1], 60)):
        assert main(["evaluate", str(tmp_path / "model.npz"), data, "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["rows"] == judged
    assert main(["audit-model", str(tmp_path / "model.npz"), others[0], "--rows", "4", "--json"]) in (0, 1), "it was judged"


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
        (("MODEL", "CLOUDS", "--label", "kind"), 3, "columns are missing"),
        (("MODEL", "CLOUDS", "--positive", "b"), 2, "--positive is for training"),
        (("MODEL", "CLOUDS", "--cv", "2x2"), 2, "--cv trains models of its own"),
        (("MODEL", "CLOUDS", "--set", "lr=1"), 2, "--set is for training; a saved model is what it is"),
        (("MODEL", "FOLDER"), 3, "holds no pictures in sub-folders"),
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
    assert main(["evaluate", wisconsin, str(path)]) == 3
    assert "the model knows no class 'sick'; it knows 'benign', 'malignant'" in capsys.readouterr().err


def test_a_split_that_came_with_the_data_is_kept():
    data = squares()
    classifier, _ = train_classifier_of(data)
    split = replace(data, parts=np.array(["train"] * 20 + ["validation"] * 4 + ["test"] * 8))
    result = evaluate(classifier, split)
    assert len(result.rows) == 8 and "judged on the test part that came with the data; 8 of 32 rows" in " ".join(result.warnings)
    assert result.confusion.sum() == 8
    with pytest.raises(InputError, match="has no test rows"):
        evaluate(classifier, replace(data, parts=np.array(["train"] * 32)))


def test_rows_of_one_class_and_columns_of_text_that_the_model_does_not_need(wisconsin, tmp_path, capsys):
    header, *rows = [line.split(",") for line in wisconsin_path().read_text().splitlines()]
    at = header.index("diagnosis")
    malignant = [[*row, "free text"] for row in rows if row[at] in ("M", "malignant")]
    path = tmp_path / "one.csv"
    path.write_text("\n".join(map(",".join, [[*header, "note"], *malignant])) + "\n")
    assert main(["evaluate", wisconsin, str(path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["scores"]["model"]
    assert found["sensitivity"]["value"] > 0.9 and found["specificity"]["value"] is found["roc_auc"]["value"] is None
    malignant[3][0 if at else 1] = "1e300"
    path.write_text("\n".join(map(",".join, [[*header, "note"], *malignant])) + "\n")
    assert main(["evaluate", wisconsin, str(path)]) == 3
    assert "row 4, column" in (err := capsys.readouterr().err) and "beyond what the model can take" in err


def test_a_sequence_that_was_never_taken_and_grey_for_colour(tmp_path, rng):
    for i in range(8):
        Image.fromarray(rng.integers(0, 99, (12, 12), np.uint8) + 60 * (i % 2)).save(tmp_path / f"{i}.png")
    rows = [f"{i}.png,{'' if i == 1 else f'{i}.png'},{'malignant' if i % 2 else 'benign'}" for i in range(8)]
    (tmp_path / "both.csv").write_text("\n".join(["t1,t2,label", *rows]) + "\n")
    (tmp_path / "one.csv").write_text("\n".join(["t1,t2,label", *(f"{i}.png,,malignant" for i in range(8))]) + "\n")
    data = load_dataset(str(tmp_path / "both.csv"), size=12)
    classifier, _ = train_classifier(data, np.arange(4), np.arange(4, 8), replace(CONFIG, batch_size=4))
    classifier.card = {"data": data.provenance}
    assert classifier.sequences == ("t1", "t2")
    result = evaluate(classifier, load_for(classifier, str(tmp_path / "one.csv")))
    assert result.data.missing[:, 1].all() and result.confusion[1].sum() == 8
    with pytest.raises(InputError, match="single pictures, and the model takes the sequences of an exam"):
        load_for(classifier, str(folder_of(tmp_path)))
    colour, _ = train_classifier(squares(channels=3), TRAIN, VALIDATION, CONFIG)
    grey = load_for(colour, str(folder_of(tmp_path)))
    assert grey.x.shape[-1] == 1
    np.testing.assert_array_equal(colour.predict_proba(grey.x), colour.predict_proba(np.repeat(grey.x, 3, axis=-1)))


def folder_of(place):
    for i, name in enumerate(("benign", "malignant")):
        (place / "folder" / name).mkdir(parents=True, exist_ok=True)
        (place / "folder" / name / "1.png").write_bytes((place / f"{i}.png").read_bytes())
    return place / "folder"


def test_groups_make_the_intervals():
    data = clouds((30, 30), features=2)
    run = replace(SMALL, epochs=2)
    classifier, _ = train_classifier(data, np.arange(0, 60, 2), np.arange(1, 60, 2), run)
    classifier.card = {"parts": {"train": {"classes": {"a": 15, "b": 15}}}}
    plain = evaluate(classifier, data).scores["model"]["accuracy"]
    grouped = evaluate(classifier, replace(data, groups=np.repeat(np.arange(6), 10).astype(str))).scores["model"]["accuracy"]
    assert plain["value"] == grouped["value"] and (plain["low"], plain["high"]) != (grouped["low"], grouped["high"])


def train_classifier_of(data):
    classifier, histories = train_classifier(data, TRAIN, VALIDATION, CONFIG)
    classifier.card = {"parts": {"train": {"classes": {"benign": 12, "malignant": 12}}}}
    return classifier, histories


def test_an_accent_as_a_letter_of_its_own_makes_no_other_column_and_no_other_class(tmp_path):
    rng = np.random.default_rng(0)
    rows = [[*rng.random(2).round(6), ("gut", "bösartig")[i % 2]] for i in range(40)]
    texts = [f"größe,b,diagnosis\n{''.join(','.join(map(str, row)) + chr(10) for row in rows)}"]
    texts.append(unicodedata.normalize("NFD", texts[0]))
    for name, text in zip(("one", "two"), texts, strict=True):
        (tmp_path / f"{name}.csv").write_text(text, encoding="utf-8")
    one = load_dataset(str(tmp_path / "one.csv"), positive="bösartig")
    two = load_dataset(str(tmp_path / "two.csv"), positive="bösartig")
    assert texts[0] != texts[1] and one.class_names == two.class_names == ("gut", "bösartig")
    classifier, _ = train_classifier(one, np.arange(20), np.arange(20, 40), replace(SMALL, epochs=1))
    again = load_for(classifier, str(tmp_path / "two.csv"))
    assert np.array_equal(again.x, one.x) and np.array_equal(again.y, one.y)
