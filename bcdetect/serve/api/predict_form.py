"""What it takes to ask: a table to fill in, one to try, and a form for one row."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import Response
from pydantic import BaseModel, Field

from bcdetect import NOTICE
from bcdetect.columns import match_columns
from bcdetect.datasets.wisconsin import wisconsin_path
from bcdetect.form import groups_of
from bcdetect.gate import read_text
from bcdetect.serve.api.models import ModelName
from bcdetect.serve.chosen import chosen
from bcdetect.serve.failures import ERRORS, NotThere
from bcdetect.serve.services import Here, Services
from bcdetect.serve.shelf import Model
from bcdetect.typical import example_rows, template_csv

router = APIRouter(prefix="/api/predict", tags=["predict"])

AS_CSV = {200: {"content": {"text/csv": {"schema": {"type": "string"}}}}, **ERRORS}


class FormField(BaseModel):
    """One measurement: mean, deviation and range of the training part, and a slider from `least` to `most`."""

    name: str
    label: str
    mean: float | None
    std: float | None
    low: float | None = Field(description="below it a row is out of the training range")
    high: float | None
    least: float
    most: float
    step: float
    start: float


class FormGroup(BaseModel):
    """Measurements that belong together."""

    title: str
    fields: list[FormField]


class Example(BaseModel):
    """A row of the built-in table."""

    class_name: str = Field(alias="class")
    row: int
    values: dict[str, float]


class Form(BaseModel):
    """What a person is asked for; `examples` are the rows nearest to each class's medians, null for a model of other features."""

    notice: str = NOTICE
    model: str
    groups: list[FormGroup]
    examples: list[Example] | None


@router.get("/form", responses=ERRORS)
async def form(here: Here, model: ModelName = None) -> Form:
    """The measurements that a model of tables takes, with their typical ranges."""
    return Form(**await here.work.run(_form, here, model))


@router.get("/template.csv", responses=AS_CSV, response_class=Response)
async def template(here: Here, model: ModelName = None) -> Response:
    """A table to fill in: the model's columns, and one row of the training part's means."""
    return _file(await here.work.run(_template, here, model), "template.csv")


@router.get("/example.csv", responses=AS_CSV, response_class=Response)
async def example(
    here: Here, rows: Annotated[int, Query(ge=1, le=569, description="how many of its first rows")] = 569, model: ModelName = None
) -> Response:
    """The built-in Wisconsin table, labels and all; a model may have been trained on some of its rows."""
    return _file(await here.work.run(_example, here, model, rows), "wisconsin.csv")


def knows_wisconsin(model: Model) -> bool:
    """Whether the built-in table has all columns that a model of tables needs."""
    header = read_text(wisconsin_path()).partition("\n")[0].strip().split(",")
    return not match_columns(model.classifier.feature_names, header)[1]


def form_of(model: Model) -> dict:
    """What `Form` describes."""
    return {"model": model.name, "groups": groups_of(model.classifier), "examples": example_rows(model.classifier)}


def _form(here: Services, name: str | None) -> dict:
    return form_of(chosen(here.shelf, name, "table"))


def _template(here: Services, name: str | None) -> str:
    return template_csv(chosen(here.shelf, name, "table").classifier)


def _example(here: Services, name: str | None, rows: int) -> str:
    model = chosen(here.shelf, name, "table")
    if not knows_wisconsin(model):
        raise NotThere(f"the model {model.name!r} was made for other columns than the built-in table's", hint="Take the template")
    return "".join(read_text(wisconsin_path()).splitlines(keepends=True)[: rows + 1])


def _file(text: str, name: str) -> Response:
    return Response(text, media_type="text/csv; charset=utf-8", headers={"Content-Disposition": f'attachment; filename="{name}"'})
