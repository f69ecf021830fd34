"""Datasets: the right class is positive, no identifier is a measurement, no bad row slips in."""

import hashlib
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bcdetect.datasets import Needs, load_dataset
from bcdetect.datasets.labels import encode_labels
from bcdetect.datasets.table import load_table
from bcdetect.datasets.wisconsin import SHA256, load_wisconsin, wisconsin_path
from bcdetect.errors import InputError


@pytest.fixture
def write(tmp_path):
    def write_text(text):
        path = tmp_path / "mine.csv"
        path.write_text(text)
        return path

    return write_text


def test_wisconsin_is_what_the_literature_says():
    data = load_wisconsin()
    assert data.x.shape == (569, 30) and data.x.dtype == np.float64 and data.y.dtype == np.int64
    assert (data.y == 1).sum() == 212 and data.class_names == ("benign", "malignant") and data.positive == "malignant"
    assert data.y[0] == 1 and data.x[0, data.feature_names.index("mean radius")] == 17.99
    assert data.x[data.y == 1].mean(0)[0] > data.x[data.y == 0].mean(0)[0]
    assert data.provenance["rows"] == 569 and data.provenance["sha256"] == SHA256


def test_an_altered_wisconsin_table_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "wisconsin.csv"
    path.write_bytes(wisconsin_path().read_bytes().replace(b"17.99", b"71.99", 1))
    monkeypatch.setattr("bcdetect.datasets.wisconsin.wisconsin_path", lambda: path)
    with pytest.raises(InputError, match="altered"):
        load_wisconsin()


def test_load_dataset_knows_the_built_in_data_by_name_and_passes_options_on(write):
    assert load_dataset().name == load_dataset("wisconsin").name == "wisconsin"
    assert len(load_dataset(drop=["worst_area"]).feature_names) == 29
    path = write("a,site,who,extra\n1,left,p1,9\n2,right,p2,8\n3,left,p1,7\n")
    data = load_dataset(str(path), label="site", positive="left", group="who", drop=["extra"])
    assert data.feature_names == ("a",) and data.class_names == ("right", "left") and data.y.tolist() == [1, 0, 1]
    assert data.groups.tolist() == ["p1", "p2", "p1"]
    part = data.subset(np.array([False, True, True]))
    assert (part.x.tolist(), part.y.tolist(), part.groups.tolist()) == ([[2], [3]], [0, 1], ["p2", "p1"])


def test_the_kaggle_copy_with_its_trailing_comma_reads(write):
    data = load_table(write('"id","diagnosis","radius_mean",\n1,M,17.99\n2,B,9.5\n'))
    assert data.feature_names == ("radius_mean",) and data.y.tolist() == [1, 0]
    assert list(data.provenance["left_out"]) == ["id"]


@pytest.mark.parametrize("name", ["ID", "Patient_ID", "sample id", "Unnamed: 32", ""])
def test_an_identifier_is_left_out_unless_it_is_the_group(write, name):
    path = write(f"{name},a,Diagnosis\n7,1,B\n8,2,M\n")
    data = load_table(path)
    assert data.feature_names == ("a",) and "identifier" in data.provenance["left_out"][name]
    data = load_table(path, group=name)
    assert data.groups.tolist() == ["7", "8"] and not data.provenance["left_out"]


@pytest.mark.parametrize("column", ["patient", "diagnosis"])
def test_a_cell_that_is_no_name_of_a_patient_or_class_takes_no_room_for_every_row(write, column):
    rows = [{"patient": f"p{i // 2}", "a": str(i * i), "diagnosis": "BM"[i % 2]} for i in range(30)]
    rows[7][column] = "x" * 256
    path = write("patient,a,diagnosis\n" + "".join(",".join(row.values()) + "\n" for row in rows))
    with pytest.raises(InputError, match=rf"row 8 \(line 9\), column '{column}': 256 characters; the limit is 255"):
        load_table(path)


