"""Prediction: a row's answer is its own, columns are found by meaning, and nothing bad is answered or hides the good."""

import csv
import json
import re
import sys
from dataclasses import replace
from pathlib import Path
from subprocess import run as run_process

import numpy as np
import pytest
from trained import environment, small_run, wisconsin_table, write_table

from bcdetect.bundle import load_classifier, save_classifier
from bcdetect.cli import main
from bcdetect.inputs import open_table
from bcdetect.judgement import Referral
from bcdetect.predict import Answer, line_of, percent, predict_table, to_csv
from bcdetect.table import read_table

LINE = re.compile(
    r"row \d+: (benign|malignant) \(probability of malignancy (\d+\.\d|< 0\.1|> 99\.9) %\)(; uncertain: refer: .+)?"
)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "model.npz"
    save_classifier(path, small_run().classifier)
    return str(path)


@pytest.fixture
def predict(model, capsys):
    """Run the command: exit code, lines on stdout, text on stderr."""

    def predict(*words):
        code = main(["predict", model, *map(str, words)])
        out, err = capsys.readouterr()
        return code, out.splitlines(), err

    return predict


def probabilities(path, model, capsys):
    main(["predict", model, str(path), "--json"])
    rows = json.loads(capsys.readouterr().out)["rows"]
    return np.array([row["probabilities"]["malignant"] for row in rows], np.float32)


def test_a_rows_bits_are_its_own_alone_in_any_batch_and_on_every_way(tmp_path, model, capsys):
    header, rows = wisconsin_table()
    classifier, _ = load_classifier(model)
    x = small_run().data.x
    reference = classifier.predict_proba(x)
    assert reference.dtype == np.float32 and len(np.unique(reference)) > 500
    order = np.random.default_rng(0).permutation(569)
    alone = np.concatenate([classifier.predict_proba(x[i : i + 1]) for i in range(569)])
    sevens = np.concatenate([classifier.predict_proba(x[i : i + 7]) for i in range(0, 569, 7)])
    np.testing.assert_array_equal(alone, reference)
    np.testing.assert_array_equal(sevens, reference)
    np.testing.assert_array_equal(classifier.predict_proba(x[order]), reference[order])
    np.testing.assert_array_equal(classifier.predict_proba(np.asfortranarray(x)), reference)
    np.testing.assert_array_equal(small_run().classifier.predict_proba(x), reference)

    whole = write_table(tmp_path / "whole.csv", header, rows)
    np.testing.assert_array_equal(probabilities(whole, model, capsys), reference[:, 1])
    shuffled = write_table(tmp_path / "shuffled.csv", header, [rows[i] for i in order])
    np.testing.assert_array_equal(probabilities(shuffled, model, capsys), reference[order, 1])
    seven = write_table(tmp_path / "seven.csv", header, rows[40:47])
    np.testing.assert_array_equal(probabilities(seven, model, capsys), reference[40:47, 1])
    for i in (0, 300, 568):
        one = write_table(tmp_path / "one.csv", header, rows[i : i + 1])
        np.testing.assert_array_equal(probabilities(one, model, capsys), reference[i : i + 1, 1])


def test_the_files_hold_the_same_bits(tmp_path, predict, model):
    header, rows = wisconsin_table()
    expected = load_classifier(model)[0].predict_proba(small_run().data.x)[:, 1]
    table = write_table(tmp_path / "t.csv", header, rows)
    assert predict(table, "--out", tmp_path / "o.csv")[0] == predict(table, "--out", tmp_path / "o.json")[0] == 0
    with open(tmp_path / "o.csv", newline="") as file:
        answers = list(csv.DictReader(file))
    assert list(answers[0]) == ["row", "class", "probability of malignancy", "set", "reason", "problem"]
    np.testing.assert_array_equal(np.array([a["probability of malignancy"] for a in answers], np.float32), expected)
    assert [a["class"] for a in answers] == ["malignant" if p >= 0.5 else "benign" for p in expected]
    content = json.loads((tmp_path / "o.json").read_text())
    assert "not a medical device" in content["notice"] and content["model_sha256"] == load_classifier(model)[1]
    assert content["rows"][1]["row"] == 2 and set(content["rows"][0]["probabilities"]) == {"benign", "malignant"}
    np.testing.assert_array_equal(np.array([r["probabilities"]["malignant"] for r in content["rows"]], np.float32), expected)


def test_one_line_a_row_in_the_promised_words(tmp_path, predict):
    header, rows = wisconsin_table()
    code, lines, err = predict(write_table(tmp_path / "t.csv", header, rows))
    assert code == 0 and err == "" and len(lines) == 570
    for number, line in enumerate(lines[:-1], 1):
        assert LINE.fullmatch(line) and line.startswith(f"row {number}: "), line
    assert lines[-1] == "Research and education only; not a medical device."


