"""What a network has learned to look for: its first kernels, what each layer makes of an input, what excites a channel most."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from bcdetect.classifier import Classifier
from bcdetect.explain.network import Network
from bcdetect.explain.words import place
from bcdetect.inputs import Input, arrays, batches
from tinycnn.layers.base import walk

BEST = 5  # inputs shown of a channel
AT_ONCE = 32


@dataclass(frozen=True)
class Excited:
    """How much one channel is excited by one input: the largest output, and the place (row, column) of it in the layer."""

    row: int
    name: str
    value: float
    peak: tuple[int, int]


def kernels(network: Network) -> tuple[str, np.ndarray] | None:
    """The name and weights (KH, KW, C, OC) of the first layer of kernels; None in a network without any."""
    for name, layer in walk(network.model):
        weight = layer.params.get("weight")
        if weight is not None and weight.ndim == 4:
            return name, weight
    return None


def activations(classifier: Classifier, network: Network, each: Input) -> dict[str, np.ndarray]:
    """What every layer that has places makes of an input, by name, in the order data flows. Shape: (h, w, K) each."""
    x = classifier.preprocessing.transform(*arrays([each]))
    return {name: network.outputs(x, name)[0] for name in network.spatial_layers()}


def outputs(classifier: Classifier, network: Network, layer: str, batch: list[Input]) -> np.ndarray:
    """What one layer makes of several inputs. Shape: (N, h, w, K)."""
    return network.outputs(classifier.preprocessing.transform(*arrays(batch)), layer)


def most_exciting(classifier: Classifier, network: Network, layer: str, inputs: Iterable[Input]) -> list[list[Excited]]:
    """For each channel of a layer the BEST inputs of all, the one that excites it most first; inputs with a problem are left out.

    A channel's excitement is its largest output over all places. Nothing but numbers is kept of an input.
    """
    best: list[list[Excited]] = [[] for _ in range(network.spatial_layers()[layer][-1])]
    for batch in batches(inputs, AT_ONCE):
        if batch[0].problem is not None:
            continue
        for each, found in zip(batch, outputs(classifier, network, layer, batch), strict=True):
            flat = found.reshape(-1, found.shape[-1])
            at = flat.argmax(axis=0)
            for channel, place_of in enumerate(at):
                peak = tuple(map(int, np.unravel_index(place_of, found.shape[:-1])))
                best[channel].append(Excited(each.row, place(each), float(flat[place_of, channel]), peak))
                best[channel] = sorted(best[channel], key=lambda one: (-one.value, one.row))[:BEST]
    return best


def to_csv(layer: str, best: list[list[Excited]]) -> str:
    """One line for each channel and input."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["layer", "channel", "place", "number", "input", "value", "row", "column"])
    for channel, found in enumerate(best):
        for rank, one in enumerate(found, 1):
            name = one.name.encode("utf-8", "backslashreplace").decode()
            writer.writerow([layer, channel, rank, one.row, name, one.value, *one.peak])
    return text.getvalue()
