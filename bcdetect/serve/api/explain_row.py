"""What spoke for the answer of one row of a table: each measurement's share of the logit, with the explanation's own grade."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response

from bcdetect.errors import InputError
from bcdetect.explain.grade import grade_line
from bcdetect.explain.record import record
from bcdetect.inputs import Source, open_table
from bcdetect.predict import predict_source
from bcdetect.records import table_of
from bcdetect.serve import uploads
from bcdetect.serve.api.models import ModelName
from bcdetect.serve.api.predict import MOST_ROWS
from bcdetect.serve.api.rows import OneRow, RowExplained, body_of, read
from bcdetect.serve.chosen import chosen
from bcdetect.serve.dumped import dumped
from bcdetect.serve.failures import ERRORS
from bcdetect.serve.hints import spoken
from bcdetect.serve.record import logged, outcomes
from bcdetect.serve.services import Here, Services
from bcdetect.serve.shelf import Model
from bcdetect.table import Table

router = APIRouter(prefix="/api/explain", tags=["explain"])

OF_FILES = ("source", "input", "layer")  # of no meaning for a row
EXPLAINED = {200: {"model": RowExplained}, **ERRORS}

RowNumber = Annotated[int, Query(alias="row", ge=1, le=MOST_ROWS, description="which row of the table, from 1")]


@router.post("/row", responses=EXPLAINED, openapi_extra=body_of(OneRow))
async def row(here: Here, body: uploads.Body, model: ModelName = None) -> Response:
    """What spoke for the positive class of two, or of more for the one decided on, in one row; by integrated gradients."""
    return Response(await here.slow.run(_explain_row, here, body, model), media_type="application/json")


@router.post("/table", responses=EXPLAINED, openapi_extra=uploads.CSV_BODY)
async def table(
    here: Here, body: uploads.Body, number: RowNumber = 1, model: ModelName = None, name: uploads.FileName = "table.csv"
) -> Response:
    """The same for one row of a CSV table."""
    return Response(await here.slow.run(_explain_table, here, body, model, name, number), media_type="application/json")


def _explain_row(here: Services, body: bytes, name: str | None) -> bytes:
    model = chosen(here.shelf, name, "table")
    return _explained(here, body, model, table_of(model.classifier.feature_names, [read(OneRow, body).row]), 1)


def _explain_table(here: Services, body: bytes, name: str | None, file: str, number: int) -> bytes:
    model = chosen(here.shelf, name, "table")
    return _explained(here, body, model, uploads.table_of(body, file, MOST_ROWS), number)


def _explained(here: Services, body: bytes, model: Model, found: Table, number: int) -> bytes:
    if number > len(found.rows):
        raise InputError(f"there is no row {number}", file=found.file, hint=f"There are {len(found.rows):,}")
    (each,) = open_table(model.classifier, found).read({number})
    if each.problem is not None:
        raise InputError(each.problem, file=found.file, where=f"row {number}")
    answers = predict_source(model.classifier, Source(1, lambda _: iter([each])))
    (explanation,) = model.explain(each.x[None])
    grade = spoken(grade_line(model.place.path, model.sha256, explanation.method, explanation.layer))
    told = record(model.classifier, model.sha256, grade, each, explanation)
    logged(here, "explain", body, model, {"rows": outcomes(answers)})
    return dumped({"model": model.name, **{name: value for name, value in told.items() if name not in OF_FILES}})
