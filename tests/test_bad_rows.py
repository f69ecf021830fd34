"""Tables with bad cells: one line that says what is wrong, or the rows left out, listed, and left out again of a saved model."""

import json
from dataclasses import replace

import numpy as np
import pytest
from trained import SMALL, wisconsin_table, write_table

from bcdetect.bundle import load_classifier
from bcdetect.cli import main
from bcdetect.datasets import Needs, load_dataset
from bcdetect.datasets.table import load_table
from bcdetect.errors import InputError
from bcdetect.external import load_for
from bcdetect.held_out import own_parts
from bcdetect.run import load_run_data

QUICK = ("--epochs", "2", "--set", "filters=2", "--set", "units=2", "--set", "lr=0.01", "--quiet")


@pytest.fixture
def write(tmp_path):
    def write_text(text):
        path = tmp_path / "mine.csv"
        path.write_text(text)
        return path

    return write_text


@pytest.fixture(scope="module")
def torn(tmp_path_factory):
    """The built-in table sorted by class, its rows numbered, every sixth with a bad cell: the path, and which rows are bad."""
    header, rows = wisconsin_table()
    rows = sorted(rows, key=lambda row: row[header.index("diagnosis")])
    place = header.index("mean area")
    bad = list(range(3, len(rows), 6))
    for n, row in enumerate(bad):
        rows[row] = [*rows[row][:place], ("", "n/a", "secret name")[n % 3], *rows[row][place + 1 :]]
    path = tmp_path_factory.mktemp("torn") / "torn.csv"
    return write_table(path, ["nr", *header], [[n, *row] for n, row in enumerate(rows, 1)]), bad


@pytest.fixture(scope="module")
def trained(torn, tmp_path_factory):
    """The folder of a run that left the bad rows out."""
    out = tmp_path_factory.mktemp("run") / "o"
    assert main(["train", "--data", torn[0], "--skip-bad", *QUICK, "--out", str(out)]) == 0
    return out


def test_bad_rows_are_left_out_on_request_and_listed(write):
    path = write("a,b,diagnosis\n1,2,M\nx,,B\n2,3,B\n3,4,?\n4,5\n5,6,M\n")
    data = load_table(path, skip_bad=True)
    assert data.x.tolist() == [[1, 2], [2, 3], [5, 6]] and data.y.tolist() == [1, 0, 1]
    assert data.provenance["rows"] == 3 and data.names.tolist() == ["row 1", "row 3", "row 6"]
    assert data.provenance["bad"] == [
        "row 2 (line 3), column 'a': 'x' is not a number (and 1 more column)",
        "row 4 (line 5), column 'diagnosis': '?' is no value",
        "row 5 (line 6), 2 cells, the header has 3",
    ]
    assert data.provenance["bad_of_class"] == {"benign": 1, "malignant": 0}  # of the rows whose class is known


def test_without_the_flag_the_line_names_it(write):
    with pytest.raises(InputError) as caught:
        load_table(write("a,diagnosis\n1,M\n,B\n2,B\n"))
    assert caught.value.what.endswith("row 2 (line 3), column 'a': empty") and "--skip-bad" in caught.value.hint


def test_a_row_without_its_patient_is_bad_and_the_groups_stay_with_their_rows(write):
    data = load_table(write("patient,a,diagnosis\np1,1,M\n,2,B\np1,3,M\np2,4,B\n"), skip_bad=True)
    assert data.groups.tolist() == ["p1", "p1", "p2"] and data.x[:, 0].tolist() == [1, 3, 4]


def test_identifiers_that_never_repeat_are_no_group_because_a_row_is_short(write):
    data = load_table(write("id,a,diagnosis\n1,1,M\n2,2,B\n3,3\n4,4,B\n"), skip_bad=True)
    assert data.groups is None and data.provenance["left_out"] == {"id": "an identifier is not a measurement"}


def test_row_numbers_are_known_past_the_rows_that_are_left_out(write):
    rows = [f"{i},{'' if i == 5 else i * i % 7},{'MB'[i > 8]}" for i in range(16)]
    rows[9] = ",3,B"  # a row whose number is missing is good: the column is left out
    data = load_table(write("\n".join(["index,a,diagnosis", *rows])), skip_bad=True)
    assert data.feature_names == ("a",) and data.provenance["left_out"] == {"index": "it numbers the rows"}
    assert [row.split(",")[0] for row in data.provenance["bad"]] == ["row 6 (line 7)"]


@pytest.mark.parametrize("lost", ["P", "R"])
def test_a_class_that_loses_all_its_rows_is_an_error(lost, write):
    rows = [f"{i if kind != lost else ''},{kind}" for i, kind in enumerate("QPQRPQRQ")]
    rows[0] = ",Q"  # bad too, and of a class that has others
    row = "QPQR".index(lost) + 1
    with pytest.raises(
        InputError, match=rf"no row of '{lost}' is good, .*class: row {row} \(line {row + 1}\), column 'a': empty"
    ):
        load_table(write("\n".join(["a,outcome", *rows])), label="outcome", skip_bad=True)


def test_a_table_without_a_good_row_is_an_error(write):
    with pytest.raises(InputError, match="not one row is good: row 1"):
        load_table(write("a,b,diagnosis\n1,,M\n,2,B\n"), skip_bad=True)


