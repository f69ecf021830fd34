"""The page of the API: every route of the document is on it, with what it takes, what it gives, and a command that works."""

import html
import json
import shlex
from dataclasses import replace
from enum import Enum
from typing import Annotated, Literal

import numpy as np
import pytest
from api_client import save_models
from fastapi import FastAPI, File, Form, Path, Query, UploadFile
from pydantic import BaseModel, Field
from shelved import asking, three_classes
from trained import SMALL, small_run

from bcdetect.bundle import save_classifier
from bcdetect.classifier import Classifier
from bcdetect.models import tabular_cnn
from bcdetect.preprocessing import Standardiser
from bcdetect.serve.reference import operations
from bcdetect.serve.schemas import Schemas
from bcdetect.serve.uploads import CSV_BODY


class Kind(str, Enum):
    one = "one"
    two = "two"


class Branch(BaseModel):
    name: str = Field(description="its name")
    below: list["Branch"] = []


class Sent(BaseModel):
    share: float = Field(gt=0, le=1)
    rows: list[list[float]] = Field(min_length=1, max_length=50)
    kind: Kind
    tree: Branch | None = None
    word: Literal["a", "b"] = "a"


@pytest.fixture(scope="module")
def groups():
    app = FastAPI()

    @app.post("/api/things/{name}", tags=["things"])
    async def send(
        sent: Sent,
        name: Annotated[str, Path(max_length=64, description="which one")],
        word: Annotated[str, Query(min_length=2)],
        top: Annotated[int, Query(ge=1, le=9, description="how many")] = 3,
        by: Annotated[str | None, Query(max_length=5)] = None,
    ) -> Branch:
        """Send a thing."""

    @app.post("/api/pictures", tags=["pictures"])
    async def pictures(files: Annotated[list[UploadFile], File()], note: Annotated[str, Form()]) -> dict[str, float]:
        """Send pictures."""

    @app.post("/api/table", tags=["things"], openapi_extra=CSV_BODY)
    async def table() -> list[str]:
        """Send a table."""

    @app.delete("/api/things/{name}", tags=["things"])
    async def remove(name: str):
        """Remove it."""

    return operations(app.openapi(), "http://host:1", True, {"name": "it's"})


def test_operations_are_grouped_by_tag_in_order(groups):
    assert [(tag, [(each.method, each.path) for each in found]) for tag, found in groups.items()] == [
        ("things", [("POST", "/api/things/{name}"), ("DELETE", "/api/things/{name}"), ("POST", "/api/table")]),
        ("pictures", [("POST", "/api/pictures")]),
    ]
    anchors = [each.anchor for found in groups.values() for each in found]
    assert len(set(anchors)) == 4


def test_parameters_have_their_bounds_in_words(groups):
    told = {each.name: (each.place, each.takes, each.needed, each.text) for each in groups["things"][0].parameters}
    assert told["name"] == ("path", "text, at most 64 characters", True, "which one")
    assert told["top"] == ("query", "whole number, from 1 to 9; 3 if left out", False, "how many")
    assert told["by"] == ("query", "text, at most 5 characters", False, "")
    assert told["word"] == ("query", "text, at least 2 characters", True, "")


def test_a_body_is_an_outline_with_bounds_and_a_schema_inside_of_itself_ends(groups):
    outline = groups["things"][0].body[0].outline
    assert '"share": number, at most 1, above 0' in outline
    assert '"rows": [[number, ...], ...], 1 to 50 entries' in outline
    assert '"kind": one of one, two' in outline and '"word"?: one of a, b; a if left out' in outline
    assert '"name": text  # its name' in outline and '"below"?: [Branch, ...]' in outline


def test_what_is_answered_is_told_without_what_may_be_left_out(groups):
    (answer,) = (each for each in groups["things"][0].answers if each.status == "200")
    assert answer.contents[0].outline == '{\n  "name": text  # its name\n  "below": [Branch, ...]\n}'
    assert groups["pictures"][0].answers[0].contents[0].outline == "{NAME: number, ...}"


def test_the_commands_can_be_pasted(groups):
    words = shlex.split(groups["things"][0].curl.replace("\\\n", " "))
    assert words[0] == "curl" and words[-1] == "http://host:1/api/things/it%27s?word=TEXT"
    assert "Authorization: Bearer $BCDETECT_TOKEN" in words and "Content-Type: application/json" in words
    body = json.loads(words[words.index("-d") + 1])
    assert Sent.model_validate(body).rows == [[]] and set(body) == {"share", "rows", "kind"}
    assert "--data-binary @table.csv" in groups["things"][2].curl
    assert "-X DELETE" in groups["things"][1].curl
    assert "-F files=@picture.png" in groups["pictures"][0].curl and "-F note=TEXT" in groups["pictures"][0].curl


def test_what_a_schema_may_be():
    words = Schemas({}).words
    assert words({}) == "anything" and words({"type": "null"}) == "null" and words({"const": 3}) == "3"
    assert words({"anyOf": [{"type": "string", "maxLength": 5}, {"type": "null"}]}) == "text, at most 5 characters or null"
    assert (
        words({"type": "number", "minimum": 0, "exclusiveMaximum": 1, "default": 0.5})
        == "number, at least 0, below 1; 0.5 if left out"
    )


