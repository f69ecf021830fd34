"""Training over the API: told as it goes, found again after a lost connection, stopped, kept, thrown away, refused."""

import os
from pathlib import Path

import pytest
from browser import served
from trained import write_clouds
from training import LONG, SMALL, Asking, events_of

pytest.importorskip("fastapi", reason="fastapi is not installed (it is part of the extra 'web')")

from bcdetect import NOTICE
from bcdetect.bundle import load_classifier
from bcdetect.serve.app import create_app
from bcdetect.serve.settings import Settings

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs process groups")
UNKNOWN = ("nope", "0123456789abcdef", "..", "%2e%2e%2fx", "x" * 64)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
def server(models):
    with served(models) as address:
        yield Asking(address)


@pytest.fixture(autouse=True)
def nothing_left(server):
    yield
    for run in server.get("/api/train").data["runs"]:
        assert server.ask("DELETE", run["address"]).status == 204
    assert server.get("/api/train").data == {"runs": []}


def table(tmp_path) -> bytes:
    return Path(write_clouds(tmp_path / "made.csv", rows_of_class=(60, 80))).read_bytes()


def test_a_run_is_told_in_order_found_again_reported_kept_and_forgotten(server, models):
    run = server.start(SMALL)
    told = server.events(run)
    assert [event["id"] for event in told] == list(range(1, len(told) + 1))
    epochs = [event for event in told if event["event"] == "epoch"]
    assert [(event["epoch"], event["of"]) for event in epochs] == [(1, 3), (2, 3), (3, 3)]
    states = [event["state"] for event in told if event["event"] == "state"]
    assert states == ["reading", "preparing", "training", "writing"]
    assert server.events(run, after=4) == told[4:]
    assert server.ask("GET", f"{run}/events", Last_Event_ID=str(told[-1]["id"])).status == 204  # a browser asks no more

    last, facts = told[-1], server.get(run).data
    assert (last["event"], last["state"], last["usable"], facts["state"]) == ("done", "done", True, "done")
    assert facts["settings"] == SMALL and facts["error"] is None and facts["data"] is None
    assert facts["result"]["notice"] == NOTICE and facts["result"]["learning"]["kind"] == "too short to tell"
    assert facts["result"]["rows"] == last["rows"] == 113 and facts["result"]["epochs"] == 3
    for model in ("CNN", "logistic regression", "majority class"):
        accuracy = facts["result"]["test"][model]["accuracy"]
        assert 0 <= accuracy["low"] <= accuracy["value"] <= accuracy["high"] <= 1
        assert accuracy["value"] == last["test"][model]["accuracy"]["value"]

    report = server.get(f"{run}/report")
    assert report.headers["Content-Security-Policy"].startswith("sandbox") and "<h1" in report.text
    for name in ("../x", "a/b", "", ".x", "-x"):
        assert server.post(f"{run}/keep", {"name": name}).error(400)["hint"].startswith("Take 1 to 64 letters")
    (models / "other.npz").mkdir()
    assert "is taken" in server.post(f"{run}/keep", {"name": "other"}).error(400)["what"]
    assert [path.name for path in models.iterdir()] == ["other.npz"]
    assert server.post(f"{run}/keep", {"name": "first"}).data["kept"] == "first"
    assert "kept already" in server.post(f"{run}/keep", {"name": "second"}).error(400)["what"]
    assert [model["name"] for model in server.get("/api/models").data["models"]] == ["first"]
    assert server.get(f"{run}/report").text == report.text == server.get("/api/models/first/report").text
    classifier, _ = load_classifier(models / "first" / "model.npz")
    assert classifier.card["settings"]["epochs"] == 3

    assert server.ask("DELETE", run).status == 204
    assert server.get(run).error(404) and (models / "first" / "model.npz").is_file()


