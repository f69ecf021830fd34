"""From a classifier and raw rows to an explanation of each."""

from __future__ import annotations

import numpy as np

from bcdetect.classifier import Classifier
from bcdetect.errors import UsageError
from bcdetect.explain.explanation import Explanation
from bcdetect.explain.method import Method, Raw
from bcdetect.explain.methods import FOR_PICTURES, FOR_TABLES, METHODS
from bcdetect.explain.network import Network
from bcdetect.explain.resize import resize

PARTS = ("evidence", "channels", "promised")  # of a Raw
NUMBERS_AT_ONCE = 2**24  # that the layers may hold of all rows that are explained together


class Explainer:
    """One classifier, one method, one layer: checked once, then used for as many rows as there are."""

    def __init__(self, classifier: Classifier, method: str | None = None, layer: str | None = None):
        """Raises UsageError for a method or layer that is not there or cannot serve, and lists those that can."""
        self.classifier = classifier
        self.method_name = method or (FOR_PICTURES if classifier.takes_pictures else FOR_TABLES)
        if self.method_name not in METHODS:
            raise UsageError(f"there is no method {method!r}", hint=f"Take one of {', '.join(METHODS)}")
        self.method: Method = METHODS[self.method_name]
        self.networks = [Network(model) for model in classifier.models]
        if layer is not None:
            if not self.method.needs_layer:
                raise UsageError(f"{self.method.title} looks at the input itself and takes no layer", hint="Leave it out")
            self.networks[0].check_layer(layer)
        self.layer = (layer or self.networks[0].last_spatial_layer()) if self.method.needs_layer else None

    def explain(self, x: np.ndarray, missing: np.ndarray | None = None, class_name: str | None = None) -> list[Explanation]:
        """An explanation for every raw row x (N, ...), as `Classifier.predict_proba` takes them, for the class of this name.

        Without a name it is the positive class of two, and of more classes the one that each row is given. A row's
        explanation does not depend on the rows around it. Raises UsageError for a class that is not there.
        """
        number = None if class_name is None else self._number(class_name)
        step = self._rows_at_once()
        found: list[Explanation] = []
        for start in range(0, len(x), step):
            part = slice(start, start + step)
            found += self._explain(x[part], None if missing is None else missing[part], number)
        return found

    def _number(self, class_name: str) -> int:
        names = self.classifier.class_names
        if class_name not in names:
            raise UsageError(f"there is no class {class_name!r}", hint=f"Take one of {', '.join(names)}")
        return names.index(class_name)

    def _rows_at_once(self) -> int:
        return int(max(1, min(128, NUMBERS_AT_ONCE // self.networks[0].numbers_a_row())))

    def _explain(self, x, missing, number) -> list[Explanation]:
        classifier, names = self.classifier, self.classifier.class_names
        probabilities = classifier.predict_proba(x, *([] if missing is None else [missing]))
        if number is None:
            classes = np.full(len(x), 1) if len(names) == 2 else classifier.decide(probabilities)
        else:
            classes = np.full(len(x), number)
        ready = classifier.preprocessing.transform(*((x,) if missing is None else (x, missing)))
        raw, scores = self.raw(ready, classes)
        maps, gap = resize(np.maximum(raw.evidence, 0), ready.shape[1:-1]), raw.gap
        return [
            Explanation(
                names[classes[i]],
                self.method_name,
                self.layer,
                raw.evidence[i],
                maps[i],
                float(scores[i]),
                probabilities[i],
                None if raw.channels is None else raw.channels[i],
                None if gap is None else float(gap[i]),
            )
            for i in range(len(x))
        ]

    def raw(self, x: np.ndarray, classes: np.ndarray) -> tuple[Raw, np.ndarray]:
        """The mean evidence over networks and mirror images, and the mean score (N,), for rows x as the networks take them."""
        step = self._rows_at_once()
        parts = [self._raw(x[i : i + step], classes[i : i + step]) for i in range(0, len(x), step)]
        raws = [raw for raw, _ in parts]
        joined = (_joined([getattr(raw, name) for raw in raws]) for name in PARTS)
        return Raw(*joined), np.concatenate([scores for _, scores in parts])

    def _raw(self, x, classes):
        found, scores = [], []
        for network in self.networks:
            found.append(self.method.raw(network, x, classes, self.layer))
            scores.append(network.scores(x, classes))
            if self.classifier.views != "none":  # of shifted views those in the middle are enough for a map
                mirrored = np.ascontiguousarray(x[:, :, ::-1])
                other = self.method.raw(network, mirrored, classes, self.layer)
                found.append(Raw(other.evidence[:, :, ::-1], other.channels, other.promised))
                scores.append(network.scores(mirrored, classes))
        if len(found) == 1:
            return found[0], scores[0]
        return Raw(*(_mean([getattr(raw, name) for raw in found]) for name in PARTS)), np.mean(scores, axis=0)


def _joined(arrays):
    return None if arrays[0] is None else np.concatenate(arrays)


def _mean(arrays):
    return None if arrays[0] is None else np.mean(arrays, axis=0)


def explain(
    classifier: Classifier,
    x: np.ndarray,
    missing: np.ndarray | None = None,
    class_name: str | None = None,
    method: str | None = None,
    layer: str | None = None,
) -> list[Explanation]:
    """An explanation for every raw row; see `Explainer` and `Explainer.explain`.

    Without a method it is Grad-CAM for pictures, and integrated gradients for tables, where a convolution blurs neighbouring
    columns; without a layer the last one whose output has places.
    """
    return Explainer(classifier, method, layer).explain(x, missing, class_name)
