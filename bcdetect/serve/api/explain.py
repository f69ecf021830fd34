"""What in a picture spoke for a class: the map, its numbers, and how far to trust it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from bcdetect.explain import words
from bcdetect.explain.explanation import Explanation
from bcdetect.explain.grade import grade_line, grade_of
from bcdetect.explain.methods import METHODS
from bcdetect.explain.planes import full_colour, planes_of
from bcdetect.explain.png import map_png, plane_png
from bcdetect.explain.record import record
from bcdetect.inputs import Input, Source, arrays
from bcdetect.predict import predict_source
from bcdetect.serve.api.answered import OfModel
from bcdetect.serve.api.models import ModelName
from bcdetect.serve.api.picture_inputs import content_of, opened, the_input
from bcdetect.serve.api.pictures import Answered, data_url, row_of
from bcdetect.serve.chosen import chosen
from bcdetect.serve.dumped import dumped
from bcdetect.serve.failures import ERRORS
from bcdetect.serve.forms import PICTURES_BODY, Part, Parts
from bcdetect.serve.hints import spoken
from bcdetect.serve.record import logged, outcomes
from bcdetect.serve.services import Here, Services
from bcdetect.serve.shelf import Model

router = APIRouter(prefix="/api/explain", tags=["explain"])

SLOW = ("occlusion", "scorecam", "smoothgrad")  # run the network some dozens to hundreds of times


class Way(BaseModel):
    """A method: its name and title, whether it looks at a layer, at the class, and takes long."""

    name: str
    title: str
    needs_layer: bool
    knows_class: bool
    slow: bool


class Layer(BaseModel):
    """A layer that a map can be taken from, and its output's height, width and channels."""

    name: str
    shape: list[int]


class Seen(BaseModel):
    """One plane as the network sees it: a data URL of a PNG file, null for a sequence that was not taken."""

    title: str
    picture: str | None
    evidence: float | None = None  # of a sequence, where the method knows it


class Peak(BaseModel):
    """Where the map is strongest: row and column from 0, and shares of the height and the width."""

    row: int
    column: int
    share_down: float
    share_across: float


class Asked(BaseModel):
    """One check of the grade."""

    name: str
    verdict: str  # "pass", "FAIL" or "not run"
    value: float | None
    low: float | None
    high: float | None
    asked: str
    why: str


class Explained(OfModel):
    """One picture's map of the evidence for `class`; what does not apply is null, and so are numbers that are not finite.

    `map` is an RGBA picture of the network's size, opaque where there is much evidence, to lay over `planes`; null where the
    map is blank. Its full colour stands for `full_colour_at`.
    """

    input: str
    number: int
    count: int = Field(description="pictures in the file")
    class_name: str = Field(alias="class")
    prediction: Answered
    method: str
    layer: str | None
    logit: float | None
    unit: str
    completeness_error: float | None
    blank: bool
    strength: float | None
    against: float | None
    signed: bool = Field(description="whether the method tells what speaks against the class")
    peak: Peak | None
    size: list[int]
    full_colour_at: float | None
    title: str = Field(description="what the map shows")
    said: str = Field(description="the map in words")
    planes: list[Seen]
    map: str | None
    grade: str
    graded: bool = Field(description="whether explanations by this method and layer have a grade")
    grade_failed: bool = Field(description="whether a check of the grade failed")
    checks: list[Asked]
    layers: list[Layer]
    methods: list[Way]
    classes: list[str]


Number = Annotated[int, Query(ge=1, le=1_000_000, description="which picture of a file that holds several")]
MethodName = Annotated[str | None, Query(max_length=32, description=f"one of {', '.join(METHODS)}; gradcam if left out")]
LayerName = Annotated[str | None, Query(max_length=200, description="of methods that look at one; the last if left out")]
ClassName = Annotated[str | None, Query(max_length=200, description="of two classes the positive one if left out")]


@router.post("/pictures", responses={200: {"model": Explained}, **ERRORS}, openapi_extra=PICTURES_BODY)
async def pictures(
    here: Here,
    parts: Parts,
    model: ModelName = None,
    number: Number = 1,
    method: MethodName = None,
    layer: LayerName = None,
    class_name: ClassName = None,
) -> Response:
    """Explain one picture, one slice of a file, or one exam."""
    way = method or None, layer or None
    found = await here.slow.run(_explain, here, model, parts, number, way, class_name or None)
    return Response(found, media_type="application/json")


def ways() -> list[Way]:
    """Every method, those that answer at once first."""
    found = [
        Way(name=name, title=method.title, needs_layer=method.needs_layer, knows_class=method.knows_class, slow=name in SLOW)
        for name, method in METHODS.items()
    ]
    return sorted(found, key=lambda way: (way.slow, not way.knows_class))


def _explain(here: Services, name: str | None, parts: list[Part], number: int, way: tuple, class_name: str | None) -> bytes:
    model = chosen(here.shelf, name, "pictures")
    classifier = model.classifier
    source = opened(classifier, parts)
    each = the_input(source, parts, number, bool(classifier.sequences))
    answers = predict_source(classifier, Source(1, lambda _: iter([each])))
    (found,) = model.explain(*arrays([each]), class_name=class_name, method=way[0], layer=way[1])
    logged(here, "explain", content_of(parts), model, {"rows": outcomes(answers)})
    return dumped(
        {
            "model": model.name,
            "number": number,
            "count": source.count,
            "prediction": row_of(answers[0], classifier),
            **_map(model, each, found),
            **_grade(model, found),
            "layers": [{"name": k, "shape": shape} for k, shape in model.explainer(*way).networks[0].spatial_layers().items()],
            "methods": [each.model_dump() for each in ways()],
            "classes": classifier.class_names,
        }
    )


def _map(model: Model, each: Input, found: Explanation) -> dict:
    """The numbers of `explain.record`, and what to draw."""
    classifier, top = model.classifier, full_colour(found.strength, found.raw)
    told = record(classifier, model.sha256, "", each, found, top)
    sequences = told.pop("sequences", {})
    planes = [
        {
            "title": plane.title,
            "picture": None if plane.values is None else data_url(plane_png(plane)),
            "evidence": sequences.get(plane.title, {}).get("evidence"),
        }
        for plane in planes_of(classifier, each.x, each.missing)
    ]
    return {
        **{name: value for name, value in told.items() if name in Explained.model_fields or name == "class"},
        "signed": METHODS[found.method].signed and METHODS[found.method].knows_class,
        "title": words.title(found),
        "said": words.described(found),
        "planes": planes,
        "map": None if found.blank else data_url(map_png(found.map, top)),
    }


def _grade(model: Model, found: Explanation) -> dict:
    """The line that stands under it, and the checks behind that line."""
    asked = model.place.path, model.sha256, found.method, found.layer
    grade = grade_of(*asked)
    return {
        "grade": spoken(grade_line(*asked)),
        "graded": grade is not None,
        "grade_failed": grade is not None and bool(grade.failed),
        "checks": [] if grade is None else [asdict(check) for check in grade.checks],
    }
