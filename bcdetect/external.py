"""One saved model on labelled data: external testing, and of its own data on the test part."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass

import numpy as np

from bcdetect import NOTICE, metrics
from bcdetect.assessment import assess, by_subgroup
from bcdetect.baselines import likeliest
from bcdetect.classifier import Classifier
from bcdetect.columns import match_columns
from bcdetect.datasets import Dataset, load_dataset
from bcdetect.errors import InputError
from bcdetect.gate import read_bytes
from bcdetect.held_out import held_out, made_with
from bcdetect.scores import score_part
from bcdetect.table import read_table


@dataclass(frozen=True)
class External:
    """What the model is worth on `rows` of `data`: scores with intervals by model and metric, and the counts (K, K)."""

    data: Dataset
    rows: np.ndarray
    scores: dict[str, dict[str, dict]]
    confusion: np.ndarray
    warnings: list[str]
    assessment: dict
    subgroups: dict  # by column and value, see `assessment.by_subgroup`

    def to_json(self, digest: str) -> dict:
        """Ready for `json`."""
        return {
            "notice": NOTICE,
            "model_sha256": digest,
            "data": self.data.provenance,
            "rows": len(self.rows),
            "class_names": self.data.class_names,
            "scores": self.scores,
            "confusion": self.confusion.tolist(),
            **self.assessment,
            "subgroups": self.subgroups,
            "warnings": self.warnings,
        }


def load_for(
    classifier: Classifier, path: str, label: str | None = None, group: str | None = None, skip_bad: bool = False, on_picture=None
) -> Dataset:
    """Labelled data as the model takes it: its columns or sequences by name, its classes by name. Raises InputError.

    `label` and `group` are by default the columns that the model was trained with, where a table or manifest has them. Of the
    table that it was trained with, the bad rows are left out where they were in training.
    """
    size = classifier.input_shape[0] if classifier.takes_pictures else 0
    own = _own_columns(classifier, path)
    label, group = label or own.get("label"), group or own.get("group")
    skip_bad = skip_bad or _left_some_out(classifier, path)
    data = load_dataset(path, label, group=group, size=size, skip_bad=skip_bad, on_picture=on_picture, needs=classifier.needs)
    if data.pictures != classifier.takes_pictures:
        kinds = {True: "pictures", False: "a table"}
        raise InputError(f"this is {kinds[data.pictures]}, and the model takes {kinds[not data.pictures]}", file=path)
    if not data.pictures:
        _refuse_beyond(classifier, data, path)
        return data
    height, width, channels = classifier.input_shape
    if data.x.shape[1:3] != (height, width):  # of files they were fitted when they were read
        what = f"pictures of {data.x.shape[1]} x {data.x.shape[2]} pixels; the model takes {height} x {width}"
        raise InputError(what, file=path)
    if classifier.sequences and not data.provenance.get("sequences"):
        hint = f"Pass a manifest CSV with the columns {', '.join(classifier.sequences)}"
        raise InputError("these are single pictures, and the model takes the sequences of an exam", file=path, hint=hint)
    if not classifier.sequences and not {channels, data.x.shape[-1]} <= {1, 3}:
        raise InputError(f"pictures of {data.x.shape[-1]} channels; the model takes {channels}", file=path)
    return data


def _own_columns(classifier: Classifier, path: str) -> dict[str, str]:
    """The columns by which the model's own rows were labelled and grouped, where a table or manifest has such."""
    settings = classifier.card.get("settings", {})
    own = {key: settings[key] for key in ("label", "group") if settings.get(key)}
    if not own or not path.lower().endswith(".csv"):
        return {}
    found, _ = match_columns(list(own.values()), read_table(path).columns, file=path)
    return {key: found[name] for key, name in own.items() if name in found}


def _left_some_out(classifier: Classifier, path: str) -> bool:
    """Whether this is the table that the model was trained with, less its bad rows."""
    then = classifier.card.get("data", {})
    if then.get("source") != "table" or not then.get("bad") or not os.path.isfile(path):
        return False
    return hashlib.sha256(read_bytes(path)).hexdigest() == then.get("sha256")


def _refuse_beyond(classifier: Classifier, data: Dataset, path: str) -> None:
    beyond = classifier.preprocessing.beyond(data.x)
    if beyond.any():
        row = int(beyond.any(axis=1).argmax())
        name = data.feature_names[int(beyond[row].argmax())]
        what, which = "the value is beyond what the model can take", f"row {row + 1}" if data.names is None else data.names[row]
        raise InputError(what, file=path, where=f"{which}, column {name!r}", hint="Correct or remove the row")


def evaluate(classifier: Classifier, data: Dataset, subgroups: dict[str, np.ndarray] | None = None) -> External:
    """Judge the model on the rows of the data that it may be judged by, see `held_out`.

    Beside it stands the class that was most frequent in its training part. Intervals are bootstraps over groups where there are
    groups (see `scores.score_part`). `subgroups` are columns (N,) of str, each value of which is judged by itself too. Raises
    InputError as `held_out` does.
    """
    rows, which = held_out(classifier, data)
    warnings = []
    if len(rows) < len(data.y) or made_with(classifier, data):
        warnings.append(f"judged on {which}; {len(rows)} of {len(data.y)} rows")
    y, groups = data.y[rows], None if data.groups is None else data.groups[rows]
    raw = classifier.raw_rows(data, rows)
    probabilities = {"model": classifier.judgement.calibrated(raw)}
    if "parts" in classifier.card:  # of train; a classifier that was put together by hand has none
        counts = np.array([classifier.card["parts"]["train"]["classes"][name] for name in data.class_names], float)
        probabilities["majority class"] = np.tile(counts / counts.sum(), (len(rows), 1))
    p = probabilities["model"]
    called = classifier.decide(p)
    scores = {
        name: score_part(y, each, called if name == "model" else likeliest(each), data.class_names, groups)
        for name, each in probabilities.items()
    }
    confusion = metrics.confusion_matrix(y, called, len(data.class_names))
    names = [f"row {row + 1}" for row in rows] if data.names is None else data.names[rows]
    assessment = assess(classifier, y, raw, classifier.referral_rows(p, data, rows), names, groups)
    inside = {
        name: by_subgroup(values[rows], y, p, called, data.class_names, groups) for name, values in (subgroups or {}).items()
    }
    return External(data, rows, scores, confusion, warnings, assessment, inside)