@pytest.mark.parametrize("first", [0, 1, 95])
def test_a_column_that_numbers_the_rows_is_left_out_whatever_its_name(write, first):
    lines = [f"{first + i},{i * i % 7},{'BM'[i > 5]}\n" for i in range(12)]
    data = load_table(write("index,a,diagnosis\n" + "".join(lines)))
    assert data.feature_names == ("a",) and data.provenance["left_out"] == {"index": "it numbers the rows"}
    written_as_floats = "".join(line.replace(",", ".0,", 1) for line in lines)
    assert load_table(write("index,a,diagnosis\n" + written_as_floats)).feature_names == ("a",)
    alone = "".join(f"{first + i},{'BM'[i > 5]}\n" for i in range(12))
    with pytest.raises(InputError, match=r"no column of measurements is left \('index': it numbers the rows\)"):
        load_table(write("index,diagnosis\n" + alone))
    lines[3], lines[8] = lines[8], lines[3]
    assert load_table(write("index,a,diagnosis\n" + "".join(lines))).feature_names == ("index", "a")
    with pytest.raises(InputError, match="row 13"):
        load_table(write("index,a,diagnosis\n" + "".join(lines) + "1,2\n"))


def test_which_identifier_groups_the_rows_is_asked_in_words_that_a_saved_model_takes(write):
    path = write("case,study,a,diagnosis\n1,1,0,M\n1,2,1,B\n2,2,3,M\n2,1,5,B\n")
    with pytest.raises(InputError, match=r"Pass --group COLUMN, and the others to --drop\."):
        load_table(path)
    with pytest.raises(InputError, match=r"Pass --group COLUMN\."):
        load_table(path, needs=Needs(False, ("benign", "malignant"), ("a",)))


