"""What a person should know of a model before believing it."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from bcdetect import NOTICE
from bcdetect.explain.grade import grade_line
from bcdetect.serve.found import Point
from bcdetect.serve.hints import spoken
from bcdetect.serve.shelf import Model


class Facts(BaseModel):
    """A model's facts, from its file and what lies beside it."""

    notice: str = NOTICE
    name: str
    sha256: str = Field(description="of the model's file")
    takes: str = Field(description='"table" or "pictures"')
    classes: list[str]
    positive: str | None = Field(description="the class that is looked for; null for three and more classes")
    features: list[str] = Field(description="columns of a table")
    sequences: list[str] = Field(description="of an exam whose pictures are taken together")
    input_shape: list[int] = Field(description="what the network takes, without the rows")
    networks: int = Field(description="whose probabilities are averaged")
    parameters: int = Field(description="trained numbers")
    layers: str = Field(description="a table as text")
    calibration: str | None = Field(description="how probabilities were calibrated on the validation part")
    threshold: float | None = Field(description="of the positive class; null for three and more classes")
    operating_point: Point | None = Field(description="the rule that chose the threshold")
    error_rate: float | None = Field(description="of prediction sets, in each class; null where there are none")
    notes: list[str] = Field(description="what a reader should know of calibration and referral")
    grade: str = Field(description="what its explanations are worth")
    has_report: bool
    has_metrics: bool = Field(description="whether its run lies beside it, with scores and counts of the test part")
    card: dict[str, Any] = Field(description="settings, data, parts and versions of its run")


def facts_of(model: Model) -> Facts:
    """The facts of a model."""
    classifier, judgement = model.classifier, model.classifier.judgement
    return Facts(
        name=model.name,
        sha256=model.sha256,
        takes="pictures" if classifier.takes_pictures else "table",
        classes=list(classifier.class_names),
        positive=classifier.positive,
        features=list(classifier.feature_names),
        sequences=list(classifier.sequences),
        input_shape=list(classifier.input_shape),
        networks=len(classifier.models),
        parameters=sum(parameter.value.size for each in classifier.models for parameter in each.parameters()),
        layers=classifier.models[0].summary(),
        calibration=judgement.calibration and judgement.calibration.kind,
        threshold=classifier.threshold if classifier.positive else None,
        operating_point=judgement.meta()["point"],
        error_rate=None if judgement.conformal is None else judgement.conformal.error_rate,
        notes=list(judgement.notes),
        grade=spoken(grade_line(model.place.path, model.sha256)),
        has_report=model.place.beside("report.html") is not None,
        has_metrics=model.metrics is not None,
        card=classifier.card,
    )
