"""Which rows of labelled data a saved model may be judged by: none that it was trained on, where that can be known."""

from __future__ import annotations

import numpy as np

from bcdetect.classifier import Classifier
from bcdetect.config import Config
from bcdetect.datasets import Dataset
from bcdetect.errors import InputError
from bcdetect.splits import official, split


def held_out(classifier: Classifier, data: Dataset) -> tuple[np.ndarray, str]:
    """Row numbers, and which they are in words.

    The test part of the data that the model was made with, by its own split; of other data the test part that came with it, or
    all rows. Raises InputError where a part that came with the data is empty.
    """
    if (parts := own_parts(classifier, data)) is not None:
        return parts["test"], "the test part that the model was not trained on"
    if data.parts is None:
        return np.arange(len(data.y)), "all rows, which the model must not have been trained on: no split came with the data"
    rows = np.flatnonzero(data.parts == "test")
    if not len(rows):
        raise InputError("the split that came with the data has no test rows", hint="Leave it out to take all rows")
    return rows, "the test part that came with the data"


def own_parts(classifier: Classifier, data: Dataset) -> dict[str, np.ndarray] | None:
    """The parts of the data that the classifier was made with; None for other data, or a classifier without its settings.

    Raises InputError where rows are grouped by another column now than then: the parts would not be the same.
    """
    card = classifier.card.get("data", {})
    digest = card.get("sha256")
    if digest is None or digest != data.provenance.get("sha256") or "settings" not in classifier.card:
        return None
    if data.parts is not None:
        return official(data)
    if data.provenance.get("group") != card.get("group"):
        how = f"by {card['group']!r}" if card.get("group") else "row by row"
        what = f"the model was made with this data split {how}, and rows are grouped by {data.provenance.get('group')!r} now"
        raise InputError(what, file=data.provenance.get("file", ""), hint="Leave --group out")
    config = settings_of(classifier)
    return split(data.y, data.groups, config.validation_size, config.test_size, config.seed, data.class_names)


def settings_of(classifier: Classifier) -> Config:
    """The settings that the classifier was trained with, less the file names, which are of its maker's machine."""
    settings = {name: value for name, value in classifier.card["settings"].items() if name not in ("data", "init")}
    return Config().with_values(settings | {"freeze": ()})
