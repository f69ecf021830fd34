"""From what was sent to a walk: a row, a row of the built-in table, or a picture; by the path that predict takes."""

from __future__ import annotations

from typing import NamedTuple

from bcdetect import NOTICE
from bcdetect.datasets.wisconsin import load_wisconsin
from bcdetect.errors import InputError
from bcdetect.inputs import Input, Source, open_table
from bcdetect.inside import Walk, walk
from bcdetect.predict import predict_source, record
from bcdetect.records import table_of
from bcdetect.serve.api.picture_inputs import content_of, opened, the_input
from bcdetect.serve.api.predict_form import knows_wisconsin
from bcdetect.serve.api.rows import OneRow, read
from bcdetect.serve.chosen import chosen
from bcdetect.serve.dumped import dumped
from bcdetect.serve.failures import NotThere
from bcdetect.serve.forms import Part
from bcdetect.serve.record import logged, outcomes
from bcdetect.serve.services import Services
from bcdetect.serve.shelf import Model

MOST_NUMBERS = 2**24  # of one walk; they and their gradients take 128 MiB
PREDICTED = ("class", "probabilities", "refer", "reason")


class Chosen(NamedTuple):
    """What to look at: a model by name, one of its networks, and the class whose logit to go back from."""

    model: str | None
    network: int
    class_name: str | None


def open_row(here: Services, body: bytes, asked: Chosen) -> bytes:
    """A JSON body `{"row": {feature: number}}`. Raises InputError, UsageError, RequestValidationError."""
    model = chosen(here.shelf, asked.model, "table")
    each = _row(model, read(OneRow, body).row)
    return _opened(here, model, each, asked, body, "the row that was sent", None)


def open_example(here: Services, number: int, asked: Chosen) -> bytes:
    """A row of the built-in table, from 1. Raises NotThere for a model of other columns, UsageError."""
    model = chosen(here.shelf, asked.model, "table")
    if not knows_wisconsin(model):
        what = f"the model {model.name!r} was made for other columns than the built-in table's"
        raise NotThere(what, hint="Send a row of its own columns")
    data = load_wisconsin()
    each = _row(model, dict(zip(data.feature_names, data.x[number - 1].tolist(), strict=True)))
    reference = data.class_names[int(data.y[number - 1])]
    return _opened(here, model, each, asked, str(number).encode(), f"row {number} of the built-in table", reference)


def open_picture(here: Services, given: tuple[list[Part], int], asked: Chosen) -> bytes:
    """A picture, one of several in a file, or the sequences of an exam. Raises InputError, UsageError."""
    parts, number = given
    model = chosen(here.shelf, asked.model, "pictures")
    source = opened(model.classifier, parts)
    each = the_input(source, parts, number, bool(model.classifier.sequences))
    return _opened(here, model, each, asked, content_of(parts), each.name, None)


def _row(model: Model, record: dict) -> Input:
    (each,) = open_table(model.classifier, table_of(model.classifier.feature_names, [record])).read(None)
    if each.problem is not None:
        raise InputError(each.problem, where="the row", hint="Give every measurement of the model a number")
    return each


def _opened(here: Services, model: Model, each: Input, asked: Chosen, body: bytes, said: str, reference: str | None) -> bytes:
    classifier = model.classifier
    (answer,) = predict_source(classifier, Source(1, lambda _: iter([each])))
    name, found = _walked(here, model, each, asked)
    logged(here, "inside", body, model, {"rows": outcomes([answer])})
    predicted = {key: value for key, value in record(answer, classifier).items() if key in PREDICTED}
    content = {
        "notice": NOTICE,
        "walk": name,
        "model": model.name,
        "model_sha256": model.sha256,
        "input": said,
        "reference": reference,
        "predicted": predicted,
        "sequences": list(classifier.sequences),
        **found.as_dict(),
        "answer": found.answer(),
    }
    return dumped(content)


def _walked(here: Services, model: Model, each: Input, asked: Chosen) -> tuple[str, Walk]:
    missing = b"" if each.missing is None else each.missing.tobytes()
    given = each.x.tobytes(), str(each.x.dtype), str(each.x.shape), missing
    name = here.walks.name(model.sha256, *given, str(asked.network), asked.class_name or "")
    found = here.walks.find(name)
    if found is None:
        found = walk(model.classifier, each.x, each.missing, asked.network, asked.class_name or None, MOST_NUMBERS)
        here.walks.keep(name, found)
    return name, found
