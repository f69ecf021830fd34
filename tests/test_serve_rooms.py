"""What takes long has threads of its own: while explanations are held up, predictions and pages are answered."""

import json
import threading
from contextlib import ExitStack

import pytest
from serving import JSON, LIMITS, PATIENCE, eventually, request, running

pytest.importorskip("fastapi", reason="fastapi is not installed (it is part of the extra 'web')")

from api_client import save_models

from bcdetect.datasets.phantom import phantom_png
from bcdetect.serve.api import explore, inside_inputs
from bcdetect.serve.app import create_app, guarded
from bcdetect.serve.settings import Settings
from bcdetect.serve.shelf import Model
from bcdetect.typical import template_csv

THREADS = 2
CSV = b"Content-Type: text/csv\r\n"
FORM = b"Content-Type: multipart/form-data; boundary=b\r\n"
PART = b'Content-Disposition: form-data; name="picture"; filename="grey.png"'
PICTURE = b"--b\r\n" + PART + b"\r\n\r\n" + phantom_png("malignant", "dce", 32, 0) + b"\r\n--b--\r\n"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("served")
    save_models(folder)
    settings = Settings(models=folder, port=0, slow_threads=THREADS, slow_waiting=0)
    app = create_app(settings)
    with running(guarded(app, settings), LIMITS) as server:
        server.services = app.state.services
        yield server


@pytest.fixture
def held(monkeypatch):
    """Explanations, walks and explorations begin, and go on when this event is set."""
    go_on = threading.Event()

    def hold(place, name):
        usual = getattr(place, name)

        def waits(*args, **options):
            assert go_on.wait(PATIENCE)
            return usual(*args, **options)

        monkeypatch.setattr(place, name, waits)

    hold(Model, "explain")
    hold(inside_inputs, "walk")
    hold(explore, "exploration")
    yield go_on
    go_on.set()


@pytest.fixture
def table(place) -> bytes:
    return template_csv(place.services.shelf.get("small").classifier).encode()


@pytest.fixture
def row(table) -> dict:
    header, numbers = table.decode().splitlines()[:2]
    return dict(zip(header.split(","), map(float, numbers.split(",")), strict=True))


def posted(path, body, kind):
    return request(f"POST {path}".encode(), kind.strip(), b"Content-Length: %d" % len(body), body=body)


@pytest.mark.parametrize(
    "path",
    ["explain/row?model=small", "explain/table?model=small", "explain/pictures?model=grey", "inside/row?model=small", "explore"],
)
def test_a_row_is_answered_while_slow_work_is_held_up_and_more_of_that_is_refused(place, held, table, row, path):
    one = json.dumps({"row": row}).encode()
    sent = {"explain/pictures": (PICTURE, FORM), "explain/row": (one, JSON), "inside/row": (one, JSON)}
    raw = posted(f"/api/{path}", *sent.get(path.partition("?")[0], (table, CSV)))
    with ExitStack() as stack:
        slow = [stack.enter_context(place.client()) for _ in range(THREADS)]
        for client in slow:
            client.send(raw)
        assert eventually(lambda: place.services.slow.running == THREADS)
        answer = place.post("/api/predict?model=small", json.dumps({"rows": [row]}).encode(), JSON)
        assert answer.status == 200 and json.loads(answer.body)["rows"][0]["class"] in ("benign", "malignant")
        assert place.post("/api/predict/table?model=small", table, CSV).status == 200
        assert place.ask(request(b"GET /patient?model=small")).status == 200
        refused = place.ask(raw)
        assert (refused.status, refused.error["code"]) == (503, "busy") and int(refused.headers["retry-after"]) > 0
        held.set()
        assert [client.answer().status for client in slow] == [200] * THREADS
    assert place.ask(raw).status == 200, "its place is given back"
