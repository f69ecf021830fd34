"""Which layer takes what: a network's layers as steps in the order data flows, with the ways of its blocks laid open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import tinycnn as tc
from tinycnn.layers import Layer

INPUT = "input"  # the first step: the row as the network takes it


@dataclass(frozen=True)
class Step:
    """A layer that numbers go through; `layer` is None for the input.

    `sources` are the steps whose outputs it takes, in its own order: of a block, the ends of its ways. `entry` is the step in
    front of it, for a block the one in front of all its ways.
    """

    name: str
    layer: Layer | None = None
    sources: tuple[str, ...] = ()
    entry: str = ""

    @property
    def kind(self) -> str:
        """The layer's kind, such as Conv2D."""
        return "Input" if self.layer is None else type(self.layer).__name__


def steps_of(model: tc.Sequential) -> dict[str, Step]:
    """Every step by name, the input first; layers inside a block stand before the block, which joins them.

    Rows inside (Sequential, Checkpoint) are no steps: what they give is what their last layer gives. Of a block of a kind that
    is not tinycnn's, the inside stays closed.
    """
    steps = {INPUT: Step(INPUT)}
    _row(steps, model, "", INPUT)
    return steps


def feeds(steps: Mapping[str, Step]) -> dict[str, list[tuple[Step, int]]]:
    """For each step those that take its output, with the number of the source that it is to them."""
    found: dict[str, list[tuple[Step, int]]] = {name: [] for name in steps}
    for step in steps.values():
        for slot, source in enumerate(step.sources):
            found[source].append((step, slot))
    return found


def _row(steps: dict[str, Step], row: tc.Sequential, path: str, source: str) -> str:
    """Add a row's layers, the first of which takes `source`; returns the step that gives the row's output."""
    for name, layer in row.layers.items():
        source = _layer(steps, layer, f"{path}.{name}" if path else name, source)
    return source


def _layer(steps: dict[str, Step], layer: Layer, path: str, entry: str) -> str:
    def way(name):
        return _row(steps, layer.children()[name], f"{path}.{name}", entry)

    kind = type(layer)
    if kind is tc.Sequential:
        return _row(steps, layer, path, entry)
    if kind is tc.Checkpoint:
        return way("body")
    if kind is tc.Residual:
        sources = (way("body"), way("shortcut") if layer.shortcut is not None else entry)
    elif kind is tc.Branches:
        sources = tuple(way(name) for name in layer.children())
    elif kind is tc.SqueezeExcite:
        sources = (entry, way("gate"))
    else:
        sources = (entry,)
    steps[path] = Step(path, layer, sources, entry)
    return path
