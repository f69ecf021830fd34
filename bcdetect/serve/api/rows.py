"""What rows look like on their way in and out: the shapes of the API, checked where they come from outside."""

from __future__ import annotations

from typing import Annotated, TypeVar

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, FailFast, Field, ValidationError

from bcdetect.serve.api.answered import OfClasses, OfModel, Said
from bcdetect.table import MAX_COLUMNS, MAX_NAME

MOST_RECORDS = 10_000
EXAMPLE = {"mean radius": 17.99, "mean texture": 10.38, "mean perimeter": 122.8}  # and so on

Record = Annotated[
    dict[Annotated[str, Field(max_length=MAX_NAME)], Annotated[float, Field(allow_inf_nan=False)] | None],
    Field(max_length=MAX_COLUMNS),
]


class Rows(BaseModel):
    """Rows of measurements by their names; other names are passed over, and one that is null or left out is its row's problem."""

    model_config = ConfigDict(strict=True, extra="forbid", json_schema_extra={"examples": [{"rows": [EXAMPLE]}]})
    rows: Annotated[list[Record], FailFast(), Field(min_length=1, max_length=MOST_RECORDS)]


class OneRow(BaseModel):
    """One row of measurements by their names."""

    model_config = ConfigDict(strict=True, extra="forbid", json_schema_extra={"examples": [{"row": EXAMPLE}]})
    row: Record


class Cell(BaseModel):
    """A bad cell; `column` is "" where the row has too few or too many of them. Of a long value only the beginning is here."""

    column: str
    reason: str
    value: str


class TableRow(Said):
    """One row's answer, or its problem; what does not apply is null."""

    row: int
    line: int | None = Field(description="the line of the file that it begins on")
    in_range: bool | None = Field(description="whether every measurement is within the training part's range")
    outside: list[str] | None = Field(description="the measurements that are not")
    cells: list[Cell] = Field(description="of a bad row, its first bad cells")
    bad_cells: int = Field(description="how many they are in all")


class TableAnswers(OfClasses):
    """What the model says of every row, in their order."""

    calibration: str | None = Field(description="how probabilities were calibrated; null: they are the network's own")
    renamed: dict[str, str] = Field(description="measurements that have another column name in the table")
    unused: list[str] = Field(description="columns that the model does not look at")
    rows: list[TableRow]


class Evidence(BaseModel):
    """What one measurement adds to the logit of the explained class."""

    name: str
    value: float
    evidence: float | None


class RowExplained(OfModel):
    """What spoke for a class in one row, the measurement that weighs most first."""

    row: int
    grade: str = Field(description="how far to trust the explanation, as audit-model found")
    class_name: str = Field(alias="class")
    predicted_class: str
    probabilities: dict[str, float]
    refer: bool
    reason: str | None = Field(description="why it is uncertain and to be referred")
    logit: float | None
    method: str
    unit: str
    completeness_error: float | None
    features: list[Evidence]


Shape = TypeVar("Shape", bound=BaseModel)


def body_of(shape: type[BaseModel]) -> dict:
    """A JSON body of this shape, for a route's `openapi_extra`."""
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": shape.model_json_schema()}}}}


def read(shape: type[Shape], body: bytes) -> Shape:
    """A body as this shape: in a worker thread, since it may be long. Raises RequestValidationError."""
    try:
        return shape.model_validate_json(body)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        raise RequestValidationError([{**each, "loc": ("body", *each["loc"])} for each in found[:1]]) from None