def test_a_run_tells_what_it_left_out_and_the_model_no_cell(torn, trained):
    bad = torn[1]
    told = json.loads((trained / "metrics.json").read_text())
    assert told["data"]["rows"] == 569 - len(bad) and len(told["data"]["bad"]) == len(bad)
    assert sum(part["rows"] for part in told["parts"].values()) == 569 - len(bad)
    report = (trained / "report.html").read_text()
    of_class = ", ".join(f"{count} {name}" for name, count in told["data"]["bad_of_class"].items())
    assert f"{len(bad)} of 569 rows ({of_class}) had a bad cell and were left out: row 4 (line 5), " in report
    assert f"{len(bad)} rows with a missing or bad cell were left out" in report
    card = load_classifier(trained / "model.npz")[0].card
    assert card["data"]["bad"][0] == "row 4 (line 5)" and "secret" not in json.dumps(card)


def test_the_rows_that_are_named_are_those_of_the_file(torn, trained):
    bad = torn[1]
    told = json.loads((trained / "metrics.json").read_text())
    named = [int(row["row"].split()[1]) - 1 for row in told["errors"]["surest"]]
    labels = [row["reference"] for row in told["errors"]["surest"]]
    header, rows = wisconsin_table()
    kinds = sorted(row[header.index("diagnosis")] for row in rows)
    assert named and not set(named) & set(bad)
    assert [{"B": "benign", "M": "malignant"}[kinds[row]] for row in named] == labels


def test_of_its_own_table_a_model_leaves_the_same_rows_out_again(torn, trained, capsys):
    classifier, _ = load_classifier(trained / "model.npz")
    then, parts = load_run_data(replace(SMALL, data=torn[0], bad="skip"))
    data = load_for(classifier, torn[0])
    assert data.names.tolist() == then.names.tolist()
    again = own_parts(classifier, data)
    assert all(again[part].tolist() == rows.tolist() for part, rows in parts.items())
    assert main(["evaluate", str(trained / "model.npz"), torn[0], "--json"]) == 0
    scores = json.loads(capsys.readouterr().out)["scores"]["model"]
    assert scores == json.loads((trained / "metrics.json").read_text())["test"]["CNN"]


def test_other_rows_left_out_than_in_training_are_an_error(torn, trained):
    classifier, _ = load_classifier(trained / "model.npz")
    data = load_for(classifier, torn[0])
    data.provenance["bad"] = [*data.provenance["bad"][:-1], "row 2 (line 3), column 'a': empty"]
    with pytest.raises(InputError, match="which rows it was trained on is not known"):
        own_parts(classifier, data)


def test_another_table_with_bad_rows_is_refused_unless_asked_for(torn, trained, tmp_path):
    classifier, _ = load_classifier(trained / "model.npz")
    header, rows = wisconsin_table()
    rows = [list(row) for row in rows[:60]]
    rows[7][header.index("mean area")] = ""
    path = write_table(tmp_path / "other.csv", header, rows)
    with pytest.raises(InputError, match="row 8") as caught:
        load_for(classifier, path)
    assert "--skip-bad" in caught.value.hint and "--drop" not in caught.value.hint
    assert len(load_for(classifier, path, skip_bad=True).y) == 59


def test_the_terminal_counts_the_rows_and_lists_the_first(torn, capsys):
    from bcdetect import show

    data, parts = load_run_data(replace(SMALL, data=torn[0], bad="skip"))
    lines = show.data(data, parts).splitlines()
    benign, malignant = data.provenance["bad_of_class"].values()
    assert f"{len(torn[1])} of 569 rows have a bad cell and are left out ({benign} benign, {malignant} malignant)" in lines
    assert (benign, malignant) == (357 - (data.y == 0).sum(), 212 - (data.y == 1).sum())
    assert "left out: row 4 (line 5), column 'mean area': empty" in lines
    assert f"left out: and {len(torn[1]) - 20} more rows" in lines


def test_a_whole_table_is_the_same_with_the_flag(write):
    path = write("a,diagnosis\n1,M\n2,B\n3,M\n")
    kept, plain = load_dataset(str(path), skip_bad=True), load_dataset(str(path))
    assert np.array_equal(kept.x, plain.x) and kept.provenance == plain.provenance and kept.names is None


def test_a_column_of_text_is_said_once_and_by_name(write):
    rows = "".join(f"{i % 7},{'ja' if i % 3 else ''},x{i},{'MB'[i % 2]}\n" for i in range(40))
    path = write("a,OP,Ort,diagnosis\n" + rows)
    for skip_bad in (False, True):
        with pytest.raises(InputError) as caught:
            load_table(path, skip_bad=skip_bad)
        assert caught.value.what == "columns 'OP', 'Ort' hold no numbers (such as 'ja', 'x0')"
        assert "--drop COLUMN" in caught.value.hint and "row" not in str(caught.value)
    assert load_table(path, drop=["OP", "Ort"]).feature_names == ("a",)


def test_an_empty_column_is_said_once_too(write):
    with pytest.raises(InputError, match=r"column 'b' holds no numbers \(all cells are empty\)"):
        load_table(write("a,b,diagnosis\n1,,M\n2,,B\n"), skip_bad=True)


@pytest.mark.parametrize("cells", [("ja", "1"), ("1,5", "2,5"), ("x", "3,25")])
def test_a_column_with_a_number_or_a_decimal_comma_is_told_row_by_row(cells, write):
    with pytest.raises(InputError, match=r"row 1 \(line 2\), column 'a': "):
        load_table(write("a,diagnosis\n" + "".join(f'"{cell}",{kind}\n' for cell, kind in zip(cells, "MB", strict=True))))


def test_a_saved_model_that_takes_the_column_is_not_told_to_drop_it(write):
    path = write("a,diagnosis\nja,M\nnein,B\n")
    with pytest.raises(InputError, match="column 'a' holds no numbers") as caught:
        load_table(path, needs=Needs(False, ("benign", "malignant"), ("a",)))
    assert "--drop" not in caught.value.hint
