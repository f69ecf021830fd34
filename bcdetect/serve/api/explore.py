"""What a table holds, before anything is trained on it: classes, distributions, correlations, points to draw."""

from __future__ import annotations

from functools import cache
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from bcdetect import NOTICE
from bcdetect.datasets.wisconsin import wisconsin_path
from bcdetect.explore import exploration
from bcdetect.serve.services import Here
from bcdetect.serve.uploads import CSV_BODY, Body, FileName, table_of
from bcdetect.table import Table, read_table

router = APIRouter(prefix="/api/explore", tags=["explore"])

Label = Annotated[
    str | None,
    Query(max_length=1000, description="the column of classes; if left out, diagnosis, and without such a column no classes"),
]


class ClassShare(BaseModel):
    """A class, and its share of the rows that have a label."""

    name: str
    rows: int
    share: float


class LeftOut(BaseModel):
    """A column that is no feature."""

    column: str
    why: str


class Missing(BaseModel):
    """A column with missing cells."""

    column: str
    cells: int


class Distribution(BaseModel):
    """One feature: how well it alone tells a class from the rest, and how its values spread in each class."""

    feature: str
    missing: int = Field(description="cells")
    auc: float | None = Field(description="of the feature alone; below 0.5 where low values speak for the class")
    auc_of: str | None = Field(description="the class that the AUC is for")
    low: float | None
    high: float | None
    edges: list[float | None] = Field(description="of the bins, one more than bins")
    counts: list[list[int]] = Field(description="rows by class and bin")
    quartiles: list[list[float | None]] = Field(description="lower quartile, median, upper quartile of each class")


class Points(BaseModel):
    """Rows to draw, at most 5,000, drawn at random from more."""

    row: list[int] = Field(description="from 1")
    class_: list[int | None] = Field(alias="class", description="a class's number; null: unlabelled")
    values: list[list[float | None]] = Field(description="by feature shown, and row")


class Exploration(BaseModel):
    """What a table holds; of more than 60 features, those that tell the classes apart best are shown."""

    notice: str = NOTICE
    name: str = Field(description="of the file")
    columns: list[str] = Field(description="all of the table, of which one may be the label")
    rows: int
    label: str | None = Field(description="the column of classes; null: there is none")
    classes: list[ClassShare]
    unlabelled: int = Field(description="rows without a label")
    features: int = Field(description="how many there are")
    columns_left_out: int
    left_out: list[LeftOut] = Field(description="the first 200")
    columns_with_missing: int
    missing: list[Missing] = Field(description="the 200 with most")
    distributions: list[Distribution]
    correlation: list[list[float | None]] = Field(description="Pearson's r of the features shown")
    points: Points


@router.get("", response_model=Exploration)
async def built_in(here: Here):
    """The built-in Wisconsin table."""
    return Response(await here.work.run(wisconsin), media_type="application/json")


@router.post("", response_model=Exploration, openapi_extra=CSV_BODY)
async def uploaded(here: Here, body: Body, label: Label = None, name: FileName = "table.csv"):
    """A table of yours, which is not kept."""
    return Response(
        await here.slow.run(lambda: explored(table_of(body, name), name, label or None)), media_type="application/json"
    )


@cache
def wisconsin() -> str:
    """The built-in table's answer."""
    return explored(read_table(wisconsin_path()), "wisconsin.csv")


def explored(table: Table, name: str, label: str | None = None) -> str:
    """The answer as JSON, made where it keeps nobody waiting: it may have some 300,000 numbers. Raises InputError."""
    found = exploration(table, label)
    return Exploration(name=name, columns=list(table.columns), **found).model_dump_json(by_alias=True)
