"""Pictures in, an answer each; and made-up ones for those who have none at hand."""

from __future__ import annotations

import base64
import time
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from pydantic import Field

from bcdetect.classifier import Classifier
from bcdetect.datasets.phantom import CLASSES, SEQUENCES, phantom_png
from bcdetect.explain.planes import Plane, planes_of, together
from bcdetect.explain.png import plane_png
from bcdetect.inputs import Input, Source
from bcdetect.predict import Answer, about, predict_source, record
from bcdetect.serve.api.answered import OfClasses, Said
from bcdetect.serve.api.models import ModelName
from bcdetect.serve.api.picture_inputs import content_of, opened
from bcdetect.serve.chosen import chosen
from bcdetect.serve.dumped import dumped
from bcdetect.serve.failures import ERRORS
from bcdetect.serve.forms import PICTURES_BODY, Part, Parts
from bcdetect.serve.hints import spoken
from bcdetect.serve.record import logged, outcomes
from bcdetect.serve.services import Here, Services
from bcdetect.serve.work import TooSlow

router = APIRouter(tags=["pictures"])

SMALL = 128  # pixels a side of a picture that is shown beside its answer


class Answered(Said):
    """One picture, slice or exam: its answer, or the problem that kept it from one; what does not apply is null."""

    file: str
    hint: str | None = Field(description="what to do about the problem")
    picture: str | None = Field(description="where asked for, what the network saw, small, as a data URL of a PNG file")


class Answers(OfClasses):
    """What the model says of every picture in the order they were sent, of a file of several as `name#1`, `name#2` and so on."""

    rows: list[Answered]


Shown = Annotated[bool, Query(description="whether to send back each picture as the network saw it")]


@router.post("/api/predict/pictures", responses={200: {"model": Answers}, **ERRORS}, openapi_extra=PICTURES_BODY)
async def predict(here: Here, parts: Parts, model: ModelName = None, shown: Shown = False) -> Response:
    """An answer for every picture and slice; for a model of sequences, for the one exam whose sequences these are.

    A file that cannot be used keeps no other from its answer.
    """
    return Response(await here.work.run(_predict, here, model, parts, shown), media_type="application/json")


def _predict(here: Services, name: str | None, parts: list[Part], shown: bool) -> bytes:
    model = chosen(here.shelf, name, "pictures")
    seen: dict[int, str] = {}
    source = _watched(opened(model.classifier, parts), here.settings.answer_seconds, seen if shown else None, model.classifier)
    answers = predict_source(model.classifier, source)
    logged(here, "predict", content_of(parts), model, {"rows": outcomes(answers)})
    rows = [row_of(answer, model.classifier, seen.get(answer.row)) for answer in answers]
    return dumped({"model": model.name, **about(model.classifier, model.sha256), "rows": rows})


def _watched(source: Source, seconds: float, seen: dict[int, str] | None, classifier: Classifier) -> Source:
    """The same source, which leaves a small picture of each good input in `seen` as it passes.

    It ends, with TooSlow, when nobody waits for the answer any more: a file of a few megabytes may hold hundreds of large pages.
    """
    until = time.monotonic() + seconds

    def read(wanted=None):
        for each in source.read(wanted):
            if time.monotonic() > until:
                raise TooSlow("no answer in time")
            if seen is not None and each.problem is None:
                seen[each.row] = thumbnail(classifier, each)
            yield each

    return Source(source.count, read)


def thumbnail(classifier: Classifier, each: Input) -> str:
    """An input as the network sees it, small, as a data URL."""
    return data_url(plane_png(Plane("", together(planes_of(classifier, each.x, each.missing))), SMALL))


def data_url(png: bytes) -> str:
    """A PNG file as an address that holds all of it."""
    return "data:image/png;base64," + base64.b64encode(png).decode()


def row_of(answer: Answer, classifier: Classifier, picture: str | None = None) -> dict:
    """What `Answered` describes."""
    told = record(answer, classifier)
    row = {key: told[key] for key in ("class", "probabilities", "set", "refer", "reason", "problem")}
    return {"file": answer.name, **row, "hint": spoken(answer.hint) or None, "picture": picture}


@router.get("/api/pictures/synthetic", responses={200: {"content": {"image/png": {}}}, **ERRORS}, response_class=Response)
async def synthetic(
    here: Here,
    sequence: Annotated[Literal[SEQUENCES], Query()] = "dce",
    kind: Annotated[Literal[CLASSES], Query(description="what is drawn into it")] = "malignant",
    seed: Annotated[int, Query(ge=0, le=2**31 - 1, description="the same for all sequences of one exam")] = 0,
) -> Response:
    """One sequence of a synthetic breast-MRI phantom, as a PNG file: made by a program, of nobody; it teaches nothing."""
    png = await here.work.run(phantom_png, kind, sequence, 96, seed)
    return Response(png, media_type="image/png", headers={"Content-Disposition": 'inline; filename="synthetic.png"'})
