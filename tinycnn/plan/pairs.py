"""A model as a chain of items: which neighbours are computed together. Needs no numba, so that `summary()` can show it.

conv or dense + relu        the ReLU is applied before the output leaves the cache
conv + batch norm           the sums for the statistics are taken there too
batch norm + relu           never written: applied by whoever reads the output, and in backward likewise
residual + relu             the ReLU is applied to the sum
"""

from __future__ import annotations

from math import prod
from typing import NamedTuple

from tinycnn.blocks import Residual
from tinycnn.layers.activations import ReLU
from tinycnn.layers.base import Layer, is_known
from tinycnn.layers.conv import Conv
from tinycnn.layers.dense import Dense
from tinycnn.layers.dropout import Dropout
from tinycnn.layers.norm import BatchNorm
from tinycnn.layers.pool import AvgPool, GlobalAvgPool, MaxPool
from tinycnn.layers.reshape import Flatten, Reshape
from tinycnn.model import Sequential
from tinycnn.ops.roads import road
from tinycnn.recompute import Checkpoint

KINDS = {
    Conv: "conv",
    Dense: "dense",
    BatchNorm: "norm",
    ReLU: "relu",
    MaxPool: "max",
    AvgPool: "average",
    GlobalAvgPool: "mean",
    Dropout: "dropout",
    Flatten: "flatten",
    Reshape: "flatten",
    Residual: "residual",
    Checkpoint: "checkpoint",
}


class Item(NamedTuple):
    """One or two layers: `relu` is the ReLU behind `layer` that is computed with it, or None."""

    kind: str
    layer: Layer
    relu: Layer | None = None


def chain(model: Layer, checkpoints: bool = True) -> list[Item]:
    """The items of a model, rows inside rows laid end to end; without `checkpoints`, as where nothing goes back, these too."""
    items: list[Item] = []
    for layer in _flat(model, checkpoints):
        kind = kind_of(layer)
        takes_relu = items and items[-1].relu is None and items[-1].kind in ("conv", "dense", "norm", "residual")
        if kind == "relu" and takes_relu:
            items[-1] = items[-1]._replace(relu=layer)
        else:
            items.append(Item(kind, layer))
    return items


def kind_of(layer: Layer) -> str:
    """What the planner takes a layer for; "foreign" is run as it is, as is every layer whose forward somebody wrote anew."""
    for known, kind in KINDS.items():
        if isinstance(layer, known) and is_known(layer, known) and type(layer).setup is known.setup:
            if kind == "dropout" and layer.channels:
                return "foreign"
            if kind == "conv" and not conv_road(layer):
                return "foreign"
            return "foreign" if kind == "max" and prod(layer.size) > 256 else kind  # the winning tap would not fit a byte
    return "foreign"


def conv_road(layer: Layer) -> str:
    """See `ops.roads`."""
    if isinstance(layer, Dense):
        return "direct"
    return road(layer.input_shape[:-1], layer.window, layer.input_shape[-1], layer.filters, layer.groups)


def placement(model: Layer) -> dict[int, str]:
    """For the layers of a chain, by id: the kernel that computes them, or the layer that they are computed with."""
    places: dict[int, str] = {}
    before = None
    for item in chain(model):
        own = {"foreign": "on its own"}.get(item.kind, item.kind)
        if item.kind in ("conv", "dense"):
            own = conv_road(item.layer)
        elif item.kind == "norm":
            with_conv = before is not None and before.kind in ("conv", "dense") and before.relu is None
            own = f"with {before.layer.name}" if with_conv else "with its reader"
        elif item.kind in ("residual", "checkpoint"):
            inside: dict[int, str] = {}
            for row in item.layer.children().values():
                inside.update(placement(row))
            places.update(inside)
            own = ", ".join(dict.fromkeys(place for place in inside.values() if not place.startswith("with ")))
        places[id(item.layer)] = own
        if item.relu is not None:
            places[id(item.relu)] = f"with {item.layer.name}"
        before = item
    return places


def _flat(layer: Layer, checkpoints: bool):
    if isinstance(layer, Sequential) and is_known(layer, Sequential):
        for inner in layer.layers.values():
            yield from _flat(inner, checkpoints)
    elif not checkpoints and isinstance(layer, Checkpoint) and is_known(layer, Checkpoint):
        yield from _flat(layer.body, checkpoints)
    else:
        yield layer
