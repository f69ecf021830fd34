"""Explanations of many inputs, each written as it comes: its map, its JSON, its picture."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bcdetect import plots
from bcdetect.classifier import Classifier
from bcdetect.explain import words
from bcdetect.explain.explaining import Explainer
from bcdetect.explain.explanation import Explanation
from bcdetect.explain.methods import METHODS
from bcdetect.explain.planes import full_colour, planes_of
from bcdetect.explain.record import features, record, summary
from bcdetect.inputs import Input, arrays, batches

NUMBERS_AT_ONCE = 2**24  # of the maps that are held together


@dataclass(frozen=True)
class Asked:
    """What is asked of a model: `class_name` None is the positive class, or of more than two the one that is decided on."""

    explainer: Explainer
    digest: str
    grade: str
    class_name: str | None = None

    @property
    def classifier(self) -> Classifier:
        """The model."""
        return self.explainer.classifier


def explained(asked: Asked, inputs: Iterable[Input]) -> Iterator[tuple[Input, Explanation | None]]:
    """Each input with its explanation, None for one with a problem; see `inputs.batches` for the order."""
    at_once = max(1, min(64, NUMBERS_AT_ONCE // int(np.prod(asked.classifier.input_shape[:-1]))))
    for batch in batches(inputs, at_once):
        if batch[0].problem is not None:
            yield batch[0], None
        else:
            yield from zip(batch, asked.explainer.explain(*arrays(batch), class_name=asked.class_name), strict=True)


def strongest(asked: Asked, inputs: Iterable[Input]) -> float:
    """The largest strength of all; 0 where every map is blank."""
    return max((found.strength for _, found in explained(asked, inputs) if found is not None), default=0.0)


def write(asked: Asked, inputs: Iterable[Input], count: int, folder: Path, top: float | None = None, on_input=None) -> list[dict]:
    """Write every input's files; returns a record of each (see `record.record`; one with a problem has `problem`), in order.

    Files are numbered as the inputs, of which there are `count`. `top` is the strength of full colour where they share a scale.
    Without matplotlib there are no pictures.
    """
    rows = []
    for each, found in explained(asked, inputs):
        if found is None:
            rows.append({"input": each.name or None, "row": each.row, "problem": each.problem, "line": each.line})
        else:
            stem = words.file_stem(each, count)
            content = record(asked.classifier, asked.digest, asked.grade, each, found, top)
            if asked.classifier.takes_pictures:
                np.save(folder / f"{stem}.npy", np.ascontiguousarray(found.map, np.float32), allow_pickle=False)
            (folder / f"{stem}.json").write_text(json.dumps(content, indent=1, allow_nan=False) + "\n", encoding="utf-8")
            if plots.available():
                plots.save_figure(figure(asked, each, found, top), folder / f"{stem}.png")
            rows.append({**content, "files": stem, "said": words.line_of(asked.classifier, each, found, content["reason"])})
        if on_input is not None:
            on_input(len(rows))
    rows.sort(key=lambda row: row["row"])
    (folder / "summary.csv").write_text(summary(asked.classifier, rows), encoding="utf-8")
    return rows


def figure(asked: Asked, each: Input, found: Explanation, top: float | None = None):
    """The overlay of a picture, or the bars of a table's row. UsageError without matplotlib."""
    from bcdetect.explain.plots import feature_bars, overlay

    classifier = asked.classifier
    caption = words.caption(classifier, found, asked.grade, top is not None)
    said = {"title": words.title(found), "unit": words.unit(found)}
    if classifier.takes_pictures:
        said["blank"] = words.evidence(found).partition(",")[0]
        scale = full_colour(found.strength, found.raw) if top is None else top
        planes, outline = planes_of(classifier, each.x, each.missing), words.outlined(found)
        return overlay(words.heading(each), planes, found.map, scale, found.peak, outline, said, caption)
    others = [name for name in classifier.class_names if name != found.class_name]
    sides = found.class_name, others[0] if len(others) == 1 else "other classes"
    signed = METHODS[found.method].signed and METHODS[found.method].knows_class
    if signed:
        said["unit"] += f": above 0 for {sides[0]}, below 0 for {sides[1]}"
    add_up = signed and found.raw.shape == found.map.shape  # a layer's places are spread over several features each
    return feature_bars(words.heading(each), features(classifier, each, found), sides, add_up, said, caption)
