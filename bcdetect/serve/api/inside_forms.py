"""How one number of a network came about, in JSON: a shape for each `form` that `bcdetect.inside.rules` has."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field, RootModel

from bcdetect.serve.api.inside_shapes import Located, Nested, Others, Spot


class Told(BaseModel):
    """How one number came about: `form` says what else there is. `result` adds up to what the `engine` computed."""

    layer: str
    kind: str
    place: list[int]
    channel: int
    sources: list[str]
    text: str
    result: float | None
    magnitude: float | None
    engine: float
    difference: float | None


class WindowChannel(BaseModel):
    """One input channel under the window; input * kernel = products."""

    channel: int
    input: Nested
    kernel: Nested
    products: Nested
    sum: float


class ChannelSum(BaseModel):
    """What one other channel adds."""

    channel: int
    sum: float


class ByConvolution(Told):
    """The sums of all channels, plus the bias."""

    form: Literal["convolution"]
    first: list[int]
    dilation: list[int]
    outside: int
    channels: list[WindowChannel]
    others: list[ChannelSum]
    sum: float
    bias: float | None


class Term(Spot):
    """value * weight = product."""

    value: float
    weight: float
    product: float
    origin: Located


class BySum(Told):
    """The products, the largest first, plus the bias."""

    form: Literal["sum"]
    terms: list[Term]
    others: Others
    sum: float
    bias: float | None


class Winner(Located):
    """The number that won, `tap` its place in the window."""

    tap: list[int]
    value: float


class ByMaximum(Told):
    """The largest of the window's numbers; `window` is null where it is too large to show."""

    form: Literal["maximum"]
    first: list[int]
    window: Nested | None
    winner: Winner


class ByMean(Told):
    """sum / count."""

    form: Literal["mean"]
    first: list[int]
    window: Nested | None
    sum: float
    count: int


class Step(BaseModel):
    """A step of a normalisation."""

    what: str
    formula: str
    value: float


class ByNorm(Told):
    """gamma * (before - mean) / sqrt(var + eps) + beta."""

    form: Literal["norm"]
    before: float
    mean: float
    var: float
    eps: float
    gamma: float
    beta: float
    steps: list[Step]


class ByFunction(Told):
    """A function of the number before."""

    form: Literal["function"]
    before: float


class ByShares(Told):
    """A power over the sum of all."""

    form: Literal["shares"]
    scores: list[float]
    powers: list[float]
    sum: float


class ByCopy(Told):
    """The same number; `from` is null in padding."""

    form: Literal["copy"]
    source: Located | None = Field(alias="from")


class Part(Located):
    """What one way brings."""

    value: float


class ByAdding(Told):
    """The sum of the parts."""

    form: Literal["added"]
    parts: list[Part]


class ByJoining(Told):
    """One path's number."""

    form: Literal["joined"]
    source: Located = Field(alias="from")


class ByProduct(Told):
    """The product of the parts."""

    form: Literal["product"]
    parts: list[Part]


class ByScaling(Told):
    """(value / white - mean) / std; `white` is null for a table."""

    form: Literal["scaled"]
    name: str | None
    value: float
    white: float | None
    mean: float
    std: float


class Untold(Told):
    """A kind of layer that nothing more is known of."""

    form: Literal["none"]


AnyTold = Annotated[
    ByConvolution | BySum | ByMaximum | ByMean | ByNorm | ByFunction | ByShares | ByCopy | ByAdding | ByJoining | ByProduct
    | ByScaling | Untold,
    Field(discriminator="form"),
]  # fmt: skip


class Pixel(RootModel[AnyTold]):
    """How one number came about: one of these, by its `form`."""
