"""Which rows of labelled data a saved model may be judged by: none that it was trained on, where that can be known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bcdetect.classifier import Classifier
from bcdetect.config import Config
from bcdetect.datasets import Dataset
from bcdetect.datasets.bad_rows import row_of
from bcdetect.errors import InputError
from bcdetect.splits import official, part_counts, split

OTHERS = "which the model must not have been trained on: no split came with the data"


def held_out(classifier: Classifier, data: Dataset) -> tuple[np.ndarray, str]:
    """Row numbers, and which they are in words.

    The test part of the data that the model was made with, by its own split; of other data the test part that came with it, or
    all rows. Raises InputError where the test part that came with the data is empty, and as `own_parts` does.
    """
    if (parts := own_parts(classifier, data)) is not None:
        return parts["test"], "the test part that the model was not trained on"
    if data.parts is None:
        own = made_with(classifier, data)
        why = "though it was trained on some, and which is not known: the numbers are too good" if own else OTHERS
        return np.arange(len(data.y)), f"all rows, {why}"
    rows = np.flatnonzero(data.parts == "test")
    if not len(rows):
        raise InputError("the split that came with the data has no test rows", hint="Leave it out to take all rows")
    return rows, "the test part that came with the data"


def own_parts(classifier: Classifier, data: Dataset) -> dict[str, np.ndarray] | None:
    """The parts of the data that the classifier was made with; None for other data, or a classifier without its settings.

    Raises InputError where they cannot be made again: classes, groups or rows that were left out are others now than then.
    """
    if not made_with(classifier, data) or "settings" not in classifier.card:
        return None
    then, now = classifier.card["data"], data.provenance
    for key, done in (("label", "labelled"), ("group", "split")):
        if then.get(key) not in (None, now.get(key)):
            what = f"the model was made with this data {done} by {then[key]!r}, not by {now.get(key)!r} as now"
            raise InputError(what, file=now.get("file", ""), hint=f"Pass --{key} {then[key]}")
    if now.get("source") == "table" and then.get("bad", []) != [row_of(line) for line in now.get("bad", [])]:
        fewer = f"the model was made with this data less {len(then.get('bad', []))} bad rows, and now others are left out"
        what = f"{fewer}: which rows it was trained on is not known"
        raise InputError(what, file=now.get("file", ""), hint="Pass the label and group that it was made with")
    if then.get("group") is None:  # rows that are grouped only now were split one by one
        data = replace(data, groups=None)
    config = settings_of(classifier)
    sizes = config.validation_size, config.test_size
    parts = official(data) if data.parts is not None else split(data.y, data.groups, *sizes, config.seed, data.class_names)
    counts = part_counts(data, parts)
    if classifier.card.get("parts", counts) != counts:
        what = "the model was made with this data, and other labels or groups: which rows it was trained on is not known"
        raise InputError(what, file=now.get("file", ""), hint="Pass the labels and groups that it was made with")
    return parts


def made_with(classifier: Classifier, data: Dataset) -> bool:
    """Whether this is the data that the classifier was made with, to the byte."""
    digest = classifier.card.get("data", {}).get("sha256")
    return digest is not None and digest == data.provenance.get("sha256")


def settings_of(classifier: Classifier) -> Config:
    """The settings that the classifier was trained with, less the file names, which are of its maker's machine."""
    settings = {name: value for name, value in classifier.card["settings"].items() if name not in ("data", "init")}
    return Config().with_values(settings | {"freeze": ()})
