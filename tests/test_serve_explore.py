"""A table explored through the API: the built-in one, one of yours, and everything that can be wrong with one."""

import subprocess
import sys

import pytest
from api_client import save_models
from shelved import asking
from trained import environment

from bcdetect import NOTICE
from bcdetect.datasets.wisconsin import wisconsin_path
from bcdetect.explore import exploration
from bcdetect.table import parse_table, read_table

HOSTILE = "<img src=x onerror=alert(1)>"
MESSY = f"""id,kind,size,{HOSTILE},site
1,M,5.0,1,north
2,B,1.0,,south
3,M,4.0,3,north
4,B,2.0,nan,south
5,,9.0,5,north
"""


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    with asking(tmp_path_factory.mktemp("models")) as client:
        yield client


def test_the_built_in_table_is_explored_as_a_library_user_would(client):
    found = client.get("/api/explore").json()
    assert found.pop("notice") == NOTICE and found.pop("name") == "wisconsin.csv"
    assert found.pop("columns")[:2] == ["diagnosis", "mean radius"]
    assert found == exploration(read_table(wisconsin_path()))
    assert [each["rows"] for each in found["classes"]] == [357, 212]


def test_a_table_of_yours_with_and_without_a_label(client):
    table = parse_table(MESSY, file="mine.csv")
    for label, names in ((None, ["all rows"]), ("kind", ["benign", "malignant"]), ("site", ["north", "south"])):
        parameters = {"name": "mine.csv"} | ({} if label is None else {"label": label})
        found = client.post("/api/explore", params=parameters, content=MESSY).json()
        expected = exploration(table, label)
        assert {name: found[name] for name in expected} == expected
        assert [each["name"] for each in found["classes"]] == names and found["label"] == label
        assert HOSTILE in found["columns"] and found["name"] == "mine.csv"
    assert client.post("/api/explore?label=", content=MESSY).json()["label"] is None


@pytest.mark.parametrize(
    "content, parameters, what",
    [
        (b"", {}, "empty"),
        (b"\0a,b\n1,2\n", {}, "NUL"),
        (b"\x89PNG\r\n\x1a\n", {}, "PNG"),
        (b"a,b\n1,\xff\n", {}, "UTF-8"),
        (b"a,b\n1,2,3\n", {}, "3 cells"),
        (b"a,b\nx,y\n", {}, "no column of numbers"),
        (b"a,b\n1,2\n", {"label": "c"}, "'c'"),
        (b'a,b\n1,"2\n', {}, "CSV"),
        (("a,b\n" + "".join(f"k{i},{i}\n" for i in range(60))).encode(), {"label": "a"}, "60 different values"),
        (",".join(f"c{i}" for i in range(10_001)).encode() + b"\n1\n", {}, "10,001 columns"),
    ],
)
def test_what_cannot_be_explored_is_refused_with_the_reason(client, content, parameters, what):
    answer = client.post("/api/explore", params=parameters | {"name": "t.csv"}, content=content)
    assert answer.status_code == 422, answer.text
    error = answer.json()["error"]
    assert what in error["what"] and error["file"] == "t.csv" and error["code"] == "bad_input"


def test_a_label_that_is_none_is_answered_with_the_field_to_correct(client):
    many = "a,b\n" + "".join(f"k{i},{i}\n" for i in range(60))
    for content, label in (("a,b\n1,2\n", "c"), (many, "a")):
        error = client.post("/api/explore", params={"label": label}, content=content).json()["error"]
        assert error["hint"] == "Choose the column of classes (label)"


@pytest.mark.parametrize("parameters", [{"label": "x" * 1001}, {"name": "x" * 201}])
def test_parameters_are_bounded(client, parameters):
    assert client.post("/api/explore", params=parameters, content=MESSY).status_code == 422


@pytest.mark.parametrize(
    "table",
    [
        "a,b\n1e308,-1e308\n-1e308,1e308\n0,0\n",
        "a,b\n5e-324,1\n0,1\n",
        "a,b\n1700000000.25,1\n1700000000.5,2\n",
        "a,b\n1,\n,2\n",
        "a\n1\n",
    ],
)
def test_numbers_at_the_edge_of_what_there_is_make_json(client, table):
    answer = client.post("/api/explore", content=table)
    assert answer.status_code == 200 and "NaN" not in answer.text and "Infinity" not in answer.text
    rows = len(table.splitlines()) - 1
    assert answer.json()["rows"] == rows == len(answer.json()["points"]["row"])


def test_many_columns_are_bounded_and_counted(client):
    header, row = ",".join(f"c{i}" for i in range(3000)), ",".join("1" for _ in range(3000))
    found = client.post("/api/explore", content=f"{header}\n{row}\n{row}\n").json()
    assert found["features"] == 3000 and len(found["distributions"]) == len(found["correlation"]) == 60


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
@pytest.mark.parametrize("path", ["explore", "predict/table", "explain/table", "train/table"])
def test_a_table_of_too_many_cells_is_refused_before_it_takes_the_memory(client, monkeypatch, path, end):
    monkeypatch.setattr("bcdetect.serve.uploads.MOST_CELLS", 40)
    save_models(client.app.state.services.shelf.folder)
    answer = client.post(f"/api/{path}", params={"name": "wide.csv"}, content=end.join(["a,b", *["1,2"] * 20]))
    assert answer.status_code == 422, answer.text
    error = answer.json()["error"]
    assert error["what"] == "more than 40 cells" and error["file"] == "wide.csv" and error["hint"]
    fits = client.post(f"/api/{path}", params={"name": "wide.csv"}, content=end.join(["a,b", *["1,2"] * 18]))
    assert "cells" not in fits.text or fits.status_code == 200
    if "id" in fits.json():
        client.delete(fits.json()["address"])


def test_neither_starting_nor_exploring_loads_pandas(tmp_path):
    code = """
import sys
from pathlib import Path
from starlette.testclient import TestClient
from bcdetect.serve.app import create_app
from bcdetect.serve.settings import Settings
with TestClient(create_app(Settings(models=Path(sys.argv[1]))), base_url="http://127.0.0.1:8000") as client:
    assert client.get("/api/explore").status_code == 200
assert "pandas" not in sys.modules and "matplotlib" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], env=environment(), check=True, timeout=120)


def test_the_page_has_a_label_on_every_control(client):
    page = client.get("/explore")
    assert page.status_code == 200 and NOTICE in page.text
    for control in ("file", "label", "order", "across", "up"):
        assert f'<label for="{control}">' in page.text
