"""Predicting over the API: the bits of `predict`, bad cells beside good answers, and for each hostile table a clear refusal."""

import csv
import dataclasses
import hashlib
import io
import json

import numpy as np
import pytest
from api_client import client_of, save_models
from trained import small_run, wisconsin_table

from bcdetect import NOTICE, predict
from bcdetect.bundle import load_classifier, save_classifier
from bcdetect.table import MAX_COLUMNS, parse_table

HEADER, ROWS = wisconsin_table()
FEATURES = [name for name in HEADER if name != "diagnosis"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    save_models(folder)
    return folder


@pytest.fixture(scope="module")
def client(folder):
    with client_of(folder) as client:
        yield client


def row(index=0, **changes):
    """One row of the built-in table as JSON has it."""
    values = dict(zip(HEADER, ROWS[index], strict=True))
    return {name: float(values[name]) for name in FEATURES} | changes


def text(header=HEADER, rows=ROWS[:3]) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([header, *rows])
    return out.getvalue().encode()


def changed(**cells):
    """Three rows of the built-in table, with cells like r2_mean_texture='abc' changed in row 2."""
    rows = [list(each) for each in ROWS[:3]]
    for key, value in cells.items():
        number, _, name = key.partition("_")
        rows[int(number[1:]) - 1][HEADER.index(name.replace("_", " "))] = value
    return rows


def refused(response, status=422) -> dict:
    assert response.status_code == status, response.text
    assert set(response.json()["error"]) == {"code", "file", "where", "what", "hint"}
    return response.json()["error"]


def test_rows_and_tables_get_the_bits_of_predict(client, folder):
    classifier, digest = load_classifier(folder / "small.npz")
    expected = json.loads(
        predict.to_json(predict.predict_table(classifier, parse_table(text(rows=ROWS).decode())), classifier, digest)
    )
    by_table = client.post("/api/predict/table", params={"name": "w.csv"}, content=text(rows=ROWS)).json()
    by_rows = client.post("/api/predict", json={"rows": [row(i) for i in range(569)]}).json()
    for found in (by_table, by_rows):
        assert {found[key] == expected[key] for key in expected if key != "rows"} == {True}
        assert (found["model"], found["notice"], found["renamed"]) == ("small", NOTICE, {})
        for each, wanted in zip(found["rows"], expected["rows"], strict=True):
            assert {key: each[key] for key in wanted} == wanted and each["problem"] is None and each["cells"] == []
    assert by_table["unused"] == ["diagnosis"] and [each["line"] for each in by_table["rows"][:2]] == [2, 3]
    assert by_rows["rows"][0]["line"] is None
    alone = client.post("/api/predict", json={"rows": [row(300)]}).json()["rows"][0]
    assert alone["probabilities"] == by_table["rows"][300]["probabilities"]


def test_the_answers_are_what_the_description_says(client):
    from bcdetect.serve.api.rows import RowExplained, TableAnswers

    for described, answer, rows in (
        (TableAnswers, client.post("/api/predict", json={"rows": [row(), {}]}), 2),
        (TableAnswers, client.post("/api/predict/table", content=text()), len(text().splitlines()) - 1),
        (RowExplained, client.post("/api/explain/row", json={"row": row()}), None),
    ):
        found = described.model_validate(answer.json(), extra="forbid")  # raises where they differ
        assert answer.status_code == 200 and (rows is None or len(found.rows) == rows)


def test_a_bad_cell_is_named_with_its_reason_and_the_other_rows_are_answered(client):
    rows = changed(r2_mean_texture="<script>alert(1)</script>", r2_worst_area="", r3_mean_radius="13,5")
    found = client.post("/api/predict/table", content=text(rows=[*rows, ROWS[3][:-2]])).json()["rows"]
    assert found[0]["class"] == "malignant" and found[0]["problem"] is None
    assert found[1]["cells"] == [
        {"column": "mean texture", "reason": "'<script>alert(1)</script>' is not a number", "value": "<script>alert(1)</script>"},
        {"column": "worst area", "reason": "empty", "value": ""},
    ]
    assert found[1]["class"] is found[1]["probabilities"] is found[1]["refer"] is None and found[1]["line"] == 3
    assert found[2]["cells"] == [{"column": "mean radius", "reason": "decimal comma; write 13.5", "value": "13,5"}]
    assert found[3]["cells"] == [{"column": "", "reason": "29 cells, the header has 31", "value": ""}]


def test_of_a_long_cell_and_many_bad_ones_only_the_beginning_comes_back(client):
    bad = client.post("/api/predict/table", content=text(rows=[["x" * 5000] * len(HEADER)])).json()["rows"][0]
    assert len(bad["cells"]) == 5 and bad["bad_cells"] == 30 and all(len(cell["value"]) == 40 for cell in bad["cells"])
    assert bad["problem"].endswith("(and 29 more columns)")


def test_a_json_row_that_lacks_a_measurement_has_a_problem_of_its_own(client):
    short = row()
    del short["mean area"]
    spelled = {name.replace(" ", "_").upper(): value for name, value in row().items()}
    rows = [short, row(**{"mean radius": None}), row(extra=7), spelled, {}]
    found = client.post("/api/predict", json={"rows": rows}).json()["rows"]
    problems = ["column 'mean area': empty", "column 'mean radius': empty", None, None]
    assert [each["problem"] for each in found[:4]] == problems
    assert found[2]["probabilities"] == found[3]["probabilities"]
    assert found[4]["problem"] == "column 'mean radius': empty (and 29 more columns)"


def test_columns_are_matched_by_meaning_and_the_answer_says_which(client):
    header = [
        name if name == "diagnosis" else name.replace("mean ", "").replace(" ", "_") + "_mean" * name.startswith("mean")
        for name in HEADER
    ]
    found = client.post("/api/predict/table", content=text(header)).json()
    assert found["renamed"]["mean radius"] == "radius_mean" and found["unused"] == ["diagnosis"]


def test_a_row_beyond_the_training_range_says_which_measurement_is(client):
    found = client.post("/api/predict", json={"rows": [row(**{"mean radius": 99.0, "mean area": 9999.0}), row()]}).json()["rows"]
    assert found[0]["outside"] == ["mean radius", "mean area"] and found[0]["in_range"] is False
    assert found[0]["refer"] and "mean radius is 99" in found[0]["reason"]
    assert found[1]["in_range"] is True and found[1]["outside"] == []
    far = client.post("/api/predict", json={"rows": [row(**{"mean radius": -1e300})]}).json()["rows"][0]
    assert far["problem"] == "column 'mean radius': the value is beyond what the model can take" and far["in_range"] is None


def test_the_results_as_csv_are_those_of_the_command_line(client, folder):
    answer = client.post("/api/predict/table", params={"format": "csv"}, content=text(rows=changed(r2_mean_texture="=1+1")))
    classifier, _ = load_classifier(folder / "small.npz")
    table = parse_table(text(rows=changed(r2_mean_texture="=1+1")).decode())
    assert answer.text == predict.to_csv(predict.predict_table(classifier, table), classifier)
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="answers.csv"'
    assert [line.split(",")[0] for line in answer.text.splitlines()] == ["row", "1", "2", "3"]


def test_a_model_is_chosen_by_name_and_kind(client, tmp_path):
    assert client.post("/api/predict", json={"rows": [row()]}).json()["model"] == "small"  # the newest takes pictures
    wrong = refused(client.post("/api/predict?model=grey", json={"rows": [row()]}), 400)
    assert "takes pictures" in wrong["what"] and "/pictures" in wrong["hint"]
    assert refused(client.post("/api/predict?model=../small", json={"rows": [row()]}), 404)["code"] == "not_found"
    assert refused(client.post("/api/explain/row?model=grey", json={"row": row()}), 400)["code"] == "usage"
    with client_of(tmp_path) as nobody:
        assert "/train" in refused(nobody.post("/api/predict", json={"rows": [row()]}), 404)["hint"]
    save_classifier(tmp_path / "good.npz", small_run().classifier)
    (tmp_path / "newer.npz").write_bytes(b"PK\x03\x04 nothing")
    with client_of(tmp_path) as client:
        assert client.post("/api/predict", json={"rows": [row()]}).json()["model"] == "good"
        assert "newer" in refused(client.post("/api/predict?model=newer", json={"rows": [row()]}), 409)["file"]


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"{}", b"[]", b'{"rows":[]}', b'{"rows":[1]}', b'{"rows":[{}],"more":1}', b"\xff\xfe", b"[" * 100_000),
        *(b'{"rows":[{"a":%b}]}' % value for value in (b'"1"', b"true", b"1e999", b"NaN", b"[1]")),
        *(b'{"rows":[%b]}' % rows for rows in (b"{}," * 10_000 + b"{}", b'{"%b":1}' % (b"n" * 256), b'{"\\ud800":1}')),
    ],
    ids=lambda body: body[:24].decode("latin-1"),
)
def test_json_that_is_no_rows_is_refused(client, body):
    error = refused(client.post("/api/predict", content=body))
    assert error["where"].startswith("body") and len(json.dumps(error)) < 1000