def test_the_page_lists_every_route_of_the_document(tmp_path):
    save_classifier(tmp_path / "small.npz", small_run().classifier)
    with asking(tmp_path) as client:
        page, document = client.get("/api"), client.get("/openapi.json").json()
        assert page.status_code == 200 and 'href="/openapi.json"' in page.text
        routes = [(method, path) for path, methods in document["paths"].items() for method in methods]
        assert len(routes) > 6
        for method, path in routes:
            heading = f'<span class="method">{method.upper()}</span> <code>{path}</code>'
            assert page.text.count(heading) == 2, f"{method} {path}: once in the list, once itself"
        assert "http://127.0.0.1:8000/api/models/small/operating" in page.text, "the command names a model that is there"
        assert "BCDETECT_TOKEN" not in page.text
        assert "//" not in page.text.replace("http://127.0.0.1:8000", ""), "nothing comes from another place"


BY_ROW = ("/api/predict", "/api/explain/row", "/api/inside/row")


def shown(client, path) -> tuple[dict, str]:
    """The JSON that the page's command sends to POST `path`, and the page's words beside the command."""
    article = client.get("/api").text.partition(f'id="post{path.replace("/", "-")}"')[2].partition("</article>")[0]
    command, _, beside = article.partition('<pre class="command" tabindex="0"><code>')[2].partition("</code></pre>")
    words = shlex.split(html.unescape(command).replace("\\\n", " "))
    assert words[-1] == f"http://127.0.0.1:8000{path}"
    return json.loads(words[words.index("-d") + 1]), beside


@pytest.mark.parametrize("path", BY_ROW)
@pytest.mark.parametrize("newest", ["small", "own"])
def test_a_command_that_sends_a_row_is_answered_as_it_is_copied(tmp_path, path, newest):
    save_models(tmp_path)  # a newer one of pictures among them
    if newest == "own":
        run = three_classes()
        names = ('it\'s "α" <b> $x', *run.classifier.feature_names[1:])
        save_classifier(tmp_path / "own.npz", replace(run.classifier, feature_names=names))
    with asking(tmp_path) as client:
        sent, beside = shown(client, path)
        answer = client.post(path, json=sent)
        assert answer.status_code == 200 and "GET" not in beside, answer.text
        assert answer.json()["model"] == newest
        if path == "/api/predict":
            (row,) = answer.json()["rows"]
            assert row["problem"] is None and row["in_range"], row


def test_a_command_for_a_row_too_wide_to_show_says_where_its_names_are(tmp_path):
    names, scaler = tuple(f"gene {k}" for k in range(41)), Standardiser(np.arange(41.0), np.ones(41))
    save_classifier(tmp_path / "wide.npz", Classifier([tabular_cnn(SMALL, 41, 2)], scaler, names, ("benign", "malignant")))
    with asking(tmp_path) as client:
        sent, beside = shown(client, "/api/predict")
        assert sent == {"rows": [{"gene 0": 0.0, "gene 1": 1.0, "gene 2": 2.0}]}
        assert "3 of the 41 names" in beside and "GET /api/predict/form" in beside
        form = client.get("/api/predict/form").json()["groups"]
        assert len(form[0]["fields"]) == 41


def test_where_no_model_takes_a_row_the_page_says_so_beside_the_command(tmp_path):
    with asking(tmp_path) as client:
        for path in BY_ROW:
            assert "no model of tables here yet" in shown(client, path)[1]
        assert "no model of tables" not in shown(client, "/api/train")[1], "which sends settings"


def test_a_command_of_a_server_that_asks_for_a_token_sends_one(tmp_path):
    with asking(tmp_path, token="x" * 20) as client:
        answer = client.get("/api", headers={"Authorization": "Bearer " + "x" * 20})
        assert "Authorization: Bearer $BCDETECT_TOKEN" in answer.text and "x" * 20 not in answer.text


def test_the_commands_of_the_page_ask_what_they_say(tmp_path):
    """Every GET command's address is answered, by this server, without an error of the server's."""
    save_classifier(tmp_path / "small.npz", small_run().classifier)
    with asking(tmp_path) as client:
        document = client.get("/openapi.json").json()
        found = operations(document, "http://127.0.0.1:8000", False, {"name": "small"})
        gets = [each for group in found.values() for each in group if each.method == "GET" and "event-stream" not in str(each)]
        for each in gets:
            assert client.get(shlex.split(each.curl.replace("\\\n", " "))[-1]).status_code < 500, each.curl
        for each in (each for group in found.values() for each in group if each.method == "POST"):
            assert any(flag in each.curl for flag in ("-X POST", "-d ", "--data-binary", "-F ")), f"asks with GET: {each.curl}"
        assert "-F picture=@picture.png" in next(each.curl for each in found["pictures"] if each.path == "/api/predict/pictures")
