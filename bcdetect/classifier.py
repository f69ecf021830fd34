"""Trained networks together with all it takes to use it on a raw row: there is no way to predict without it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

import tinycnn as tc
from bcdetect.baselines import class_probabilities
from bcdetect.datasets import Dataset, Needs
from bcdetect.preprocessing import PictureScaler, Standardiser
from bcdetect.views import views

AT_ONCE = 256  # rows


@dataclass
class Classifier:
    """Raw rows of a table, or pictures, in; class probabilities out. Of two classes the second is the positive one.

    The probabilities are the mean over the networks and, of pictures, over the `views` of each. `threshold` is the
    probability from which on a row is called positive (two classes only). `card` holds facts of the run for people to read:
    settings, data fingerprint, versions; nothing computes with it.
    """

    models: list[tc.Sequential]
    preprocessing: Standardiser | PictureScaler
    feature_names: tuple[str, ...]
    class_names: tuple[str, ...]
    threshold: float = 0.5
    card: dict = field(default_factory=dict)
    views: str = "none"

    @property
    def input_shape(self) -> tuple[int, ...]:
        """What the networks take, without the rows."""
        return self.models[0].input_shape

    @property
    def positive(self) -> str | None:
        """The positive class's name; None for three and more classes."""
        return self.class_names[1] if len(self.class_names) == 2 else None

    @property
    def takes_pictures(self) -> bool:
        """Whether rows are pictures (N, H, W, C), not measurements (N, F)."""
        return isinstance(self.preprocessing, PictureScaler)

    @property
    def sequences(self) -> tuple[str, ...]:
        """The names of the sequences of an exam that are its channels; none where a row is one picture, or of a table."""
        data = self.card.get("data")
        names = data.get("sequences") if isinstance(data, dict) else None
        whole = self.takes_pictures and isinstance(names, list) and len(names) == self.input_shape[-1] > 1
        return tuple(map(str, names)) if whole else ()

    @property
    def needs(self) -> Needs:
        """What data must have for it."""
        return Needs(self.takes_pictures, self.class_names, self.sequences if self.takes_pictures else self.feature_names)

    def predict_proba(self, x: np.ndarray, missing: np.ndarray | None = None) -> np.ndarray:
        """Probabilities (N, K) float32 for raw rows x; of pictures, `missing` (N, C) says which sequences are not there.

        A row's bits do not depend on the rows around it.
        """
        given = (x,) if missing is None else (x, missing)
        found = [self._answers(*(array[i : i + AT_ONCE] for array in given)) for i in range(0, len(x), AT_ONCE)]
        return np.concatenate(found) if found else np.empty((0, len(self.class_names)), np.float32)

    def predict_rows(self, data: Dataset, rows: np.ndarray) -> np.ndarray:
        """`predict_proba` for some rows of a data set, which need not fit into memory. Shape: (n, K)."""
        return np.concatenate([self.predict_proba(*part.inputs()) for part in data.chunks(rows)])

    def _answers(self, x: np.ndarray, missing: np.ndarray | None = None) -> np.ndarray:
        x = self.preprocessing.transform(*((x,) if missing is None else (x, missing)))
        found = [class_probabilities(model.predict_proba(view)) for model in self.models for view in views(x, self.views)]
        return found[0] if len(found) == 1 else np.mean(found, axis=0, dtype=np.float32)

    def decide(self, probabilities: np.ndarray) -> np.ndarray:
        """Class numbers (N,) for probabilities (N, K): by the threshold for two classes, else the likeliest."""
        if len(self.class_names) == 2:
            return (probabilities[:, 1] >= self.threshold).astype(np.intp)
        return probabilities.argmax(axis=1)