def test_the_place_of_a_wrong_value_is_told(client):
    error = refused(client.post("/api/predict", content=b'{"rows":[{"mean area":1},{"mean area":"wide"}]}'))
    assert error["where"] == "body.rows.1.mean area" and "number" in error["what"]


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (b"", "empty"),
        (text(rows=[]), "no rows"),
        (b"a;b;c\n1;2;3\n", "semicolons"),
        (b"a\tb\n1\t2\n", "tabs"),
        (b'a,b\n"1,2\n', "not valid CSV"),
        (b"1,2,3\n4,5,6\n", "not column names"),
        (b"PK\x03\x04rest", "zip archive"),
        (b"\xff\xfea\0b\0", "UTF-16"),
        (b"a,b\n1,\x00\n", "NUL"),
        (b"a,a\n1,2\n", "more than once"),
        (",".join(f"c{i}" for i in range(MAX_COLUMNS + 1)).encode() + b"\n1\n", "10,001 columns"),
        (b"n" * 300 + b",b\n1,2\n", "300 characters"),
        (b"mean radius,radius_mean,Mean_Radius\n1,2,3\n", "29 columns are missing"),
        (b"radius_mean,RADIUS_MEAN\n1,2\n", "could be any of"),
        (b"a\n" + b"1\n" * 100_001, "more than 100,000 rows"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_table_that_cannot_be_used_is_refused_with_the_reason(client, body, what):
    error = refused(client.post("/api/predict/table", params={"name": "<img onerror>.csv"}, content=body))
    assert what in error["what"] and error["file"] == "<img onerror>.csv"
    assert client.get("/health").status_code == 200


def test_a_table_of_10_000_columns_that_has_those_of_the_model_is_answered(client):
    more = MAX_COLUMNS - len(HEADER)
    body = text([*HEADER, *(f"x{i}" for i in range(more))], [[*ROWS[0], *["1"] * more]])
    found = client.post("/api/predict/table", content=body).json()
    assert found["rows"][0]["class"] == "malignant" and len(found["unused"]) == more + 1


def test_what_speaks_for_a_row_comes_strongest_first_and_carries_its_grade(client):
    by_row = client.post("/api/explain/row", json={"row": row(20)}).json()
    assert len(by_row["features"]) == 30 and by_row["class"] == "malignant" and by_row["notice"] == NOTICE
    sizes = [abs(each["evidence"]) for each in by_row["features"]]
    assert sizes == sorted(sizes, reverse=True) and "no grade" in by_row["grade"]
    probabilities = client.post("/api/predict", json={"rows": [row(20)]}).json()["rows"][0]["probabilities"]
    assert by_row["probabilities"] == probabilities
    by_table = client.post("/api/explain/table?row=21", content=text(rows=ROWS[:30])).json()
    assert by_table["features"] == by_row["features"] and by_table["row"] == 21


def test_an_explained_row_is_referred_where_its_prediction_is_and_for_the_same_reason(client):
    strange = row(20) | {"mean radius": 99.0}
    rows = [row(index) for index in range(30)] + [strange]
    predicted = client.post("/api/predict", json={"rows": rows}).json()["rows"]
    assert {each["refer"] for each in predicted} == {True, False} and "mean radius" in predicted[-1]["reason"]
    certain = next(number for number, each in enumerate(predicted) if not each["refer"])
    for number in (certain, len(rows) - 1):
        told = client.post("/api/explain/row", json={"row": rows[number]}).json()
        assert (told["refer"], told["reason"]) == (predicted[number]["refer"], predicted[number]["reason"])
        assert told["predicted_class"] == predicted[number]["class"]


def test_a_row_that_cannot_be_explained_is_refused(client):
    error = refused(client.post("/api/explain/row", json={"row": {}}))
    assert error["where"] == "row 1" and "mean radius" in error["what"]
    assert "no row 4" in refused(client.post("/api/explain/table?row=4", content=text()))["what"]
    assert refused(client.post("/api/explain/table?row=0", content=text()))["where"] == "query.row"
    assert refused(client.post("/api/explain/row", json={"rows": [row()]}))["where"].startswith("body")


class Log:
    """What the log was told."""

    def __init__(self):
        self.kept = []

    def add(self, *entry):
        self.kept.append(entry)

    def close(self):
        pass


def test_with_the_log_on_every_answer_is_kept_and_nothing_of_what_was_sent(client, folder):
    services = client.app.state.services
    client.app.state.services = dataclasses.replace(services, log=Log())
    try:
        body = text(rows=changed(r2_mean_texture="Jane Doe", r3_mean_radius="99"))
        found = client.post("/api/predict/table?name=Doe.csv", content=body).json()
        client.post("/api/explain/row", json={"row": row() | {"mean radius": 99.0}})
        refused(client.post("/api/predict/table", content=b""))
        kept = client.app.state.services.log.kept
    finally:
        client.app.state.services = services
    digest = load_classifier(folder / "small.npz")[1]
    assert [entry[0] for entry in kept] == ["predict", "explain"]
    assert kept[0][1:4] == (hashlib.sha256(body).hexdigest(), digest, "small")
    first, second, third = kept[0][4]["rows"]
    assert first == {
        "row": 1,
        "class": "malignant",
        "probabilities": list(found["rows"][0]["probabilities"].values()),
        "refer": False,
    }
    assert second == {"row": 2, "answered": False} and third["refer"] is True
    assert kept[1][4]["rows"][0]["refer"] is True
    assert not any(word in json.dumps(kept) for word in ("Doe", "texture", "99,"))


def test_threads_that_explain_at_once_get_what_they_get_alone(folder):
    from concurrent.futures import ThreadPoolExecutor

    from bcdetect.serve.shelf import Shelf

    model = Shelf(folder).get("small")
    x = small_run().data.x[:12]
    alone = [model.explain(each[None])[0].raw for each in x]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda each: model.explain(each[None])[0].raw, x))
    np.testing.assert_array_equal(together, alone)
