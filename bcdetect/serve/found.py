"""What a model's run found, out of its metrics.json: checked, for a file on the disk may hold anything."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from bcdetect.errors import InputError
from bcdetect.serve.failures import NotThere
from bcdetect.serve.shelf import Model

FILE = "metrics.json"


class Score(BaseModel):
    """A score with its 95 % interval; what is null is undefined, and `why` says the reason where there is one."""

    model_config = ConfigDict(allow_inf_nan=False)
    value: float | None
    low: float | None = None
    high: float | None = None
    why: str | None = None


class Part(BaseModel):
    """How many rows of each class a part has, and how many groups where its rows belong to such."""

    rows: int = Field(ge=0)
    classes: dict[str, int]
    groups: int | None = None


class Point(BaseModel):
    """The stored threshold, the rule that chose it on the validation part, and what it gave there."""

    model_config = ConfigDict(allow_inf_nan=False)
    rule: str
    threshold: float = Field(ge=0, le=1)
    sensitivity: float | None
    specificity: float | None
    reached: bool
    sentence: str


class ThresholdCounts(BaseModel):
    """Columns of one length: thresholds, rising, and the rows of the test part that each would call rightly and wrongly."""

    model_config = ConfigDict(allow_inf_nan=False)
    thresholds: list[float] = Field(min_length=1)
    tp: list[int]
    fp: list[int]
    fn: list[int]
    tn: list[int]

    @model_validator(mode="after")
    def fit(self) -> ThresholdCounts:
        """ValueError for columns that are not of one test part."""
        columns = self.tp, self.fp, self.fn, self.tn
        if any(len(column) != len(self.thresholds) or min(column) < 0 for column in columns):
            raise ValueError("columns of different length, or counts below 0")
        if len({(tp + fn, fp + tn) for tp, fp, fn, tn in zip(*columns, strict=True)}) > 1:
            raise ValueError("counts of different rows")
        return self


class Found(BaseModel):
    """The part of metrics.json that is shown."""

    test: dict[str, dict[str, Score]]
    parts: dict[str, Part]
    class_names: list[str]
    positive: str | None
    data_described: str
    operating_point: Point | None
    rows_in_two_parts: int = 0
    logistic_converged: bool = True
    threshold_counts: ThresholdCounts | None = None  # of two classes, and of runs that kept them


def found_of(model: Model) -> Found | None:
    """What a model's run found; None for a lone file. Raises InputError for metrics that no run writes."""
    if model.metrics is None:
        return None
    try:
        found = Found.model_validate(model.metrics)
    except (ValidationError, RecursionError):
        hint = "Train it again, or copy the run's folder whole"
        raise InputError("not the metrics of a run", file=f"{model.name}/{FILE}", hint=hint) from None
    if "test" not in found.parts:
        raise InputError("names no test part", file=f"{model.name}/{FILE}", hint="Train it again")
    if not _of_this(found, model):
        hint = "Copy the run's folder whole, or train it again"
        raise InputError("the metrics of another model than the one beside them", file=f"{model.name}/{FILE}", hint=hint)
    return found


def _of_this(found: Found, model: Model) -> bool:
    """Whether classes and threshold are the model's: someone may have put another model.npz into the folder."""
    same_threshold = found.operating_point is None or found.operating_point.threshold == model.classifier.threshold
    return same_threshold and tuple(found.class_names) == tuple(model.classifier.class_names)


def operating_of(model: Model) -> tuple[Found, ThresholdCounts, Point]:
    """What moving the threshold of a model of two classes needs. Raises NotThere, InputError."""
    classes = model.classifier.class_names
    if len(classes) != 2:
        hint = "Take a model of two classes"
        raise NotThere(f"a model of {len(classes)} classes has no threshold: the likeliest class is called", hint=hint)
    found = found_of(model)
    if found is None:
        hint = "Serve the folder of its run, which holds metrics.json beside model.npz"
        raise NotThere("this model is a lone file: what it did on a test part is not known here", hint=hint)
    if found.threshold_counts is None or found.operating_point is None:
        raise NotThere("its run kept no counts for other thresholds", hint="Train it again with this version")
    return found, found.threshold_counts, found.operating_point
