"""What is questioned: a way to explain a classifier, some labelled rows, and the maps that it draws for them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from bcdetect.baselines import class_probabilities
from bcdetect.classifier import Classifier
from bcdetect.datasets import Dataset
from bcdetect.explain.explaining import Explainer
from bcdetect.explain.resize import resize
from bcdetect.intervals import stratified_bootstrap
from bcdetect.views import views

RESAMPLES = 1000


@dataclass(frozen=True)
class Subject:
    """`explainer` and the labelled rows `data` (N) that it is questioned on; the model should not have been trained on them."""

    explainer: Explainer
    data: Dataset

    @property
    def classifier(self) -> Classifier:
        """Whose explanations they are."""
        return self.explainer.classifier

    @cached_property
    def x(self) -> np.ndarray:
        """The rows as the networks take them. Shape: (N, H, W, C) float32."""
        return self.classifier.preprocessing.transform(*self.data.inputs())

    @cached_property
    def predicted(self) -> np.ndarray:
        """The class that each row is given. Shape: (N,)."""
        return self.classifier.decide(self.classifier.predict_proba(*self.data.inputs()))

    @cached_property
    def maps(self) -> np.ndarray:
        """What speaks for the class that each row is given, at the method's own resolution. Shape: (N, h, w)."""
        return self.evidence(self.x, self.predicted)

    def evidence(self, x: np.ndarray, classes: np.ndarray, explainer: Explainer | None = None) -> np.ndarray:
        """What speaks for `classes` (N,) in rows x, nothing below 0. Shape: (N, h, w)."""
        return np.maximum((explainer or self.explainer).raw(x, classes)[0].evidence, 0)

    def drawn(self, maps: np.ndarray) -> np.ndarray:
        """Maps at the size of the networks' input. Shape: (N, h, w) -> (N, H, W)."""
        return resize(maps, self.x.shape[1:-1])

    def answers(self, x: np.ndarray) -> np.ndarray:
        """The calibrated probabilities (N, K) of rows x as the networks take them: the mean over networks and, as the maps, over
        mirror images.
        """
        seen = views(x, "none" if self.classifier.views == "none" else "flip")
        found = [class_probabilities(network.model.predict_proba(view)) for network in self.explainer.networks for view in seen]
        return self.classifier.judgement.calibrated(np.mean(found, axis=0))

    def mean(self, values: np.ndarray, rows: np.ndarray | slice = slice(None)) -> tuple[float, float, float]:
        """The mean of a number a row, and its 95 % interval over rows, or over patients where the data names them."""
        groups = None if self.data.groups is None else self.data.groups[rows]
        values = np.asarray(values, np.float64)
        low, high = stratified_bootstrap(
            np.zeros(len(values), int), values, lambda _, drawn: float(drawn.mean()), RESAMPLES, groups=groups
        )
        return float(values.mean()), low, high
