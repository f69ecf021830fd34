"""The first step: how the row that a user has became the numbers that the network takes."""

from __future__ import annotations

import numpy as np

from bcdetect.classifier import Classifier
from bcdetect.errors import InputError
from bcdetect.inside.rules import Rule, by, counted
from bcdetect.preprocessing import as_channels


class Entrance(Rule):
    """The preprocessing of one raw row x: `form` "scaled"; a sequence that was not taken has the form "none"."""

    equation = "x = (value - mean) / std"

    def __init__(self, classifier: Classifier, x: np.ndarray, missing: np.ndarray | None):
        self.classifier, self.x, self.missing = classifier, x, missing
        pictures = classifier.takes_pictures
        what = "Each channel of the picture, counted in shares of full white," if pictures else "Each measurement"
        self.text = (
            f"{what} minus its mean over the training part, divided by its standard deviation there: 0 is ordinary, 2 is two "
            "deviations above." + " The row stands as a picture of one column, one place a feature." * (not pictures)
        )

    def arguments(self, step):
        """What the row is."""
        if not self.classifier.takes_pictures:
            return counted(len(self.x), "feature")
        return f"{by(self.classifier.input_shape[:2])} pixels, {counted(self.classifier.input_shape[2], 'channel')}"

    def number(self, step, inputs, at):
        """The user's own value, and what was taken off and divided by."""
        scaler, pictures = self.classifier.preprocessing, self.classifier.takes_pictures
        entry = at[-1] if pictures else at[0]
        if pictures and self.missing is not None and self.missing[entry]:
            text = "This sequence was not taken: 0, the training part's mean, stands for it everywhere."
            return {"form": "none", "text": text, "result": 0.0, "magnitude": 0.0}
        raw = float(as_channels(self.x, len(scaler.mean))[at] if pictures else self.x[entry])
        white = float(np.iinfo(self.x.dtype).max) if pictures else 1.0
        mean, std = float(scaler.mean[entry]), float(scaler.std[entry])
        return {
            "form": "scaled",
            "text": f"({'value / white' if pictures else 'value'} - mean) / std, both of the training part.",
            "name": self._name(entry),
            "value": raw,
            "white": white if pictures else None,
            "mean": mean,
            "std": std,
            "result": (raw / white - mean) / std,
            "magnitude": (abs(raw / white) + abs(mean)) / std,
        }

    def _name(self, entry: int) -> str | None:
        names = self.classifier.sequences if self.classifier.takes_pictures else self.classifier.feature_names
        return names[entry] if names else None


def checked(classifier: Classifier, x: np.ndarray, missing: np.ndarray | None) -> tuple[np.ndarray, ...]:
    """One raw row as a batch of one, as `Classifier.predict_proba` takes it. Raises InputError for what is no such row."""
    x = np.asarray(x)
    if classifier.takes_pictures:
        return _picture(classifier, x, missing)
    if x.shape != (len(classifier.feature_names),) or x.dtype.kind not in "fiu":
        raise InputError(f"a row of shape {x.shape} is not the {counted(len(classifier.feature_names), 'number')} of the model")
    if missing is not None:
        raise InputError("a row of a table has no sequences that may be missing", hint="Leave `missing` out")
    beyond = classifier.preprocessing.beyond(x[None])[0]
    if beyond.any():
        name = classifier.feature_names[int(beyond.argmax())]
        raise InputError("the value is beyond what the model can take", where=f"column {name!r}")
    return (x[None],)


def _picture(classifier, x, missing):
    height, width, channels = classifier.input_shape
    counts = (channels,) if classifier.sequences else (1, 3, channels)
    if x.ndim != 3 or x.shape[:2] != (height, width) or x.shape[2] not in counts or x.dtype not in (np.uint8, np.uint16):
        wanted = f"{by(classifier.input_shape)} of 8 or 16 bits"
        raise InputError(f"a picture of shape {x.shape} and type {x.dtype} does not fit the model, which takes {wanted}")
    if missing is None:
        return (x[None],)
    missing = np.asarray(missing)
    if missing.shape != (channels,) or missing.dtype != bool:
        raise InputError(f"`missing` must say of each of {counted(channels, 'channel')} whether it is not there, True or False")
    return x[None], missing[None]
