"""A trained network together with all it takes to use it on a raw row: there is no way to predict without it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

import tinycnn as tc
from bcdetect.baselines import class_probabilities
from bcdetect.preprocessing import PictureScaler, Standardiser


@dataclass
class Classifier:
    """Raw rows of a table, or pictures, in; class probabilities out. Of two classes the second is the positive one.

    `threshold` is the probability from which on a row is called positive (two classes only). `card` holds facts of the run for
    people to read: settings, data fingerprint, versions; nothing computes with it.
    """

    model: tc.Sequential
    preprocessing: Standardiser | PictureScaler
    feature_names: tuple[str, ...]
    class_names: tuple[str, ...]
    threshold: float = 0.5
    card: dict = field(default_factory=dict)

    @property
    def positive(self) -> str | None:
        """The positive class's name; None for three and more classes."""
        return self.class_names[1] if len(self.class_names) == 2 else None

    @property
    def takes_pictures(self) -> bool:
        """Whether rows are pictures (N, H, W, C), not measurements (N, F)."""
        return isinstance(self.preprocessing, PictureScaler)

    def predict_proba(self, x: np.ndarray, missing: np.ndarray | None = None) -> np.ndarray:
        """Probabilities (N, K) float32 for raw rows x; of pictures, `missing` (N, C) says which sequences are not there.

        A row's bits do not depend on the rows around it.
        """
        given = () if missing is None else (missing,)
        return class_probabilities(self.model.predict_proba(self.preprocessing.transform(x, *given)))

    def decide(self, probabilities: np.ndarray) -> np.ndarray:
        """Class numbers (N,) for probabilities (N, K): by the threshold for two classes, else the likeliest."""
        if len(self.class_names) == 2:
            return (probabilities[:, 1] >= self.threshold).astype(np.intp)
        return probabilities.argmax(axis=1)