@pytest.mark.parametrize(
    "p, line",
    [
        (0.0241, "row 1: benign (probability of malignancy 2.4 %)"),
        (0.9, "row 1: malignant (probability of malignancy 90.0 %)"),
        (0.0, "row 1: benign (probability of malignancy < 0.1 %)"),
        (1.0, "row 1: malignant (probability of malignancy > 99.9 %)"),
    ],
)
def test_the_words_of_a_line(p, line):
    name = "malignant" if p >= 0.5 else "benign"
    assert line_of(Answer(1, 2, name, np.array([1 - p, p], np.float32)), small_run().classifier) == line


def test_a_percentage_never_rounds_to_certainty():
    assert [percent(p) for p in (0.00049, 0.0005, 0.99949, 0.9995)] == ["< 0.1 %", "0.1 %", "99.9 %", "> 99.9 %"]


def spelled(name, how):
    statistic = {"mean": ("_mean", "1"), "error": ("_se", "2"), "worst": ("_worst", "3")}
    words = name.split()
    kind = next(word for word in words if word in statistic)
    return "_".join(word for word in words if word != kind) + statistic[kind][how]


@pytest.mark.parametrize("how", ["radius_mean", "radius1"])
def test_columns_are_found_by_any_spelling_in_any_order_among_others(tmp_path, predict, how):
    header, rows = wisconsin_table()
    names = [name if name == "diagnosis" else spelled(name, how == "radius1") for name in header]
    assert how in names
    order = np.random.default_rng(1).permutation(len(names))
    mine = write_table(
        tmp_path / "mine.csv",
        ["id", *(names[i] for i in order), "note"],
        [[str(k), *(row[i] for i in order), "seen, twice"] for k, row in enumerate(rows)],
    )
    assert predict(mine) == predict(write_table(tmp_path / "t.csv", header, rows))


BAD = {
    2: ("abc", "column 'mean texture': 'abc' is not a number"),
    4: ("", "column 'mean texture': empty"),
    5: ("nan", "column 'mean texture': 'nan' is not a number"),
    6: ("-inf", "column 'mean texture': '-inf' is not a number"),
    7: ("1e400", "column 'mean texture': '1e400' is too large"),
    8: ("1e300", "column 'mean texture': the value is beyond what the model can take"),
    9: ("3e37", "column 'mean texture': the value is beyond what the model can take"),
    10: ("12,5", "column 'mean texture': decimal comma; write 12.5"),
}


def test_bad_rows_are_marked_and_good_ones_answered_as_ever(tmp_path, predict):
    header, rows = wisconsin_table()
    at = header.index("mean texture")
    damaged = [list(row) for row in rows[:12]]
    for number, (cell, _) in BAD.items():
        damaged[number - 1][at] = cell
    del damaged[10][-2:]
    damaged[11].append("more")
    code, good, _ = predict(write_table(tmp_path / "good.csv", header, rows[:12]))
    assert code == 0
    path = write_table(tmp_path / "bad.csv", header, damaged)
    code, lines, err = predict(path, "--out", tmp_path / "o.csv")
    assert code == 1 and err == ""
    for number in range(1, 11):
        wrong = f"row {number} (line {number + 1}): not answered: {BAD[number][1]}" if number in BAD else good[number - 1]
        assert lines[number - 1] == wrong
    assert lines[10] == "row 11 (line 12): not answered: 29 cells, the header has 31"
    assert lines[11] == "row 12 (line 13): not answered: 32 cells, the header has 31"
    answers = list(csv.DictReader((tmp_path / "o.csv").read_text().splitlines()))
    assert [bool(a["problem"]) for a in answers] == [k in {*BAD, 11, 12} for k in range(1, 13)]
    assert all(bool(a["problem"]) == (a["class"] == "") == (a["probability of malignancy"] == "") for a in answers)
    code, lines, _ = predict(path, "--json")
    content = json.loads("\n".join(lines))["rows"]
    assert code == 1 and content[1] == {"row": 2, "line": 3, "problem": BAD[2][1]} and "class" in content[0]


def test_the_bad_cells_of_a_row_are_told_by_the_users_own_columns(tmp_path):
    header, rows = wisconsin_table()
    mine = [spelled(name, True) if name != "diagnosis" else name for name in header]
    texture, area = header.index("mean texture"), header.index("mean area")
    damaged = [list(row) for row in rows[:4]]
    damaged[1][texture], damaged[1][area] = "abc", ""
    damaged[2][texture], damaged[2][area] = "3e37", "1e300"
    del damaged[3][-1]
    answers = predict_table(small_run().classifier, read_table(write_table(tmp_path / "t.csv", mine, damaged)))
    beyond = "the value is beyond what the model can take"
    assert [answer.cells for answer in answers] == [
        (),
        (("texture1", "'abc' is not a number"), ("area1", "empty")),
        (("texture1", beyond), ("area1", beyond)),
        (("", "30 cells, the header has 31"),),
    ]
    assert answers[2].problem == f"column 'texture1': {beyond} (and 1 more column)"
    source = open_table(small_run().classifier, read_table(tmp_path / "t.csv"))
    assert source.columns["mean texture"] == "texture1" and len(source.columns) == 30


