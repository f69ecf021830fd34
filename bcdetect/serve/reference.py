"""An OpenAPI document told to people: which routes there are, what each takes and gives, and how to ask it from a terminal."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from shlex import quote
from urllib.parse import quote as encoded

from bcdetect.serve.schemas import Schemas, is_file, plain

METHODS = ("get", "post", "put", "patch", "delete")
FILES = {"text/csv": "table.csv", "application/octet-stream": "picture.png"}
WRAPPED = re.compile(r"(?<!\n)\n(?!\n|- )")  # a line's end that is neither a paragraph's nor before an entry of a list
BEARER = '-H "Authorization: Bearer $BCDETECT_TOKEN"'


@dataclass(frozen=True)
class Parameter:
    """One value of the address; `place` is "path" or "query"."""

    name: str
    place: str
    takes: str
    needed: bool
    text: str


@dataclass(frozen=True)
class Content:
    """A body by its media type; `outline` is its JSON, "" of any other."""

    media: str
    outline: str


@dataclass(frozen=True)
class Answer:
    """What may come back."""

    status: str
    text: str
    contents: list[Content]


@dataclass(frozen=True)
class Operation:
    """A method of a path. `anchor` is its place on the page, `curl` a command that asks it, `note` what the command lacks."""

    anchor: str
    method: str
    path: str
    text: str
    parameters: list[Parameter]
    body: list[Content]
    body_text: str
    answers: list[Answer]
    curl: str
    note: str


@dataclass(frozen=True)
class Example:
    """What the commands send as the value of a JSON body's name, in place of the schema's example; `note` is told beside it."""

    values: Mapping[str, object]
    note: str = ""


def operations(
    document: dict, address: str, bearer: bool, known: Mapping[str, str], example: Example | None = None
) -> dict[str, list[Operation]]:
    """Every operation by its first tag, in the document's order.

    `address` is the server's, `bearer` whether it asks for a token, and `known` values of parameters for the commands.
    """
    example = example or Example({})
    schemas, answered, found = Schemas(document), Schemas(document, sent=False), {}
    for path, methods in document["paths"].items():
        for method in METHODS:
            if (one := methods.get(method)) is not None:
                body = one.get("requestBody", {})
                told = Operation(
                    anchor=f"{method}{path}".translate(str.maketrans("/{}", "---")),
                    method=method.upper(),
                    path=path,
                    text=WRAPPED.sub(" ", one.get("description") or one.get("summary", "")),
                    parameters=[_parameter(schemas, each) for each in one.get("parameters", [])],
                    body=_contents(schemas, body),
                    body_text=body.get("description", ""),
                    answers=[
                        Answer(status, each.get("description", ""), _contents(answered, each))
                        for status, each in one["responses"].items()
                    ],
                    curl=_joined([*_curl(schemas, method, path, one, address, bearer, known, example)]),
                    note=example.note if example.values.keys() & _json_of(schemas, body.get("content", {})).keys() else "",
                )
                found.setdefault(one.get("tags", ["others"])[0], []).append(told)
    return found


def _parameter(schemas: Schemas, each: dict) -> Parameter:
    schema = each["schema"]
    if choices := [one for one in schema.get("anyOf", ()) if one.get("type") != "null"]:  # an address has no null
        schema = {**schema, "anyOf": choices}
    text = each.get("description") or schema.get("description", "")
    return Parameter(each["name"], each["in"], schemas.words(schema), each.get("required", False), text)


def _contents(schemas: Schemas, holder: dict) -> list[Content]:
    shaped = ("json", "form-data")
    return [
        Content(media, schemas.outline(each.get("schema", {})) if media.endswith(shaped) else "")
        for media, each in holder.get("content", {}).items()
    ]


def _joined(pieces: list[str]) -> str:
    """A line each, where there is more to it than the address."""
    return (" " if len(pieces) < 3 else " \\\n  ").join(pieces)


def _json_of(schemas: Schemas, content: dict) -> dict:
    """The properties of a JSON body; {} of any other."""
    schema, _ = schemas.follow(content.get("application/json", {}).get("schema", {}))
    return schema.get("properties", {})


def _curl(
    schemas: Schemas, method: str, path: str, one: dict, address: str, bearer: bool, known, example: Example
) -> Iterator[str]:
    """A command in pieces."""
    query = []
    for each in one.get("parameters", []):
        name = each["name"]
        if each["in"] == "path":
            path = path.replace(f"{{{name}}}", encoded(known.get(name) or name.upper(), safe=""))
        elif each.get("required"):
            query.append(f"{encoded(name)}={encoded(known.get(name) or plain(schemas.example(each['schema'])))}")
    given = {media for status, each in one["responses"].items() if status.startswith("2") for media in each.get("content", {})}
    body = one.get("requestBody", {}).get("content", {})
    yield "curl"
    if method not in ("get", "post") or (method == "post" and not body):
        yield f"-X {method.upper()}"
    if bearer:
        yield BEARER
    if "text/event-stream" in given:
        yield "-N"
    if "application/octet-stream" in given:
        yield "-OJ"
    yield from _sent(schemas, body, example)
    yield quote(address + path + (f"?{'&'.join(query)}" if query else ""))


def _sent(schemas: Schemas, body: dict, example: Example) -> Iterator[str]:
    for media, each in [*body.items()][:1]:
        schema, _ = schemas.follow(each.get("schema", {}))
        if media == "multipart/form-data":
            fields = schema.get("properties", {})
            # Where no part must be there, a file is what there is to send: without one the command would be a GET.
            for name in schema.get("required") or [name for name, each in fields.items() if _takes_file(each)]:
                value = "@picture.png" if _takes_file(fields[name]) else plain(schemas.example(fields[name]))
                yield f"-F {quote(f'{name}={value}')}"
            continue
        yield f"-H {quote(f'Content-Type: {media}')}"
        if media == "application/json":
            shown = each.get("example") or schemas.example(schema)
            shown |= {name: value for name, value in example.values.items() if name in schema.get("properties", {})}
            yield f"-d {quote(json.dumps(shown))}"
        else:
            yield f"--data-binary @{FILES.get(media, 'FILE')}"


def _takes_file(field: dict) -> bool:
    return is_file(field.get("items", field))
