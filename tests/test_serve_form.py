"""What it takes to ask: the template can be sent back, the form fits its model, and the pages hold no name as markup."""

import csv
import math
from dataclasses import replace

import numpy as np
import pytest
from api_client import client_of, save_models
from trained import small_run

from bcdetect.bundle import save_classifier
from bcdetect.datasets.wisconsin import wisconsin_path
from bcdetect.form import groups_of
from bcdetect.judgement import Judgement
from bcdetect.preprocessing import Standardiser

HOSTILE = "\"'><img src=x onerror=alert(1)></script>"


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    save_models(folder)
    classifier = small_run().classifier
    names = tuple(f"{HOSTILE} {k}" for k in range(30))
    save_classifier(folder / "hostile.npz", replace(classifier, feature_names=names))
    with client_of(folder) as client:
        yield client


def test_the_template_is_a_table_that_the_model_answers(client):
    for name in ("small", "hostile"):
        template = client.get(f"/api/predict/template.csv?model={name}")
        assert template.headers["content-disposition"] == 'attachment; filename="template.csv"'
        assert len(next(csv.reader(template.text.splitlines()))) == 30
        (row,) = client.post(f"/api/predict/table?model={name}", content=template.content).json()["rows"]
        assert row["problem"] is None and row["in_range"]
    assert client.get("/api/predict/template.csv?model=grey").status_code == 400


def test_the_example_is_the_head_of_the_built_in_table_for_a_model_of_its_columns(client):
    lines = wisconsin_path().read_text().splitlines(keepends=True)
    assert client.get("/api/predict/example.csv?rows=12&model=small").text == "".join(lines[:13])
    assert client.get("/api/predict/example.csv?model=small").text == "".join(lines)
    assert client.get("/api/predict/example.csv?model=hostile").json()["error"]["code"] == "not_found"
    for rows in (0, 570, "all"):
        assert client.get(f"/api/predict/example.csv?rows={rows}").status_code == 422


def test_the_form_has_every_measurement_by_statistic_and_a_typical_row_of_each_class(client):
    form = client.get("/api/predict/form?model=small").json()
    assert [len(group["fields"]) for group in form["groups"]] == [10, 10, 10]
    fields = [field for group in form["groups"] for field in group["fields"]]
    assert {field["name"] for field in fields} == set(small_run().classifier.feature_names)
    assert form["groups"][1]["fields"][0]["name"] == "radius error" and form["groups"][1]["fields"][0]["label"] == "radius"
    for field in fields:
        assert 0 <= field["least"] < field["start"] < field["most"] == field["high"]
        assert 50 < (field["most"] - field["least"]) / field["step"] < 5000
    rows = client.post("/api/predict?model=small", json={"rows": [each["values"] for each in form["examples"]]}).json()["rows"]
    assert [row["class"] for row in rows] == [each["class"] for each in form["examples"]] == ["benign", "malignant"]


def test_a_model_of_other_measurements_has_one_group_and_no_examples(client):
    form = client.get("/api/predict/form?model=hostile").json()
    assert [group["title"] for group in form["groups"]] == [""] and form["examples"] is None
    assert form["groups"][0]["fields"][0]["label"] == f"{HOSTILE} 0"


def test_numbers_that_no_slider_could_have_make_no_form_fail():
    mean = np.r_[np.nan, np.inf, 1e308, -1e308, 5e-324, 0.0, np.zeros(24)]
    std = np.r_[1.0, 1.0, 1e308, 1.0, 5e-324, np.inf, np.ones(24)]
    classifier = replace(small_run().classifier, preprocessing=Standardiser(mean, std), judgement=Judgement())
    for group in groups_of(replace(classifier, feature_names=tuple(f"f{k}" for k in range(30)))):
        for field in group["fields"]:
            assert all(math.isfinite(field[key]) for key in ("least", "most", "step", "start")) and field["step"] > 0


@pytest.mark.parametrize("path", ["/table", "/patient"])
def test_pages_open_with_and_without_models_and_hold_no_name_as_markup(client, path, tmp_path):
    page = client.get(f"{path}?model=hostile")
    assert page.status_code == 200 and "<img" not in page.text and "onerror" in page.text
    for model in ("small", "grey", "nobody", "<script>"):
        page = client.get(path, params={"model": model})
        assert page.status_code == 200 and "<script>" not in page.text and f"{path}.js" in page.text
    with client_of(tmp_path) as nobody:
        assert "Train one" in nobody.get(path).text
