"""What fails behind the guard: told once, in the operator's log, and of the operator's disk nothing to who asks."""

import logging

import pytest
from serving import JSON, LIMITS, eventually, request, running

pytest.importorskip("fastapi", reason="fastapi is not installed (it is part of the extra 'web')")

from api_client import save_models

from bcdetect.serve.app import create_app, guarded
from bcdetect.serve.settings import Settings

LOG = "bcdetect.serve"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("served")
    (folder / "models").mkdir()
    save_models(folder / "models")
    settings = Settings(models=folder / "models", port=0, log=folder / "log.db")
    app = create_app(settings)

    @app.get("/fails")
    async def fails():
        raise RuntimeError("the password is swordfish")

    with running(guarded(app, settings), LIMITS) as server:
        server.folder = folder
        yield server


def test_an_exception_is_logged_once_and_not_told(place, caplog):
    answer = place.get("/fails")
    assert answer.status == 500 and answer.error["code"] == "internal" and b"swordfish" not in answer.body
    assert eventually(lambda: not place.server.server_state.tasks) and "swordfish" in caplog.text
    assert len([record for record in caplog.records if record.name == LOG]) == 1


@pytest.mark.parametrize(
    "line, taken",
    [
        (b"GET /api/predict", "POST"),
        (b"DELETE /api/train", "GET or POST"),
        (b"PUT /api/train/some-run", "GET or DELETE"),
        (b"DELETE /static/core.js", "GET or HEAD"),
    ],
)
def test_a_method_that_an_address_does_not_take_is_answered_with_those_it_does(place, line, taken):
    with place.client() as client:
        client.send(request(line))
        answer = client.answer()
    assert (answer.status, answer.error["hint"]) == (405, f"Use {taken}")
    assert answer.headers["allow"] == taken.replace(" or ", ", ")


@pytest.mark.parametrize("path", ["/api/predict", "/api/predict/pictures"])
def test_a_client_that_leaves_half_way_is_no_error_of_ours(place, caplog, path):
    form = b"Content-Type: multipart/form-data; boundary=b\r\n"
    with place.client() as client:
        client.send(request(f"POST {path}".encode(), form.strip(), b"Content-Length: 1000", body=b"--b\r\n"))
        assert place.is_well()
    assert eventually(lambda: not place.server.server_state.tasks)
    assert place.is_well() and [each for each in caplog.records if each.levelno >= logging.WARNING] == []


def test_a_log_that_is_gone_keeps_answers_back_and_only_the_operator_learns_where_it_was(place, caplog):
    row = b'{"rows": [{}]}'
    assert place.post("/api/predict?model=small", row, JSON).status == 200
    log = place.folder / "log.db"
    log.rename(place.folder / "moved.db")
    try:
        answer = place.post("/api/predict?model=small", row, JSON)
    finally:
        (place.folder / "moved.db").rename(log)
    assert answer.status == 507 and answer.error["file"] in ("log.db", "") and str(place.folder).encode() not in answer.body
    assert str(log) in caplog.text
    assert place.post("/api/predict?model=small", row, JSON).status == 200
