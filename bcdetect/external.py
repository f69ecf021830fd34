"""One saved model on labelled data that it was not made with: external testing."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from bcdetect import NOTICE, metrics
from bcdetect.classifier import Classifier
from bcdetect.datasets import Dataset, load_dataset
from bcdetect.errors import InputError
from bcdetect.evaluation import score_part


@dataclass(frozen=True)
class External:
    """What the model is worth on `data`: scores with intervals by model and metric, and the counts (K, K)."""

    data: Dataset
    scores: dict[str, dict[str, dict]]
    confusion: np.ndarray
    warnings: list[str]

    def to_json(self, digest: str) -> dict:
        """Ready for `json`."""
        return {
            "notice": NOTICE,
            "model_sha256": digest,
            "data": self.data.provenance,
            "rows": len(self.data.y),
            "class_names": self.data.class_names,
            "scores": self.scores,
            "confusion": self.confusion.tolist(),
            "warnings": self.warnings,
        }


def load_for(classifier: Classifier, path: str, label=None, positive=None, group=None, skip_bad=False) -> Dataset:
    """Labelled data in the form that the model takes, its classes numbered as the model's. Raises InputError."""
    size = classifier.input_shape[0] if classifier.takes_pictures else 0
    data = load_dataset(path, label, positive, group, size=size, skip_bad=skip_bad)
    if data.pictures != classifier.takes_pictures:
        kinds = {True: "pictures", False: "a table"}
        raise InputError(f"this is {kinds[data.pictures]}, and the model takes {kinds[not data.pictures]}", file=path)
    data = _in_model_form(classifier, data, path)
    strange = [name for name in data.class_names if name not in classifier.class_names]
    if strange:
        known = ", ".join(map(repr, classifier.class_names))
        raise InputError(f"the model knows no class {strange[0]!r}; it knows {known}", file=path, hint="Name the classes alike")
    number = np.array([classifier.class_names.index(name) for name in data.class_names])
    return replace(data, y=number[data.y], class_names=classifier.class_names)


def evaluate(classifier: Classifier, data: Dataset) -> External:
    """Judge the model on every row of the data or, where a split came with it, on its test part.

    Beside it stands the class that was most frequent in its training part. Intervals are bootstraps over groups where there are
    groups (see `evaluation.score_part`).
    """
    warnings = []
    if classifier.card.get("data", {}).get("sha256") == data.provenance.get("sha256"):
        warnings.append("this is the data that the model was made with: its rows of the training part make the numbers too good")
    if data.parts is not None:
        data = data.subset(np.flatnonzero(data.parts == "test"))
        warnings.append(f"a split came with the data: judged on its test part, {len(data.y)} rows")
    classes, rows = len(data.class_names), np.arange(len(data.y))
    counts = np.array([classifier.card["parts"]["train"]["classes"][name] for name in data.class_names], float)
    probabilities = {
        "model": classifier.predict_rows(data, rows),
        "majority class": np.tile(counts / counts.sum(), (len(rows), 1)),
    }
    scores = {
        name: score_part(data.y, p, classifier.decide(p), data.class_names, data.groups) for name, p in probabilities.items()
    }
    confusion = metrics.confusion_matrix(data.y, classifier.decide(probabilities["model"]), classes)
    return External(data, scores, confusion, warnings)


def _in_model_form(classifier: Classifier, data: Dataset, path: str) -> Dataset:
    """Columns, sequences and channels in the model's order and number."""
    if not data.pictures:
        from bcdetect.columns import match_columns

        mapping, missing = match_columns(classifier.feature_names, data.feature_names, file=path)
        if missing:
            raise InputError(f"columns are missing: {', '.join(map(repr, missing))}", file=path, where="header")
        at = [data.feature_names.index(mapping[name]) for name in classifier.feature_names]
        return replace(data, x=data.x[:, at], feature_names=classifier.feature_names)
    height, width, channels = classifier.input_shape
    if data.x.shape[1:3] != (height, width):  # of files they were fitted when they were read
        raise InputError(
            f"pictures of {data.x.shape[1]} x {data.x.shape[2]} pixels; the model takes {height} x {width}", file=path
        )
    wanted = list(classifier.card.get("data", {}).get("sequences", []))
    present = list(data.provenance.get("sequences", []))
    if wanted != present:
        lost = [name for name in wanted if name not in present]
        if lost or not wanted:
            raise InputError(
                f"has the sequences {present or 'of one picture'}; the model takes {wanted or 'one picture'}",
                file=path,
                hint="A sequence that was never taken is a column of empty cells",
            )
        at = [present.index(name) for name in wanted]
        return replace(data, x=data.x[..., at], missing=None if data.missing is None else data.missing[:, at])
    if data.x.shape[-1] != channels:
        from bcdetect.predict import as_channels

        return replace(data, x=as_channels(data.x, channels))
    return data