def test_one_run_at_a_time_which_stops_with_the_best_so_far_or_ends_when_thrown_away(server):
    run = server.start(LONG)
    busy = server.post("/api/train", {"settings": SMALL})
    assert (
        busy.error(503)
        == {
            "code": "busy",
            "file": "",
            "where": run,
            "what": "a run is going on, and one at a time is trained here",
            "hint": "Wait for it to end, or stop it",
        }
        and busy.headers["Retry-After"]
    )
    unread = server.ask("POST", "/api/train/table?name=t.csv", b"no table", Content_Type="text/csv")
    assert unread.error(503) == busy.error(503), "told before the table is looked at, whatever is wrong with it"
    assert "has not ended" not in server.get("/api/train").text and server.get(f"{run}/report").error(404)
    assert "no model to keep" in server.post(f"{run}/keep", {"name": "early"}).error(400)["what"]
    with server.open("GET", f"{run}/events") as stream:
        told = events_of(stream)
        next(event for event in told if event["event"] == "epoch")
        assert server.post(f"{run}/stop").data["state"] == "stopping"
        rest = list(told)
    assert {"event": "state", "state": "stopping"}.items() <= next(e for e in rest if e["event"] == "state").items()
    assert (rest[-1]["state"], rest[-1]["usable"], rest[-1]["interrupted"]) == ("stopped", True, True)
    assert 1 <= rest[-1]["best_epoch"] <= rest[-1]["epochs"] < 500
    assert server.get(run).data["result"]["interrupted"] is True and server.post(f"{run}/stop").status == 200

    second = server.start(LONG)
    with server.open("GET", f"{second}/events") as stream:
        next(event for event in events_of(stream) if event["event"] == "epoch")
        assert server.ask("DELETE", second).status == 204
    assert server.get(second).error(404) and [one["address"] for one in server.get("/api/train").data["runs"]] == [run]
    server.start(SMALL)  # its place is free


def test_a_table_of_ones_own_is_trained_on_with_its_columns(server, tmp_path):
    query = "name=..%2F..%2Fmy%20%3Cb%3Epatients.csv&label=kind&positive=b&drop=f0&drop=f1&epochs=2&filters=4&filters=8&units=4"
    run = server.start_on_table(table(tmp_path), query)
    with server.open("GET", f"{run}/events") as stream:
        said = next(event for event in events_of(stream) if event["event"] == "line")
    assert "my _b_patients: 140 rows, 2 features, classes a, b" in said["text"]
    facts = server.get(run).data
    assert facts["data"] == "my _b_patients.csv" and facts["settings"] == {
        "label": "kind", "positive": "b", "drop": ["f0", "f1"], "filters": [4, 8], "units": 4, "epochs": 2
    }  # fmt: skip


@pytest.mark.parametrize(
    "csv, query, what, hint",
    [
        (
            b"radius,diagnosis\n1,M\nx,B\n",
            "",
            "column 'radius': 'x' is not a number",
            "a column that holds no numbers can be left",
        ),
        (b"radius,outcome\n1,M\n2,B\n", "", "no column 'diagnosis'", "Choose the column of classes"),
        (b"radius,kind\n1,u\n2,v\n", "label=kind", "which of 'u', 'v'", "Choose the class to look for"),
        (b"", "", "the file is empty", ""),
        (b"\xff\xfe\x00", "", "UTF-16", ""),
        (b"PK\x03\x04....", "", "zip archive", ""),
        (b"a;diagnosis\n1;M\n2;B\n", "", "separated by semicolons", "with commas"),
        (b'a,diagnosis\n1,"M\n', "", "not valid CSV", "quote"),
        (b"radius,diagnosis\n1,M\n2,M\n", "", "only one class: 'malignant'", "at least two classes"),
        (b"radius,diagnosis\n1,M\n2,B\n3,M\n4,B\n", "", "too few rows of class 'benign' for 3 parts", "more data"),
        (b"scan,diagnosis\n/root/a.png,B\n/root/b.png,M\n", "", "name picture files", "table of measurements"),
    ],
)
def test_a_table_that_cannot_be_trained_on_is_refused_in_the_words_of_the_page(server, csv, query, what, hint):
    answer = server.ask("POST", f"/api/train/table?name=t.csv&{query}", csv, Content_Type="text/csv")
    error = answer.error(422)
    assert what in error["what"] and hint in error["hint"] and "--" not in error["hint"] and error["code"] == "bad_input"
    assert error["file"] == ("" if "too few" in what else "t.csv")
    assert server.get("/api/train").data == {"runs": []}