def test_no_good_row_at_all_is_bad_input(tmp_path, predict):
    header, _ = wisconsin_table()
    path = write_table(tmp_path / "t.csv", header, [["x"] * len(header)] * 3)
    code, lines, err = predict(path, "--out", tmp_path / "o.csv")
    assert code == 3 and lines == [] and not (tmp_path / "o.csv").exists()
    assert err.startswith(f"error: {path}: row 1 (line 2): nothing could be answered: column 'mean radius': 'x'")
    assert "29 more columns" in err


def test_all_missing_columns_are_named(tmp_path, predict):
    header, rows = wisconsin_table()
    kept = [i for i, name in enumerate(header) if name not in ("mean area", "worst symmetry")]
    path = write_table(tmp_path / "t.csv", [header[i] for i in kept], [[row[i] for i in kept] for row in rows])
    code, lines, err = predict(path)
    assert code == 3 and lines == []
    assert "2 columns are missing: 'mean area', 'worst symmetry'" in err and err.count("\n") == 1


@pytest.mark.parametrize("name", ["o.csv", "o.json"])
def test_an_output_that_cannot_be_written_is_no_half_answer(tmp_path, predict, name):
    table = write_table(tmp_path / "t.csv", *wisconsin_table())
    code, lines, err = predict(table, "--out", tmp_path / "nowhere" / name)
    assert code == 5 and lines == [] and err.startswith("error: ") and name in err
    (tmp_path / name).mkdir()
    code, lines, err = predict(table, "--out", tmp_path / name)
    assert code == 5 and lines == [] and sorted(p.name for p in tmp_path.iterdir()) == sorted(["t.csv", name])


def test_a_failed_write_keeps_the_file_that_was_there(tmp_path, predict, monkeypatch):
    table = write_table(tmp_path / "t.csv", *wisconsin_table())
    (tmp_path / "o.csv").write_text("precious")

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    code, _, err = predict(table, "--out", tmp_path / "o.csv")
    assert code == 5 and "No space left" in err
    assert (tmp_path / "o.csv").read_text() == "precious" and len(list(tmp_path.iterdir())) == 2


def test_the_input_is_never_overwritten(tmp_path, predict):
    table = write_table(tmp_path / "t.csv", *wisconsin_table())
    before = Path(table).read_text()
    (tmp_path / "link.csv").symlink_to(table)
    for out in (table, tmp_path / "link.csv"):
        code, _, err = predict(table, "--out", out)
        assert code == 2 and "the input itself" in err and Path(table).read_text() == before


def test_another_kind_of_output_is_refused(tmp_path, predict):
    table = write_table(tmp_path / "t.csv", *wisconsin_table())
    code, _, err = predict(table, "--out", tmp_path / "o.xlsx")
    assert code == 2 and ".csv or .json" in err


def test_predict_loads_numpy_alone(tmp_path, model):
    table = write_table(tmp_path / "t.csv", *wisconsin_table())
    script = (
        "import atexit, runpy, sys\n"
        "heavy = ('numba', 'llvmlite', 'pandas', 'matplotlib', 'PIL', 'scipy', 'sklearn', 'torch', 'multiprocessing')\n"
        "loaded = lambda: print([name for name in heavy if name in sys.modules], 'numpy' in sys.modules, file=sys.stderr)\n"
        "atexit.register(loaded)\n"
        f"sys.argv = ['bcdetect', 'predict', {model!r}, {table!r}, '--out', {str(tmp_path / 'o.json')!r}]\n"
        "runpy.run_module('bcdetect', run_name='__main__', alter_sys=True)\n"
    )
    done = run_process([sys.executable, "-c", script], env=environment(), capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and done.stdout.count("\n") == 570
    assert done.stderr.splitlines() == ["[] True"]


def test_a_class_or_file_that_a_spreadsheet_would_run_is_written_as_text_and_numbers_as_numbers():
    classifier = replace(small_run().classifier, class_names=("-1", "=HYPERLINK(1)"))
    p = np.array([0.25, 0.75], np.float32)
    said = Referral(("=HYPERLINK(1)",), None)
    answers = [
        Answer(1, 0, "=HYPERLINK(1)", p, name="@x.png", referral=said),
        Answer(2, 0, "-1", p, name="+y.png", referral=said),
    ]
    rows = list(csv.reader(to_csv(answers, classifier).splitlines()))
    assert rows[1:] == [
        ["'@x.png", "'=HYPERLINK(1)", "0.75", "'=HYPERLINK(1)", "", ""],
        ["'+y.png", "-1", "0.75", "'=HYPERLINK(1)", "", ""],
    ]
