"""Which models there are, and what is known of each."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query
from fastapi.responses import FileResponse, HTMLResponse
from pydantic import BaseModel, Field

from bcdetect import NOTICE
from bcdetect.errors import InputError
from bcdetect.gate import read_text
from bcdetect.serve.facts import Facts, facts_of
from bcdetect.serve.failures import NotThere
from bcdetect.serve.found import Part, Point, ThresholdCounts, operating_of
from bcdetect.serve.services import Here
from bcdetect.serve.shelf import NAME, Model, Title

router = APIRouter(prefix="/api/models", tags=["models"])

ModelName = Annotated[str | None, Query(alias="model", max_length=64, description="a model's name; the newest if left out")]
Named = Annotated[str, Path(max_length=64, pattern=f"^{NAME.pattern}$", description="a model's name")]
# The report is a page of a run, not one of ours: it may show its own pictures and style, and do nothing.
REPORT_POLICY = "sandbox; default-src 'none'; img-src data:; style-src 'unsafe-inline'"
BYTES = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}


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


class Operating(BaseModel):
    """What other thresholds would have given on the test part, and the one that is used."""

    notice: str = NOTICE
    name: str
    positive: str
    negative: str
    point: Point
    test: Part
    prevalence: float | None = Field(description="share of the test part that is of the positive class")
    counts: ThresholdCounts


@router.get("")
async def listing(here: Here) -> Models:
    """Every model of the folder."""
    return Models(models=await here.work.run(lambda: [entry(each) for each in here.shelf.titles()]))


@router.get("/{name}")
async def facts(name: Named, here: Here) -> Facts:
    """What a model is: its data, classes, layers, calibration, threshold and notes."""
    return await here.work.run(lambda: facts_of(here.shelf.get(name)))


@router.get("/{name}/operating")
async def operating(name: Named, here: Here) -> Operating:
    """How many rows of the test part every threshold calls rightly and wrongly; of a run with two classes.

    A threshold that is chosen by looking here was chosen on the test part, and nothing is left to judge it by; the stored one
    was chosen on the validation part.
    """
    return await here.work.run(lambda: operating_answer(here.shelf.get(name)))


@router.get("/{name}/report", response_class=HTMLResponse)
async def report(name: Named, here: Here):
    """The report of a model's run, as a page that stands alone."""
    page = await here.work.run(lambda: read_report(here.shelf.get(name)))
    return HTMLResponse(page, headers={"Content-Security-Policy": REPORT_POLICY})


@router.get("/{name}/file", response_class=FileResponse, responses={200: {"description": "model.npz", "content": BYTES}})
async def file(name: Named, here: Here):
    """The model's file, to keep or to hand on."""
    model = await here.work.run(here.shelf.get, name)
    return FileResponse(model.place.path, media_type="application/octet-stream", filename=f"{name}.npz")


def entry(title: Title) -> Entry:
    """One line of the list."""
    if title.problem:
        return Entry(name=title.place.name, problem=title.problem)
    report = title.place.beside("report.html") is not None
    return Entry(name=title.place.name, takes=title.takes, classes=list(title.classes), has_report=report)


def operating_answer(model: Model) -> Operating:
    """The answer for a model. Raises NotThere, InputError."""
    found, counts, point = operating_of(model)
    negative, positive = model.classifier.class_names
    positives, rows = counts.tp[0] + counts.fn[0], counts.tp[0] + counts.fn[0] + counts.fp[0] + counts.tn[0]
    return Operating(
        name=model.name,
        positive=positive,
        negative=negative,
        point=point,
        test=found.parts["test"],
        prevalence=positives / rows if rows else None,
        counts=counts,
    )


def read_report(model: Model) -> str:
    """A run's report. Raises NotThere, InputError."""
    path = model.place.beside("report.html")
    if path is None:
        raise NotThere(
            "there is no report of this model",
            hint="Whoever runs this server can write one with: python -m bcdetect report FOLDER",
        )
    try:
        return read_text(path)
    except InputError as error:  # without the folder's path
        raise InputError(error.what, file=f"{model.name}/report.html") from None