def test_a_table_too_wide_for_the_network_is_refused(server):
    header = ",".join(f"c{i}" for i in range(9000)) + ",diagnosis"
    rows = "\n".join(",".join([str(k * k)] * 9000) + f",{'MB'[k % 2]}" for k in range(12))
    answer = server.ask("POST", "/api/train/table?filters=64&filters=64", f"{header}\n{rows}\n".encode(), Content_Type="text/csv")
    assert "9,000 columns with 128 filters" in answer.error(400)["what"]
    assert server.get("/api/train").data == {"runs": []}


def test_a_run_that_fails_tells_why_as_its_last_event(server):
    run = server.start({"drop": ["no such column"]})
    last = server.events(run)[-1]
    assert (last["event"], last["state"], last["usable"]) == ("failed", "failed", False)
    assert "no such column" in last["error"]["what"] and last["error"]["hint"].endswith("(drop)")
    assert server.get(run).data["error"] == last["error"]
    assert "no model" in server.post(f"{run}/keep", {"name": "x"}).error(400)["what"]


def test_the_place_of_the_built_in_table_is_not_told(server):
    run = server.start({"label": "outcome"})
    assert server.events(run)[-1]["error"]["file"] == "wisconsin.csv"


@pytest.mark.parametrize(
    "content, status",
    [
        ({"settings": {"epochs": 0}}, 422), ({"settings": {"lr": "fast"}}, 422), ({"settings": {"filters": [4] * 5}}, 422),
        ({"settings": {"data": "/etc/passwd"}}, 422), ({"settings": {"init": "x"}}, 422), ({"settings": None}, 422),
        ({"setting": {}}, 422), ([], 422), (None, 422), ({"settings": {"validation_size": 0.5, "test_size": 0.5}}, 400),
        ({"settings": {"drop": ["x" * 201]}}, 422), ({"settings": {"label": "\ud800"}}, 422),
    ],
)  # fmt: skip
def test_settings_that_cannot_be_chosen_start_nothing(server, content, status):
    server.post("/api/train", content).error(status)
    assert server.get("/api/train").data == {"runs": []}


@pytest.mark.parametrize(
    "query", ["epochs=0", "epochs=2.5", "lr=nan", "data=/etc/passwd", "filters=65", "balance=no", "name=" + "x" * 201]
)
def test_nor_do_they_beside_a_table(server, query):
    answer = server.ask("POST", f"/api/train/table?{query}", b"a,diagnosis\n1,M\n2,B\n", Content_Type="text/csv")
    assert query.partition("=")[0] in answer.error(422)["where"]
    assert server.get("/api/train").data == {"runs": []}


@pytest.mark.parametrize("key", UNKNOWN)
def test_a_run_that_is_not_there_is_not_found(server, key):
    run = f"/api/train/{key}"
    for method, path, body in (
        ("GET", run, None), ("GET", f"{run}/events", None), ("GET", f"{run}/report", None), ("POST", f"{run}/stop", b""),
        ("POST", f"{run}/keep", b'{"name": "x"}'), ("DELETE", run, None),
    ):  # fmt: skip
        answer = server.ask(method, path, body, Content_Type="application/json")
        assert answer.status in (400, 404, 405) and answer.data["error"]["what"]
        if key.isalnum():
            assert answer.error(404)["code"] == "not_found"


def test_a_stream_ends_in_order_when_the_server_does(tmp_path):
    with served(tmp_path) as address:
        stream = Asking(address).open("GET", f"{Asking(address).start(LONG)}/events")
        next(event for event in events_of(stream) if event["event"] == "epoch")
    with stream:
        assert b"event: done" not in stream.read()  # raises IncompleteRead where the connection was cut


def test_the_description_is_valid_and_tells_how_to_start_and_follow():
    schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed (it is part of the extra 'test')")
    description = create_app(Settings()).openapi()
    schemathesis.openapi.from_dict(description).validate()
    paths = description["paths"]
    assert {"202", "422"} <= paths["/api/train"]["post"]["responses"].keys()
    assert set(paths["/api/train/table"]["post"]["requestBody"]["content"]) == {"text/csv"}
    offered = {parameter["name"] for parameter in paths["/api/train/table"]["post"]["parameters"]}
    assert {"name", "label", "positive", "group", "drop", "epochs", "filters"} <= offered
    events = paths["/api/train/{key}/events"]["get"]
    assert set(events["responses"]["200"]["content"]) == {"text/event-stream"}
    assert [parameter["name"] for parameter in events["parameters"]] == ["key", "Last-Event-ID"]
