"""Rows in, answers out: as JSON, or a whole CSV table, by the path that `python -m bcdetect predict` takes."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from fastapi.responses import Response

from bcdetect import predict
from bcdetect.inputs import Source, open_table
from bcdetect.records import table_of
from bcdetect.serve import uploads
from bcdetect.serve.api.models import ModelName
from bcdetect.serve.api.rows import Rows, TableAnswers, body_of, read
from bcdetect.serve.chosen import chosen
from bcdetect.serve.dumped import dumped
from bcdetect.serve.failures import ERRORS
from bcdetect.serve.record import logged, outcomes
from bcdetect.serve.services import Here, Services
from bcdetect.serve.shelf import Model
from bcdetect.table import Table

router = APIRouter(prefix="/api/predict", tags=["predict"])

MOST_ROWS = 100_000
MOST_CELLS, SHOWN = 5, 40  # of a bad row: cells that are told one by one; characters of each that are sent back
ANSWERS = {200: {"model": TableAnswers}, **ERRORS}
OR_CSV = {200: {"model": TableAnswers, "content": {"text/csv": {"schema": {"type": "string"}}}}, **ERRORS}

Format = Annotated[Literal["json", "csv"], Query(alias="format", description="csv: a file of answers, a line each")]


@router.post("", responses=ANSWERS, openapi_extra=body_of(Rows))
async def rows(here: Here, body: uploads.Body, model: ModelName = None) -> Response:
    """An answer for every row; measurements are matched by name, and a bad row keeps no other from its answer."""
    return Response(await here.work.run(_answer_rows, here, body, model), media_type="application/json")


@router.post("/table", responses=OR_CSV, openapi_extra=uploads.CSV_BODY)
async def table(
    here: Here, body: uploads.Body, model: ModelName = None, name: uploads.FileName = "table.csv", wanted: Format = "json"
) -> Response:
    """An answer for every row of a CSV table (100,000 at most); columns are matched by name, others passed over."""
    if wanted == "csv":
        text = await here.work.run(_answer_table, here, body, model, name, True)
        headers = {"Content-Disposition": 'attachment; filename="answers.csv"'}
        return Response(text, media_type="text/csv; charset=utf-8", headers=headers)
    return Response(await here.work.run(_answer_table, here, body, model, name, False), media_type="application/json")


def _answer_rows(here: Services, body: bytes, name: str | None) -> bytes:
    model = chosen(here.shelf, name, "table")
    found = table_of(model.classifier.feature_names, read(Rows, body).rows)
    source, answers = _answers(here, body, model, found)
    return dumped(_content(model, found, source, answers))


def _answer_table(here: Services, body: bytes, name: str | None, file: str, as_csv: bool) -> bytes:
    model = chosen(here.shelf, name, "table")
    found = uploads.table_of(body, file, MOST_ROWS)
    source, answers = _answers(here, body, model, found)
    return predict.to_csv(answers, model.classifier).encode() if as_csv else dumped(_content(model, found, source, answers))


def _answers(here: Services, body: bytes, model: Model, found: Table) -> tuple[Source, list[predict.Answer]]:
    source = open_table(model.classifier, found)
    answers = predict.predict_source(model.classifier, source)
    logged(here, "predict", body, model, {"rows": outcomes(answers)})
    return source, answers


def _content(model: Model, found: Table, source: Source, answers: list[predict.Answer]) -> dict:
    """What `rows.TableAnswers` describes."""
    place, used = {name: at for at, name in enumerate(found.columns)}, set(source.columns.values())
    return {
        **predict.about(model.classifier, model.sha256),
        "model": model.name,
        "renamed": {feature: column for feature, column in source.columns.items() if feature != column},
        "unused": [column for column in found.columns if column not in used],
        "rows": [_row(answer, model, found, place) for answer in answers],
    }


def _row(answer: predict.Answer, model: Model, found: Table, place: dict[str, int]) -> dict:
    told = predict.record(answer, model.classifier)
    told["bad_cells"] = len(told["cells"])
    told["cells"] = told["cells"][:MOST_CELLS]
    for cell in told["cells"]:
        text = found.rows[answer.row - 1][place[cell["column"]]] if cell["column"] in place else ""
        cell["value"] = text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}\u2026"
    return told
