"""Which models there are, and what is known of each."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel

from bcdetect import NOTICE
from bcdetect.serve.services import Here
from bcdetect.serve.shelf import Model

router = APIRouter(prefix="/api/models", tags=["models"])

ModelName = Annotated[str | None, Query(alias="model", max_length=64, description="a model's name; the newest if left out")]


class Entry(BaseModel):
    """One model of the folder; `problem` says why it cannot be used."""

    name: str
    takes: str | None = None  # "table" or "pictures"
    classes: list[str] = []
    has_report: bool = False
    problem: str | None = None


class Models(BaseModel):
    """All models, the newest first."""

    notice: str = NOTICE
    models: list[Entry]


@router.get("")
async def listing(here: Here) -> Models:
    """Every model of the folder."""
    return Models(models=[entry(*each) for each in await here.work.run(here.shelf.all)])


def entry(place, model: Model | None, problem: str) -> Entry:
    """One line of the list."""
    if model is None:
        return Entry(name=place.name, problem=problem)
    classifier = model.classifier
    report = place.run is not None and (place.run / "report.html").is_file()
    return Entry(
        name=place.name,
        takes="pictures" if classifier.takes_pictures else "table",
        classes=list(classifier.class_names),
        has_report=report,
    )
