"""The command `explain` on rows of a table."""

import csv
import json

import pytest
from explaining import left, read, run, table
from trained import small_run

from bcdetect.bundle import save_classifier
from bcdetect.cli import main
from bcdetect.commands.explain import rows_of
from bcdetect.datasets.wisconsin import wisconsin_path
from bcdetect.errors import UsageError


@pytest.fixture(scope="module")
def tabular(tmp_path_factory):
    path = tmp_path_factory.mktemp("tabular") / "model.npz"
    save_classifier(path, small_run().classifier)
    return path


def test_a_table_s_rows_are_chosen_and_every_feature_is_in_the_json(tabular, tmp_path, capsys):
    assert run(tabular, wisconsin_path(), "--rows", "3,20-21", "--out", tmp_path / "out") == 0
    assert left(tmp_path / "out") == [f"row-{n}.{kind}" for n in ("003", "020", "021") for kind in ("json", "png")] + [
        "summary.csv"
    ]
    content = read(tmp_path / "out" / "row-020.json")
    features = content["features"]
    assert len(features) == 30 and {each["name"] for each in features} == set(small_run().classifier.feature_names)
    sizes = [abs(each["evidence"]) for each in features]
    assert sizes == sorted(sizes, reverse=True) and content["method"] == "integrated"
    header, *rows = csv.reader(wisconsin_path().read_text().splitlines())
    for each in features:
        assert each["value"] == float(rows[19][header.index(each["name"])])
    x = small_run().classifier.preprocessing.mean[None]
    model = small_run().classifier.models[0]
    start = float(model.predict(small_run().classifier.preprocessing.transform(x))[0, 0])
    total = sum(each["evidence"] for each in features)
    assert total == pytest.approx(content["logit"] - start, rel=0.05, abs=0.05), "integrated gradients add up"
    assert "most for malignant: " in capsys.readouterr().out


def test_the_summary_of_a_table_has_the_evidence_of_every_feature_and_of_no_place(tabular, tmp_path):
    header, *rows = wisconsin_path().read_text().splitlines()[:4]
    (tmp_path / "t.csv").write_text("\n".join([header, rows[0], rows[1].replace(",", ",x"), rows[2]]) + "\n")
    assert run(tabular, tmp_path / "t.csv", "--out", tmp_path / "out") == 1
    lines, names = table(tmp_path / "out" / "summary.csv"), small_run().classifier.feature_names
    of_all = ["number", "input", "files", "class", "predicted class", "probability"]
    assert list(lines[0]) == [*of_all, *(f"evidence of {name}" for name in names), "problem"]
    for number in (1, 3):
        content = read(tmp_path / "out" / f"row-{number}.json")
        found = {name: float(lines[number - 1][f"evidence of {name}"]) for name in names}
        assert found == {each["name"]: each["evidence"] for each in content["features"]}
    assert "is not a number" in lines[1]["problem"] and not any(lines[1][f"evidence of {name}"] for name in names)


def test_an_explained_input_is_referred_where_predict_refers_it_and_for_the_same_reason(tabular, tmp_path, capsys):
    header, *rows = wisconsin_path().read_text().splitlines()[:12]
    at = header.split(",").index("mean radius")
    rows[0] = ",".join("99" if i == at else cell for i, cell in enumerate(rows[0].split(",")))
    (tmp_path / "t.csv").write_text("\n".join([header, *rows]) + "\n")
    assert main(["predict", str(tabular), str(tmp_path / "t.csv"), "--json"]) == 0
    predicted = [(row["refer"], row["reason"]) for row in json.loads(capsys.readouterr().out)["rows"]]
    assert predicted[0][0] and "mean radius is 99" in predicted[0][1] and (False, None) in predicted
    assert run(tabular, tmp_path / "t.csv", "--out", tmp_path / "out") == 0
    said = capsys.readouterr().out.splitlines()
    for number, (refer, reason) in enumerate(predicted, 1):
        content = read(tmp_path / "out" / f"row-{number:02}.json")
        assert (content["refer"], content["reason"]) == (refer, reason)
        assert (f"; uncertain: refer: {reason}; most for" in said[number - 1]) is refer


def test_rows_of_a_table_that_cannot_be_read_are_named(tabular, tmp_path, capsys):
    header, *rows = wisconsin_path().read_text().splitlines()[:4]
    cells = rows[1].split(",")
    (tmp_path / "t.csv").write_text("\n".join([header, rows[0], ",".join([*cells[:-1], "x"]), rows[2]]) + "\n")
    assert run(tabular, tmp_path / "t.csv", "--out", tmp_path / "out") == 1
    assert "row 2 (line 3): not explained: column 'worst fractal dimension': 'x' is not a number" in capsys.readouterr().out
    assert [path.name for path in sorted((tmp_path / "out").glob("*.json"))] == ["row-1.json", "row-3.json"]
    assert run(tabular, tmp_path / "t.csv", tmp_path / "t.csv", "--out", tmp_path / "two") == 1
    assert "t.csv row 3: " in capsys.readouterr().out


@pytest.mark.parametrize(("text", "rows"), [("1,5-9", {1, 5, 6, 7, 8, 9}), (" 2 - 3 ,3", {2, 3}), ("10", {10})])
def test_row_numbers(text, rows):
    assert rows_of(text, 10) == rows


@pytest.mark.parametrize("text", ["", "0", "11", "3-2", "a", "1,,2", "-1", "1-", "٣", "9-11"])
def test_row_numbers_that_are_none(text):
    with pytest.raises(UsageError, match="--rows"):
        rows_of(text, 10)


def test_what_is_for_pictures_alone_is_refused_for_a_table(tabular, tmp_path, capsys):
    assert run(tabular, wisconsin_path(), "--sheet", "--out", tmp_path / "out") == 2
    assert "--sheet shows pictures" in capsys.readouterr().err
    assert run(tabular, wisconsin_path(), "--shared-scale", "--out", tmp_path / "out") == 2
    assert "--shared-scale is for pictures" in capsys.readouterr().err and not left(tmp_path)


def test_the_layers_of_a_table_s_network(tabular, tmp_path):
    assert run(tabular, wisconsin_path(), "--rows", "1-9", "--layers", "--out", tmp_path / "out") == 0
    files = left(tmp_path / "out")
    assert "kernels.png" in files and "layer-1-conv2d_1.png" in files and "channels.csv" in files
    rows = table(tmp_path / "out" / "channels.csv")
    assert len(rows) == 4 * 5 and {row["input"] for row in rows} <= {f"row {n}" for n in range(1, 10)}
