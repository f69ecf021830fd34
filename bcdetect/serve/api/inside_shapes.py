"""What the walk through a network looks like in JSON; `bcdetect.inside` says what each part means."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from bcdetect.serve.api.answered import OfModel

Nested = Annotated[
    list[JsonValue],
    Field(description="numbers as nested lists, a level for each axis; null stands outside of the input"),
]


class Spot(BaseModel):
    """Where a number stands in a layer's output."""

    place: list[int]
    channel: int


class Located(Spot):
    """The same, and in which layer."""

    layer: str


class Spread(BaseModel):
    """How a layer's numbers are spread; `zeros` is a share."""

    lowest: float
    mean: float
    highest: float
    zeros: float


class Largest(BaseModel):
    """The largest gradient of a layer, in absolute value."""

    largest: float


class Layer(BaseModel):
    """One layer: what it is, takes and gives; `telling` is a good number of it to begin with."""

    number: int
    name: str
    kind: str
    block: str
    arguments: str
    text: str
    equation: str
    sources: list[str]
    feeds: list[str]
    input_shape: list[int]
    output_shape: list[int]
    parameters: int
    receptive_field: list[int] | None
    output: Spread
    gradient: Largest
    telling: Spot
    thumbnail: Nested
    norm: bool = Field(description="whether /norm tells of it")
    winners: bool = Field(description="whether /winners tells of it")


class Logit(BaseModel):
    """A logit, and the class that it is of."""

    of: str
    value: float


class Squash(BaseModel):
    """How logits become probabilities."""

    kind: Literal["sigmoid", "softmax", "none"]
    equation: str


class Calibration(BaseModel):
    """The calibration's numbers, and what it made of the mean."""

    kind: str
    equation: str
    numbers: dict[str, float]
    log_odds: dict[str, float]
    probabilities: dict[str, float]


class LastStep(BaseModel):
    """From the logits to the answer; `own` is this network's, `mean` that of all networks and views."""

    logits: list[Logit]
    squash: Squash
    own: dict[str, float]
    difference: float
    network: int
    networks: list[dict[str, float]]
    views: int
    mean: dict[str, float]
    calibration: Calibration | None
    probabilities: dict[str, float]
    threshold: float | None
    class_name: str = Field(alias="class")
    text: list[str]


class Predicted(BaseModel):
    """What `predict` says of the same input."""

    class_name: str = Field(alias="class")
    probabilities: dict[str, float]
    refer: bool
    reason: str | None


class Opened(OfModel):
    """A walk that can be asked about by its name, `walk`; `class` is the one whose logit is gone back from."""

    model_config = ConfigDict(populate_by_name=True)

    walk: str
    input: str = Field(description="what was sent, in words")
    reference: str | None = Field(description="of a row of the built-in table its class there")
    predicted: Predicted
    network: int
    networks: int
    class_name: str = Field(alias="class")
    class_names: list[str]
    features: list[str]
    sequences: list[str]
    layers: list[Layer]
    answer: LastStep


class Map(BaseModel):
    """One channel; `values` are short."""

    channel: int
    lowest: float
    highest: float
    values: Nested


class Maps(BaseModel):
    """Some channels of a layer from `first` on; of a layer without places `vector` instead."""

    layer: str
    rows: list[str]
    places: list[int]
    count: int
    first: int
    lowest: float
    highest: float
    maps: list[Map]
    vector: list[float]


class Others(BaseModel):
    """Those that are not shown."""

    count: int
    sum: float


class Piece(Spot):
    """gradient * factor = product."""

    gradient: float
    factor: float
    product: float


class Way(BaseModel):
    """What comes back from one layer that took the number; `sum` is null where that is not known."""

    layer: str
    kind: str
    text: str
    terms: list[Piece] = []
    others: Others | None = None
    sum: float | None


class Backward(BaseModel):
    """The gradient of the class's logit by one number, and the ways that it came."""

    layer: str
    kind: str
    place: list[int]
    channel: int
    class_name: str = Field(alias="class")
    value: float
    text: str
    ways: list[Way]
    total: float | None
    gradient: float
    difference: float | None
    magnitude: float


class Counted(BaseModel):
    """A histogram from `low` to `high`."""

    low: float
    high: float
    mean: float
    std: float
    counts: list[int]


class BeforeAfter(BaseModel):
    """One channel of a normalisation."""

    channel: int
    before: Counted
    after: Counted


class Norm(BaseModel):
    """Some channels of a normalisation from `first` on."""

    layer: str
    count: int
    first: int
    channels: list[BeforeAfter]


class Winners(BaseModel):
    """Where each output of one channel of a max pooling was taken from: at every place of the output a place of `source`."""

    layer: str
    source: str
    channel: int
    places: Nested
