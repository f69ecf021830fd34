"""One row's way through a network, forward and back, kept so that every number of it can be asked about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bcdetect.classifier import Classifier
from bcdetect.inside import looks
from bcdetect.inside.answer import answer
from bcdetect.inside.asked import number_at, number_below, one_of
from bcdetect.inside.facts import facts, receptive_fields
from bcdetect.inside.plain import plain
from bcdetect.inside.rules import At, Rule, spot, summed
from bcdetect.inside.rules.norms import NORMS
from bcdetect.inside.rules.pooling import MaxPooling
from bcdetect.inside.wiring import INPUT, Step, feeds

PIECES = 20  # of a gradient that are shown, the largest


@dataclass(frozen=True)
class Walk:
    """What every layer of one network made of one row, and the gradient of the class's logit by every number of it.

    `steps` and `rules` are the layers and what is told of their kinds, by name in the order data flows; `outputs` and `grads`
    hold what the engine computed, without a batch axis. `view` is the number of the view that was walked, the picture as it is;
    `every` what all networks predict of all views. Nothing changes after it is made, so several threads may ask at once.
    All answers are plain dicts and lists, ready for JSON; a layer, place or channel that is not there is a UsageError that
    says what is.
    """

    classifier: Classifier
    network: int
    class_name: str
    steps: dict[str, Step]
    rules: dict[str, Rule]
    outputs: dict[str, np.ndarray]
    grads: dict[str, np.ndarray]
    every: np.ndarray
    view: int

    @property
    def nbytes(self) -> int:
        """What keeping it takes: the numbers of every layer, their gradients, and the network's own copy."""
        layers = [array for step in self.steps.values() if step.layer is not None for array in step.layer.params.values()]
        return sum(array.nbytes for array in (*self.outputs.values(), *self.grads.values(), *layers))

    def as_dict(self) -> dict:
        """The way as a whole: what is explained, and every layer's facts (`facts.facts`), the input first."""
        return plain(
            {
                "network": self.network,
                "networks": len(self.classifier.models),
                "class": self.class_name,
                "class_names": self.classifier.class_names,
                "features": () if self.classifier.takes_pictures else self.classifier.feature_names,
                "layers": self.layers(),
            }
        )

    def layers(self) -> list[dict]:
        """Every layer's facts, in the order data flows; a block stands behind the layers inside that it joins."""
        fields, following = receptive_fields(self.steps, self.outputs[INPUT].shape), feeds(self.steps)
        found = []
        for name, step in self.steps.items():
            source = self.outputs[step.entry if step.entry else INPUT]
            told = facts(step, self.rules[name], self.outputs[name], self.grads[name], source, fields[name])
            can = {"norm": name in self._norms(), "winners": name in self._pools()}
            found.append({"number": len(found), **told, "feeds": [other.name for other, _ in following[name]], **can})
        return plain(found)

    def maps(self, layer: str, most: int | None = None, first: int = 0) -> dict:
        """The layer's outputs as maps, from channel `first` on; see `looks.maps`. `rows` names the places that are features."""
        return self._looked_at(self.outputs, layer, most, first)

    def gradients(self, layer: str, most: int | None = None, first: int = 0) -> dict:
        """The gradients of the class's logit by the layer's outputs, as `maps`."""
        return self._looked_at(self.grads, layer, most, first)

    def pixel(self, layer: str, place: Sequence[int] | None, channel: int) -> dict:
        """How one output number came about, with the actual numbers.

        `engine` is what the engine computed, `result` what the explanation adds up to, `difference` what is between them. What
        else the dict holds depends on its `form`; see the rules of `bcdetect.inside.rules`.
        """
        step, at = self._asked(layer, place, channel)
        told = self.rules[layer].number(step, self._inputs(step), at)
        engine, result = float(self.outputs[layer][at]), told["result"]
        self._locate(step, told)
        difference = None if result is None else result - engine
        named = {"layer": layer, "kind": step.kind, **spot(at), "sources": step.sources}
        return plain({**named, **told, "engine": engine, "difference": difference})

    def backward_path(self, layer: str, place: Sequence[int] | None, channel: int, most: int = PIECES) -> dict:
        """The gradient of the class's logit by one output number, and the pieces that it is the sum of.

        `ways` has an entry for each layer that takes the number: the `most` largest products of a gradient there and the factor
        by which the number moves it, and the sum of the others. `total` is the sum over all ways, None where the rule of one is
        not known; `gradient` is the engine's, `difference` what is between them.
        """
        step, at = self._asked(layer, place, channel)
        ways, magnitude = [], 0.0
        for other, slot in feeds(self.steps)[layer]:
            way, size = self._way(other, slot, at, most)
            ways.append(way)
            magnitude += size
        gradient, sums = float(self.grads[layer][at]), [way["sum"] for way in ways]
        total = None if None in sums else sum(sums) if ways else gradient
        return plain(
            {
                "layer": layer,
                "kind": step.kind,
                **spot(at),
                "class": self.class_name,
                "value": self.outputs[layer][at],
                "text": self._told(ways),
                "ways": ways,
                "total": total,
                "gradient": gradient,
                "difference": None if total is None else total - gradient,
                "magnitude": magnitude if ways else abs(gradient),
            }
        )

    def norm(self, layer: str, most: int | None = None, first: int = 0) -> dict:
        """Histograms of a normalisation's channels, before and after; see `looks.histograms`."""
        one_of(self._norms(), layer, "normalisation")
        source = self.outputs[self.steps[layer].sources[0]]
        return plain({"layer": layer, **looks.histograms(source, self.outputs[layer], most, self._channel(layer, first))})

    def winners(self, layer: str, channel: int) -> dict:
        """For every output of one channel of a max pooling the place in its input that won, as nested lists of places."""
        one_of(self._pools(), layer, "max pooling")
        step, rule = self.steps[layer], self.rules[layer]
        channel = self._channel(layer, channel)
        (x,) = self._inputs(step)
        return plain({"layer": layer, "source": step.sources[0], "channel": channel, "places": rule.winners(step, x, channel)})

    def answer(self) -> dict:
        """From this walk's logits to the classifier's answer; see `answer.answer`."""
        last = list(self.steps.values())[-1]
        return plain(answer(self.classifier, self.network, self.view, self.outputs[last.name], last.layer, self.every))

    def _looked_at(self, arrays: dict[str, np.ndarray], layer: str, most: int | None, first: int) -> dict:
        values = arrays[one_of(self.steps, layer, "layer")]
        names = () if self.classifier.takes_pictures else self.classifier.feature_names
        rows = names if values.ndim == 3 and len(values) == len(names) else ()
        return plain({"layer": layer, "rows": rows, **looks.maps(values, most, self._channel(layer, first))})

    def _channel(self, layer: str, channel: int) -> int:
        return number_below(self.outputs[layer].shape[-1], channel, f"channel in layer {layer!r}:")

    def _asked(self, layer, place, channel) -> tuple[Step, At]:
        step = self.steps[one_of(self.steps, layer, "layer")]
        return step, number_at(layer, self.outputs[layer].shape, place, channel)

    def _inputs(self, step: Step) -> list[np.ndarray]:
        return [self.outputs[source] for source in step.sources]

    def _way(self, other: Step, slot: int, at: At, most: int) -> tuple[dict, float]:
        """How the gradient came back through one layer that takes the number, and the magnitude of its pieces."""
        pieces = self.rules[other.name].pieces(other, slot, self._inputs(other), at)
        named = {"layer": other.name, "kind": other.kind}
        if pieces is None:
            return {**named, "text": "How this kind of layer hands a gradient back is not known here.", "sum": None}, 0.0
        gradient = self.grads[other.name][tuple(pieces.at.T)].astype(np.float64)
        products = gradient * pieces.factor
        columns = {"gradient": gradient, "factor": pieces.factor}
        return {**named, "text": pieces.text, **summed(pieces.at, columns, products, most)}, pieces.magnitude(gradient)

    def _told(self, ways: list[dict]) -> str:
        if len(ways) > 1:
            return f"The number goes {len(ways)} ways, and what comes back from them is added up."
        if ways:
            return "The number goes one way, and its gradient comes back the same way."
        one = self.outputs[list(self.steps)[-1]].shape == (1,)
        if one and self.class_name == self.classifier.class_names[0]:
            return f"This is the last number, and the logit of {self.class_name} is its negative: the gradient begins as -1."
        if one:
            return f"This is the logit of {self.class_name} itself: the gradient begins as 1."
        return f"This is the last layer: the gradient begins as 1 at the logit of {self.class_name}, and as 0 at all others."

    def _locate(self, step: Step, told: dict) -> None:
        """Name the layers that the numbers in what is told come from."""
        for one in (*told.get("parts", ()), *filter(None, (told.get("from"), told.get("winner")))):
            one["layer"] = step.sources[one.pop("source", 0)]
        for term in told.get("terms", ()):
            term["origin"] = self._origin(step.sources[0], (*term["place"], term["channel"]))

    def _origin(self, name: str, at: At) -> dict:
        """Where a number was made that was only moved since: what a dense layer takes, as a place in a map."""
        while (source := self.rules[name].copied_from(self.steps[name], at)) is not None:
            name, at = self.steps[name].sources[0], source
        return {"layer": name, **spot(at)}

    def _norms(self) -> list[str]:
        return [name for name, rule in self.rules.items() if isinstance(rule, NORMS)]

    def _pools(self) -> list[str]:
        return [name for name, rule in self.rules.items() if isinstance(rule, MaxPooling)]
