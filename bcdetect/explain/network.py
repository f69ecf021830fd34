"""A trained network to look into: its logits, what its layers saw, and the gradients of one class's logit."""

from __future__ import annotations

import copy
from math import prod

import numpy as np

import tinycnn as tc
from bcdetect.errors import UsageError
from tinycnn.layers.base import walk


class Network:
    """A copy of a model, so that the model itself is left as it was found and several threads may look at once.

    Every row is explained for a class of its own: `classes` (N,) are their numbers. The class's score is its logit; with one
    logit that of the second class is +logit, that of the first -logit.
    """

    def __init__(self, model: tc.Sequential):
        self.model = copy.deepcopy(model)
        self.model.freeze()  # so that going back computes no gradient of any weight
        self._cuts: dict[str, tuple[tc.Sequential, tc.Sequential]] = {}

    def spatial_layers(self) -> dict[str, tuple[int, ...]]:
        """Every layer whose output has places, by name, with that output's shape (H, W, C); in the order data flows."""
        return {
            name: layer.output_shape
            for name, layer in walk(self.model)
            if name and has_places(layer.output_shape) and _can_be_seen(self.model, name)
        }

    def last_spatial_layer(self) -> str:
        """The last layer of the outermost row whose output has places. Raises UsageError where there is none."""
        names = [name for name in self.spatial_layers() if "." not in name]
        if not names:
            raise UsageError("no layer of this model has more than one place", hint="Take a method that needs no layer")
        return names[-1]

    def check_layer(self, name: str) -> None:
        """Raise UsageError, listing those that can serve, unless this layer's output has places."""
        valid = self.spatial_layers()
        if name in valid:
            return
        layers = {path: layer for path, layer in walk(self.model) if path}
        if name in layers and not has_places(layers[name].output_shape):
            shape = " x ".join(map(str, layers[name].output_shape))
            what = f"layer {name!r} gives {shape} numbers without a place in the picture, so that no map can be drawn from it"
        elif name in layers:
            what = f"layer {name!r} is a path of its own inside a block and cannot be looked at"
        else:
            what = f"there is no layer {name!r}"
        raise UsageError(what, hint=f"Take one of {', '.join(valid)}")

    def numbers_a_row(self) -> int:
        """The numbers that all layers together hold for one row."""
        return sum(layer.activations() for _, layer in walk(self.model))

    def scores(self, x: np.ndarray, classes: np.ndarray) -> np.ndarray:
        """Each row's logit of its class. Shape: x (N, *input_shape) -> (N,)."""
        logits = self.model.predict(x)
        return (logits * directions(logits.shape[1], classes)).sum(axis=1)

    def outputs(self, x: np.ndarray, layer: str) -> np.ndarray:
        """What a layer gives for each row. Shape: (N, *its output_shape)."""
        if layer in self.model.layers:
            return self._cut(layer)[0].predict(x)
        x, behind = self._in_front_of(x, layer)
        with behind.capture(layer) as taps:
            behind.forward(x)
        return taps[layer].output

    def outputs_and_gradients(self, x: np.ndarray, classes: np.ndarray, layer: str) -> tuple[np.ndarray, np.ndarray]:
        """What a layer gives for each row, and the gradient of the row's score by it. Shape: (N, *its output_shape) each.

        What lies in front of the layer runs as prediction does, and nothing runs back through it.
        """
        seed = directions(self.model.output_shape[0], classes)
        if layer in self.model.layers:
            front, rest = self._cut(layer)
            output = front.predict(x)
            rest.forward(output)
            return output, rest.backward(seed)
        x, behind = self._in_front_of(x, layer)
        with behind.capture(layer) as taps:
            behind.forward(x)
            behind.backward(seed)
        return taps[layer].output, taps[layer].grad

    def input_gradients(self, x: np.ndarray, classes: np.ndarray) -> np.ndarray:
        """The gradient of each row's score by the row. Shape: as x."""
        self.model.forward(x)
        return self.model.backward(directions(self.model.output_shape[0], classes))

    def _cut(self, layer: str) -> tuple[tc.Sequential, tc.Sequential]:
        if layer not in self._cuts:
            self._cuts[layer] = self.model.cut(layer)
        return self._cuts[layer]

    def _in_front_of(self, x, layer):
        """What the block with this layer inside takes, and the model from that block on."""
        names = list(self.model.layers)
        block = names.index(layer.partition(".")[0])
        if not block:
            return x, self.model
        front, behind = self._cut(names[block - 1])
        return front.predict(x), behind


def directions(outputs: int, classes: np.ndarray) -> np.ndarray:
    """The gradient of each row's score by its logits: one-hot, or +1 and -1 for one logit. Shape: (N, outputs) float32."""
    if outputs == 1:
        return np.where(classes == 1, np.float32(1), np.float32(-1))[:, None]
    return np.eye(outputs, dtype=np.float32)[classes]


def has_places(shape: tuple[int, ...]) -> bool:
    """Whether an output (H, W, C) has more than one place."""
    return len(shape) > 1 and prod(shape[:-1]) > 1


def _can_be_seen(model: tc.Sequential, name: str) -> bool:
    """Whether `capture` takes this layer: one that stands in a row, not a whole path of a block."""
    owner = dict(walk(model))[name.rpartition(".")[0]]
    return isinstance(owner, tc.Sequential)
