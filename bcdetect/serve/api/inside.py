"""Inside the network: an input goes in, and then every number that it became can be asked about."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Path, Query
from fastapi.responses import Response

from bcdetect.inside import Walk
from bcdetect.serve import uploads
from bcdetect.serve.api.inside_forms import Pixel
from bcdetect.serve.api.inside_inputs import Chosen, open_example, open_picture, open_row
from bcdetect.serve.api.inside_shapes import Backward, Maps, Norm, Opened, Winners
from bcdetect.serve.api.models import ModelName
from bcdetect.serve.api.rows import OneRow, body_of
from bcdetect.serve.dumped import dumped
from bcdetect.serve.failures import ERRORS
from bcdetect.serve.forms import PICTURES_BODY, Parts
from bcdetect.serve.services import Here, Services

router = APIRouter(prefix="/api/inside", tags=["inside"])

OPENED = {200: {"model": Opened}, **ERRORS}
MAPS, PIXEL, BACKWARD, NORM, WINNERS = (
    {200: {"model": shape}, **ERRORS} for shape in (Maps, Pixel, Backward, Norm, Winners)
)  # fmt: skip
ROWS = 569  # of the built-in table

Network = Annotated[int, Query(ge=0, le=99, description="which network of an ensemble, from 0")]
ClassName = Annotated[str | None, Query(alias="class", max_length=200, description="whose logit to go back from")]
Number = Annotated[int, Query(ge=1, le=1_000_000, description="which picture of a file that holds several")]
RowNumber = Annotated[int, Query(alias="row", ge=1, le=ROWS, description="which row of the built-in table, from 1")]
WalkName = Annotated[str, Path(max_length=64, description="the `walk` of the answer that opened it")]
LayerName = Annotated[str, Query(max_length=400)]
Place = Annotated[
    list[Annotated[int, Query(ge=0, le=2**31 - 1)]], Query(max_length=8, description="where in it, a number for each axis")
]
Channel = Annotated[int, Query(ge=0, le=2**31 - 1)]
First = Annotated[int, Query(ge=0, le=2**31 - 1, description="the first channel to show")]
Most = Annotated[int | None, Query(ge=1, le=1024, description="channels to show at most")]
Terms = Annotated[int, Query(ge=1, le=200, description="products to show of each way at most, the largest")]


@router.post("/row", responses=OPENED, openapi_extra=body_of(OneRow))
async def row(
    here: Here, body: uploads.Body, model: ModelName = None, network: Network = 0, class_name: ClassName = None
) -> Response:
    """Walk one row of measurements through a model of tables."""
    return await _opened(here, open_row, body, Chosen(model, network, class_name))


@router.post("/example", responses=OPENED)
async def example(
    here: Here, number: RowNumber, model: ModelName = None, network: Network = 0, class_name: ClassName = None
) -> Response:
    """Walk a row of the built-in table through a model that takes its columns; it may have been trained on that row."""
    return await _opened(here, open_example, number, Chosen(model, network, class_name))


@router.post("/picture", responses=OPENED, openapi_extra=PICTURES_BODY)
async def picture(
    here: Here,
    parts: Parts,
    number: Number = 1,
    model: ModelName = None,
    network: Network = 0,
    class_name: ClassName = None,
) -> Response:
    """Walk one picture, one slice of a file, or one exam through a model of pictures."""
    return await _opened(here, open_picture, (parts, number), Chosen(model, network, class_name))


@router.get("/{walk}/maps", responses=MAPS)
async def maps(here: Here, walk: WalkName, layer: LayerName, first: First = 0, most: Most = None) -> Response:
    """A layer's outputs as maps."""
    return await _asked(here, walk, lambda found: found.maps(layer, most, first))


@router.get("/{walk}/gradients", responses=MAPS)
async def gradients(here: Here, walk: WalkName, layer: LayerName, first: First = 0, most: Most = None) -> Response:
    """The gradients of the class's logit by a layer's outputs, as maps."""
    return await _asked(here, walk, lambda found: found.gradients(layer, most, first))


@router.get("/{walk}/pixel", responses=PIXEL)
async def pixel(here: Here, walk: WalkName, layer: LayerName, channel: Channel, place: Place = []) -> Response:  # noqa: B006
    """How one number came about: what was multiplied, what was added, and what the engine says."""
    return await _asked(here, walk, lambda found: found.pixel(layer, place, channel))


@router.get("/{walk}/backward", responses=BACKWARD)
async def backward(
    here: Here,
    walk: WalkName,
    layer: LayerName,
    channel: Channel,
    place: Place = [],  # noqa: B006
    most: Terms = 20,
) -> Response:
    """The gradient of the class's logit by one number, and the products that it is the sum of."""
    return await _asked(here, walk, lambda found: found.backward_path(layer, place, channel, most))


@router.get("/{walk}/norm", responses=NORM)
async def norm(here: Here, walk: WalkName, layer: LayerName, first: First = 0, most: Most = None) -> Response:
    """Histograms of a normalisation's channels, before and after."""
    return await _asked(here, walk, lambda found: found.norm(layer, most, first))


@router.get("/{walk}/winners", responses=WINNERS)
async def winners(here: Here, walk: WalkName, layer: LayerName, channel: Channel) -> Response:
    """For every output of one channel of a max pooling, which of its window's numbers won."""
    return await _asked(here, walk, lambda found: found.winners(layer, channel))


async def _opened(here: Services, opening: Callable, given, chosen: Chosen) -> Response:
    content = await here.slow.run(opening, here, given, chosen)
    here.walks.sweep_later()
    return Response(content, media_type="application/json")


async def _asked(here: Services, name: str, question: Callable[[Walk], dict]) -> Response:
    walk = here.walks.get(name)
    return Response(await here.work.run(lambda: dumped(question(walk))), media_type="application/json")
