"""Trained networks together with all it takes to use it on a raw row: there is no way to predict without it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

import tinycnn as tc
from bcdetect.baselines import class_probabilities
from bcdetect.datasets import Dataset, Needs
from bcdetect.judgement import Judgement, Referral
from bcdetect.preprocessing import PictureScaler, Standardiser
from bcdetect.views import views

AT_ONCE = 256  # rows


@dataclass
class Classifier:
    """Raw rows of a table, or pictures, in; class probabilities out. Of two classes the second is the positive one.

    The networks' probabilities are the mean over them and, of pictures, over the `views` of each; `judgement` calibrates them,
    and says from which one on a row is called positive (two classes only) and which rows to refer. `card` holds facts of the
    run for people to read: settings, data fingerprint, versions; nothing computes with it.
    """

    models: list[tc.Sequential]
    preprocessing: Standardiser | PictureScaler
    feature_names: tuple[str, ...]
    class_names: tuple[str, ...]
    card: dict = field(default_factory=dict)
    views: str = "none"
    judgement: Judgement = field(default_factory=Judgement)
    _front: tc.Sequential | None = field(default=None, init=False, repr=False)

    @property
    def threshold(self) -> float:
        """The probability from which on a row is called positive."""
        return self.judgement.threshold

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
        """Calibrated probabilities (N, K) float32 for raw rows x; of pictures, `missing` (N, C): which sequences are not there.

        A row's bits do not depend on the rows around it.
        """
        return self.judgement.calibrated(self.raw_proba(x, missing))

    def predict_rows(self, data: Dataset, rows: np.ndarray) -> np.ndarray:
        """`predict_proba` for some rows of a data set, which need not fit into memory. Shape: (n, K)."""
        return self.judgement.calibrated(self.raw_rows(data, rows))

    def raw_proba(self, x: np.ndarray, missing: np.ndarray | None = None) -> np.ndarray:
        """The networks' own probabilities, as `predict_proba` before calibration."""
        given = (x,) if missing is None else (x, missing)
        found = [self._answers(*(array[i : i + AT_ONCE] for array in given)) for i in range(0, len(x), AT_ONCE)]
        return np.concatenate(found) if found else np.empty((0, len(self.class_names)), np.float32)

    def raw_rows(self, data: Dataset, rows: np.ndarray) -> np.ndarray:
        """`raw_proba` for some rows of a data set. Shape: (n, K)."""
        return np.concatenate([self.raw_proba(*part.inputs()) for part in data.chunks(rows)])

    @property
    def has_features(self) -> bool:
        """Whether the networks end in a dense layer that something lies in front of."""
        layers = self.models[0].layers
        return len(layers) > 1 and isinstance(list(layers.values())[-1], tc.Dense)

    def features(self, x: np.ndarray, missing: np.ndarray | None = None) -> np.ndarray:
        """What the last dense layer of the first network takes, for raw rows x. Shape: (N, D) float32.

        One network's view of a row, plain and unmirrored, is enough to tell a strange one.
        """
        if self._front is None:
            self._front = self.models[0].cut(list(self.models[0].layers)[-2])[0]
        given = (x,) if missing is None else (x, missing)
        found = []
        for i in range(0, len(x), AT_ONCE):
            found.append(self._front.predict(self.preprocessing.transform(*(array[i : i + AT_ONCE] for array in given))))
        return np.concatenate(found).reshape(len(x), -1) if found else np.empty((0, *self._front.output_shape), np.float32)

    def feature_rows(self, data: Dataset, rows: np.ndarray) -> np.ndarray:
        """`features` for some rows of a data set. Shape: (n, D)."""
        return np.concatenate([self.features(*part.inputs()) for part in data.chunks(rows)])

    def referrals(self, probabilities: np.ndarray, x: np.ndarray, missing: np.ndarray | None = None) -> list[Referral]:
        """For raw rows x, and what `predict_proba` gave for them, what each may be, and why it is to be referred."""
        features = None if self.judgement.distance is None else self.features(x, missing)
        table = None if self.takes_pictures else x
        return self.judgement.referrals(probabilities, self.class_names, table, self.feature_names, features)

    def referral_rows(self, probabilities: np.ndarray, data: Dataset, rows: np.ndarray) -> list[Referral]:
        """`referrals` for some rows of a data set, with their probabilities (n, K)."""
        found: list[Referral] = []
        for part in data.chunks(rows):
            found += self.referrals(probabilities[len(found) : len(found) + len(part.y)], *part.inputs())
        return found

    def every_proba(self, x: np.ndarray, missing: np.ndarray | None = None) -> np.ndarray:
        """What each network says of each view of raw rows x, all at once: (networks, views, N, K) float32.

        `mean_of` makes `raw_proba` of it.
        """
        x = self.preprocessing.transform(*((x,) if missing is None else (x, missing)))
        seen = views(x, self.views)
        return np.stack([[class_probabilities(model.predict_proba(view)) for view in seen] for model in self.models])

    def _answers(self, x: np.ndarray, missing: np.ndarray | None = None) -> np.ndarray:
        return mean_of(self.every_proba(x, missing))

    def decide(self, probabilities: np.ndarray) -> np.ndarray:
        """Class numbers (N,) for probabilities (N, K): by the threshold for two classes, else the likeliest."""
        return self.judgement.decide(probabilities)


def mean_of(every: np.ndarray) -> np.ndarray:
    """The mean over networks and views. Shape: (networks, views, N, K) -> (N, K)."""
    found = every.reshape(-1, *every.shape[2:])
    return found[0] if len(found) == 1 else np.mean(found, axis=0, dtype=np.float32)