def test_provenance_is_json_and_names_the_very_bytes(write):
    path = write("a,b,diagnosis\n1,2,B\n2,3,M\n")
    data = load_table(path, drop=["b"])
    assert json.loads(json.dumps(data.provenance)) == data.provenance
    assert data.provenance["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert data.provenance["left_out"] == {"b": "dropped on request"}


@pytest.mark.parametrize(
    "labels, positive, class_names, y",
    [
        ("B M", None, ("benign", "malignant"), [0, 1]),
        ("m Benign MALIGNANT", "M", ("benign", "malignant"), [1, 0, 1]),
        ("malignant normal", None, ("normal", "malignant"), [1, 0]),
        ("1 0", None, ("0", "1"), [1, 0]),
        ("0 1", "0", ("1", "0"), [1, 0]),
        ("Yes No", None, ("No", "Yes"), [1, 0]),
        ("positive negative", None, ("negative", "positive"), [1, 0]),
        ("True False", None, ("False", "True"), [1, 0]),
        ("abnormal normal", None, ("normal", "abnormal"), [1, 0]),
        ("- +", "+", ("-", "+"), [0, 1]),
        ("cat dog", "CAT", ("dog", "cat"), [1, 0]),
        ("malignant Normal benign", None, ("normal", "benign", "malignant"), [2, 0, 1]),
        ("c b a", None, ("a", "b", "c"), [2, 1, 0]),
    ],
)
def test_index_one_is_the_positive_class(labels, positive, class_names, y):
    names, indices = encode_labels(labels.split(), positive)
    assert names == class_names and indices.tolist() == y


@pytest.mark.parametrize(
    "labels, positive, words",
    [
        ("cat dog", None, "'cat', 'dog'.*--positive"),
        ("cat dog", "cow", "no class 'cow'"),
        ("B M", "benign", "malignant class"),
        ("a b c", "a", "needs two classes"),
        ("M M", None, "only one class"),
        ("M B X", None, "'X' is not one of M and B"),
        ("Yes yes no", None, "upper and lower case"),
        (" ".join(map(str, range(51))), None, "51 classes.*--label"),
    ],
)
def test_labels_that_could_mean_the_wrong_thing_are_refused(labels, positive, words):
    with pytest.raises(InputError, match=words):
        encode_labels(labels.split(), positive)


@pytest.mark.parametrize(
    "text, options, words",
    [
        ("a,kind\n1,x\n", {}, "'a', 'kind'.*--label"),
        ("a,kind\n1,x\n", {"label": "knd"}, "Did you mean 'kind'"),
        ("a,diagnosis\n1,M\n2,B\n", {"group": "who"}, "no column 'who'.*--group"),
        ("a,diagnosis\n1,M\n2,B\n", {"drop": ["z"]}, "no column 'z'.*--drop"),
        ("a,diagnosis\n1,M\n2,B\n", {"drop": ["diagnosis"]}, "two of label"),
        ("a,diagnosis\n1,M\n2,B\n", {"group": "diagnosis"}, "two of label"),
        ("a,diagnosis\n1,M\n2,B\n", {"drop": ["a"]}, "no column of measurements"),
        ("id,diagnosis\n1,M\n2,B\n", {}, "no column of measurements"),
        ("a,b,diagnosis\n1,2,M\n1,2,B\n", {}, "same in all rows"),
        ("a,diagnosis\n1,M\n2,\n", {}, r"row 2 \(line 3\), column 'diagnosis': empty"),
        ("a,diagnosis\n1,M\n2,?\n3,B\n", {}, r"row 2 \(line 3\), column 'diagnosis': '\?' is no value"),
        ("a,who,diagnosis\n1,,M\n2,p,B\n", {"group": "who"}, r"row 1 \(line 2\), column 'who': empty"),
    ],
)
def test_a_table_that_cannot_be_learned_from_is_refused(write, text, options, words):
    path = write(text)
    with pytest.raises(InputError, match=words) as caught:
        load_table(path, **options)
    assert caught.value.file == str(path)


@given(st.lists(st.sampled_from(["1,M", "2,B", "2,M", "1.5,B", ".,B", "1,?", "3", '"4,B', "", ",,,"])))
def test_any_table_is_a_good_dataset_or_an_input_error(tmp_path_factory, rows):
    path = tmp_path_factory.getbasetemp() / "rows.csv"
    path.write_text("\n".join(["a,diagnosis", *rows]))
    try:
        data = load_table(path)
    except InputError:
        assert not {"1,M", "2,B"} <= set(rows) <= {"1,M", "2,B", "2,M", "1.5,B", ""}
    else:
        assert [[f"{x:g}", "BM"[y]] for (x,), y in zip(data.x, data.y, strict=True)] == [row.split(",") for row in rows if row]


def test_bad_rows_are_named_all_at_once(write):
    with pytest.raises(InputError) as caught:
        load_table(write("a,diagnosis\n\n1,M\nx,B\n2\n" + "?,B\n" * 6))
    assert "row 2 (line 4), column 'a': 'x' is not a number; row 3 (line 5), 1 cell" in caught.value.what
    assert caught.value.what.endswith("and 3 more rows")


def test_a_label_that_cannot_be_shown_is_refused():
    with pytest.raises(InputError, match="cannot be shown"):
        encode_labels(["yes\x1b[31m", "no"])


def patients(tmp_path, header, row):
    path = tmp_path / "p.csv"
    path.write_text(f"{header}\n" + "".join(row(i) + "\n" for i in range(60)), encoding="utf-8")
    return path


@pytest.mark.parametrize("name", ["patient", "Patient_ID", "subject", "case", "mrn", "participant id", "id"])
def test_rows_of_one_patient_are_kept_together_without_being_asked(name, tmp_path):
    path = patients(tmp_path, f"{name},a,outcome", lambda i: f"{i // 3},{i * i % 17},{'yes' if i // 3 % 2 else 'no'}")
    data = load_table(path, label="outcome")
    assert data.feature_names == ("a",) and len(set(data.groups)) == 20 and data.provenance["group"] == name


def test_a_patient_number_that_never_repeats_is_left_out_and_is_no_group(tmp_path):
    data = load_table(patients(tmp_path, "patient,a,outcome", lambda i: f"{i},{i % 7},{i % 2}"), label="outcome")
    assert data.groups is None and data.provenance["left_out"].keys() == {"patient"}


def test_two_identifiers_that_repeat_are_a_question(tmp_path):
    path = patients(tmp_path, "patient,study,a,outcome", lambda i: f"{i // 2},{i // 3},{i % 7},{i % 2}")
    with pytest.raises(InputError, match=r"several identifiers repeat: 'patient' \(30 values\), 'study' \(20 values\)"):
        load_table(path, label="outcome")
    assert len(set(load_table(path, label="outcome", drop=["study"]).groups)) == 30
