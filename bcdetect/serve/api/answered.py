"""What answers of the API share: the model that gives them, and what it says of one input."""

from __future__ import annotations

from pydantic import BaseModel, Field


class OfModel(BaseModel):
    """An answer of a model: which one it is, by name and by its file's hash."""

    notice: str
    model: str
    model_sha256: str


class OfClasses(OfModel):
    """Answers of a model: what it tells apart, and from where on."""

    classes: list[str]
    positive: str | None
    threshold: float | None = Field(description="the probability of the positive class from which on an input is called that")
    error_rate: float | None = Field(description="of the sets")


class Said(BaseModel):
    """What a model says of one input, or the problem that kept it from an answer; what does not apply is null."""

    class_name: str | None = Field(alias="class")
    probabilities: dict[str, float] | None
    possible: list[str] | None = Field(alias="set", description="the classes that it may be, at the error rate")
    refer: bool | None
    reason: str | None = Field(description="why it is uncertain and to be referred")
    problem: str | None
