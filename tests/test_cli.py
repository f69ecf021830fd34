"""The command line as users meet it: what a run prints and leaves behind."""

import json
import os
import re
import subprocess
import sys

import pytest
from trained import clouds, environment, process, wisconsin_table, write_clouds, write_table

from bcdetect import NOTICE
from bcdetect.cli import main

OF_ALL = ("learning_curves", "confusion", "explanation_1", "explanation_2", "explanation_3")
OF_TWO = ("roc", "precision_recall", "reliability", "decision_curve")
FIGURES = {f"figures/{name}.png" for name in (*OF_ALL, *OF_TWO)}
FILES = {"config.json", "history.csv", "metrics.json", "model.npz", "report.html"}
QUICK = ("--epochs", "2", "--set", "filters=4", "--set", "units=4")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """One run on the built-in data: its folder and what was printed."""
    folder = tmp_path_factory.mktemp("runs") / "one"
    done = process("train", "--epochs", "3", "--out", folder, "--threads", "1")
    assert done.returncode == 0 and done.stderr == "", done.stderr
    return folder, done.stdout


def files(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_a_run_leaves_exactly_its_files(trained):
    folder, _ = trained
    assert files(folder) == FILES | FIGURES
    assert [path.name for path in folder.parent.iterdir()] == ["one"]


def test_what_is_printed_shows_the_network_beside_both_baselines(trained):
    _, text = trained
    lines = text.splitlines()
    head = next(i for i, line in enumerate(lines) if "logistic regression" in line)
    assert lines[head].split() == ["CNN", "logistic", "regression", "majority", "class"]
    table = {line[:27].strip(): line for line in lines[head + 2 : head + 17]}
    assert list(table) == [
        "accuracy", "balanced accuracy", "sensitivity", "specificity", "precision", "negative predictive value", "f1",
        "matthews correlation", "roc auc", "average precision", "brier", "log loss", "expected calibration error",
        "calibration slope", "calibration intercept",
    ]  # fmt: skip
    assert re.search(r"\.628 \(\.536-\.712\)$", table["accuracy"]) and table["precision"].endswith("undefined")
    assert all(len(line) == len(lines[head]) for line in table.values())
    epochs = [line for line in lines if line.startswith("epoch ")]
    assert [" left" in line for line in epochs] == [True, True, False], "after the last epoch nothing is left"
    assert (
        re.search(r"validation loss [0-9.]+  AUC [0-9.]+  rate .* rows/s  at most .* left", text)
        and "untouched test part, 113 rows" in text
    )
    assert "no patient numbers" in text and "One split is one draw" in text
    assert lines[-1] == NOTICE


def test_every_shown_result_carries_the_notice(trained):
    folder, _ = trained
    assert NOTICE in (folder / "report.html").read_text()
    metrics = json.loads((folder / "metrics.json").read_text())
    assert metrics["notice"] == NOTICE and set(metrics["test"]) == {"CNN", "logistic regression", "majority class"}
    assert metrics["parts"]["test"] == {"rows": 113, "classes": {"benign": 71, "malignant": 42}}
    assert sum(map(sum, metrics["confusion"]["test"])) == 113 and metrics["logistic_converged"] is True
    assert metrics["test"]["majority class"]["precision"] == {
        "value": None, "low": None, "high": None, "why": "no row is called malignant",
    }  # fmt: skip


def test_the_report_is_one_page_on_its_own(trained):
    folder, _ = trained
    page = (folder / "report.html").read_text()
    assert not re.findall(r"""(?:src|href)\s*=(?!"data:image/png;base64,|"#)""", page)
    assert "http" not in page and "<script" not in page and page.count("data:image/png;base64,") == len(FIGURES)
    assert "names no groups" in page and "majority class" in page


def test_an_existing_folder_is_refused_and_untouched(trained, command):
    folder, _ = trained
    before = {name: (folder / name).read_bytes() for name in files(folder)}
    code, _, err = command("train", *QUICK, "--out", folder)
    assert code == 5 and "already exists" in err
    assert {name: (folder / name).read_bytes() for name in files(folder)} == before
    assert [path.name for path in folder.parent.iterdir()] == ["one"]


@pytest.mark.usefixtures("all_resamples", "no_figures")
def test_the_config_of_a_run_gives_the_run_again(trained, command, tmp_path):
    folder, _ = trained
    code, _, _ = command("train", "--config", folder / "config.json", "--out", tmp_path / "again", "--quiet")
    assert code == 0
    for name in ("config.json", "history.csv", "model.npz"):
        assert (tmp_path / "again" / name).read_bytes() == (folder / name).read_bytes(), name


@pytest.mark.usefixtures("no_figures")
def test_set_overrides_config_and_flags_override_set(command, tmp_path):
    (tmp_path / "c.json").write_text('{"epochs": 1, "seed": 5, "units": 4}')
    words = ("--config", tmp_path / "c.json", "--set", "epochs=3", "--set", "seed=6", "--seed", "7")
    assert command("train", *words, "--out", tmp_path / "o", "--quiet")[0] == 0
    config = json.loads((tmp_path / "o" / "config.json").read_text())
    assert (config["epochs"], config["seed"], config["units"]) == (3, 7, 4)


@pytest.mark.usefixtures("no_figures")
def test_without_out_the_next_free_name_is_taken(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for number in (1, 2):
        assert command("train", *QUICK, "--quiet")[0] == 0
        assert (tmp_path / "runs" / f"wisconsin-{number}" / "model.npz").exists()


@pytest.mark.usefixtures("no_figures")
def test_quiet_prints_the_result_alone_and_json_is_json(command, tmp_path):
    _, out, err = command("train", *QUICK, "--quiet", "--out", tmp_path / "a")
    assert out.startswith("kept the weights of epoch") and "epoch 1/" not in out and "accuracy" in out and err == ""
    code, out, err = command("train", *QUICK, "--json", "--out", tmp_path / "b")
    content = json.loads(out)
    assert code == 0 and err == "" and content["folder"] == str(tmp_path / "b") and content["notice"] == NOTICE
    assert content["test"]["CNN"]["accuracy"]["value"] == json.loads((tmp_path / "b" / "metrics.json").read_text())[
        "test"]["CNN"]["accuracy"]["value"]  # fmt: skip


@pytest.mark.usefixtures("no_figures")
def test_an_own_table_with_groups_positive_drop_and_an_identifier(command, tmp_path):
    header, rows = wisconsin_table()
    table = write_table(
        tmp_path / "wisconsin.csv",  # the name of the built-in data does not make it that
        ["", "id", *header[:6], "note", "patient"],
        [[str(k), str(k), {"M": "sick", "B": "well"}[row[0]], *row[1:6], "7", f"p{k // 2}"] for k, row in enumerate(rows)],
    )
    words = ("--data", table, "--group", "patient", "--positive", "sick", "--drop", "note", *QUICK)
    code, out, err = command("train", *words, "--out", tmp_path / "o")
    assert code == 0 and err == "", err
    assert "569 rows, 5 features, classes well, sick" in out and "positive = sick" in out
    assert "left out 'id': an identifier" in out and "left out 'note': dropped on request" in out
    assert "left out the column without a name: an identifier" in out
    assert "0 groups shared by two parts" in out and "no patient numbers" not in out
    metrics = json.loads((tmp_path / "o" / "metrics.json").read_text())
    assert metrics["positive"] == "sick" and metrics["data"]["left_out"].keys() == {"", "id", "note"}
    assert sum(part["groups"] for part in metrics["parts"].values()) == 285
    code, out, _ = command("predict", tmp_path / "o" / "model.npz", table)
    assert code == 0 and re.match(r"row 1: (sick|well) \(probability of sick [\d.<>]+ ?[\d.]* %\)", out)


@pytest.mark.usefixtures("no_figures")
def test_an_own_table_without_groups_is_told_of_the_danger(command, tmp_path):
    code, out, _ = command(
        "train", "--data", write_clouds(tmp_path / "wisconsin.csv"), "--label", "kind", *QUICK, "--out", tmp_path / "o"
    )
    assert code == 0 and "the data names no groups; if rows share a patient, the numbers are too good" in out


def test_three_classes_end_to_end(command, tmp_path):
    table = write_clouds(tmp_path / "three.csv")
    code, out, _ = command("train", "--data", table, "--label", "kind", *QUICK, "--out", tmp_path / "o")
    assert code == 0 and "macro auc" in out and "sensitivity of a " in out
    assert files(tmp_path / "o") == FILES | {f"figures/{name}.png" for name in OF_ALL}
    code, out, _ = command("predict", tmp_path / "o" / "model.npz", table, "--out", tmp_path / "p.csv")
    assert code == 0 and re.match(r"row 1: [abc] \(probability \d+\.\d %\)", out)
    head, first, *_ = (tmp_path / "p.csv").read_text().splitlines()
    assert head == "row,class,probability of a,probability of b,probability of c,set,reason,problem"
    assert sum(map(float, first.split(",")[2:5])) == pytest.approx(1, abs=1e-6)


def test_names_of_other_alphabets_reach_any_terminal(tmp_path):
    data = clouds((40, 30))
    rows = [[*map(str, x), ("gutartig", "bösartig ✚")[k]] for x, k in zip(data.x, data.y, strict=True)]
    table = write_table(tmp_path / "t.csv", [*data.feature_names, "kind"], rows)
    words = ("train", "--data", table, "--label", "kind", "--positive", "bösartig ✚", *QUICK, "--out", tmp_path / "o")
    done = process(*words, env={"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "1"}, hurried=True)
    assert done.returncode == 0 and r"b\xf6sartig" in done.stdout and done.stderr == ""
    assert "bösartig ✚" in (tmp_path / "o" / "report.html").read_text(encoding="utf-8")


EVIL = "<script>alert(1)<|script>\"'&"


@pytest.mark.usefixtures("no_figures")
def test_the_report_escapes_whatever_a_table_brings(command, tmp_path):
    data = clouds((40, 30), features=2)
    rows = [[*map(str, x), "1", ("<b onload=x>", "c&d")[k]] for x, k in zip(data.x, data.y, strict=True)]
    table = write_table(tmp_path / "<img src=x>.csv", [EVIL, "f1", "<i>id", "kind"], rows)
    words = ("--data", table, "--label", "kind", "--positive", "c&d", "--drop", "<i>id", *QUICK)
    assert command("train", *words, "--out", tmp_path / "o")[0] == 0
    page = (tmp_path / "o" / "report.html").read_text()
    for bad in ("<script", "<b onload", "<img src=x", "<i>id", "c&d"):
        assert bad not in page, bad
    assert "&lt;b onload=x&gt;" in page and "c&amp;d" in page and "&lt;img src=x&gt;" in page and "&lt;i&gt;id" in page


def start(*words, **options):
    return subprocess.Popen(
        [sys.executable, "-m", "bcdetect", *map(str, words)],
        env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options,
    )  # fmt: skip


@pytest.mark.skipif(os.name == "nt", reason="needs pipes")
def test_a_reader_that_goes_away_is_no_error(tmp_path):
    with start("train", "--out", tmp_path / "o") as run:
        run.stdout.readline()
        run.stdout.close()
        err = run.stderr.read()
        assert run.wait(timeout=30) == 141
    assert err == "" and not (tmp_path / "o").exists()


def test_without_matplotlib_everything_else_works_and_says_so(command, tmp_path, monkeypatch):
    class Hidden:
        """In front of all finders, as if matplotlib were not installed: those behind it never hear of it."""

        @staticmethod
        def find_spec(name, path=None, target=None):
            if name.partition(".")[0] == "matplotlib":
                return None
            return next(filter(None, (finder.find_spec(name, path, target) for finder in finders)), None)

    finders = [finder for finder in sys.meta_path if hasattr(finder, "find_spec")]
    for name in [name for name in sys.modules if name.partition(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [Hidden])
    code, out, err = command("train", *QUICK, "--out", tmp_path / "o")
    assert code == 0 and err == "" and "no figures: matplotlib is not installed (pip install matplotlib)" in out
    assert files(tmp_path / "o") == FILES and "matplotlib is not installed" in (tmp_path / "o" / "report.html").read_text()
    code, out, err = command("eda", "--out", tmp_path / "e")
    assert code == 0 and files(tmp_path / "e") == {"eda.txt"} and "no figures: matplotlib is not installed" in out


def test_threads_are_set_before_numpy_loads():
    script = (
        "import os, sys\nfrom bcdetect import cli\nassert 'numpy' not in sys.modules\ncli._set_threads(1)\n"
        "print(*(os.environ[n] for n in ('OPENBLAS_NUM_THREADS', 'OMP_NUM_THREADS', 'MKL_NUM_THREADS')))"
    )
    done = subprocess.run([sys.executable, "-c", script], env=environment(), capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == ["1", "1", "1"], done.stderr


def test_cross_validation_is_the_same_with_one_and_two_workers(tmp_path):
    table = write_clouds(tmp_path / "t.csv", rows_of_class=(30, 24), features=3)
    words = ("evaluate", "--data", table, "--label", "kind", "--positive", "b", "--cv", "2x3", *QUICK)
    one, two = (process(*words, "--json", "--threads", n, "--out", tmp_path / f"{n}.json") for n in (1, 2))
    assert one.returncode == two.returncode == 0 and one.stderr == two.stderr == "", one.stderr + two.stderr
    assert one.stdout == two.stdout and json.loads(one.stdout) == json.loads((tmp_path / "2.json").read_text())
    content = json.loads(one.stdout)
    assert content["notice"] == NOTICE and set(content["summary"]) == {"cnn", "logistic", "difference"}
    assert len(content["scores"]["cnn"]["accuracy"]) == 6


def test_cross_validation_in_words(command, tmp_path):
    table = write_clouds(tmp_path / "t.csv", rows_of_class=(20, 20), features=2)
    words = ("--data", table, "--label", "kind", "--positive", "b", "--cv", "1x2", *QUICK, "--threads", "1")
    code, out, err = command("evaluate", *words, "--out", tmp_path / "nowhere" / "x.json", "--quiet")
    assert code == 5 and "nowhere" in err and not out  # known before minutes of computing
    code, out, err = command("evaluate", *words, "--quiet")
    head = next(line for line in out.splitlines() if "CNN minus logistic" in line)
    assert re.split("  +", head)[-3:] == ["CNN", "logistic regression", "CNN minus logistic"] and out.splitlines()[-1] == NOTICE
    assert "2 test folds" in out and "Nadeau" in out
    code, _, err = command("evaluate", *words, "--out", table)
    assert code == 2 and "the input itself" in err


def test_eda_of_the_built_in_data(command, tmp_path):
    code, out, err = command("eda", "--out", tmp_path / "e")
    assert code == 0 and err == "" and NOTICE in out and "62.7%" in out and f"written to {tmp_path / 'e'}" in out
    assert files(tmp_path / "e") == {"eda.txt", "class_share.png", "correlation.png", "distributions.png"}


def test_a_flag_that_is_none_sends_to_the_help_of_its_own_command(command):
    for words in (("train", "--model", "resnet"), ("report", "runs/a", "runs/b"), ("data", "cache", "--all")):
        code, _, err = command(*words)
        assert code == 2 and words[-1] in err and f"See python -m bcdetect {words[0]} --help" in err


def test_help_and_version(capsys):
    for word in ("--help", "--version"):
        with pytest.raises(SystemExit) as caught:
            main([word])
        assert caught.value.code == 0
    out = capsys.readouterr().out
    assert NOTICE in out and all(name in out for name in ("train", "evaluate", "predict", "eda", "reproduce"))


def test_the_present_folder_is_no_place_for_a_run(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, _, err = command("train", *QUICK, "--out", ".")
    assert code == 5 and "present folder" in err and not list(tmp_path.iterdir())


@pytest.mark.usefixtures("no_figures")
def test_what_a_model_file_tells_holds_no_folder_of_its_makers(command, tmp_path):
    table = write_clouds(tmp_path / "three.csv")
    command("train", "--data", table, "--label", "kind", *QUICK, "--out", tmp_path / "o")
    assert str(tmp_path).encode() not in (tmp_path / "o" / "model.npz").read_bytes()
    assert str(tmp_path) not in (tmp_path / "o" / "metrics.json").read_text()
