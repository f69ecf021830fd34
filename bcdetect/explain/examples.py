"""A few rows of a test part with their explanations, errors first, for the report of a run."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from bcdetect.classifier import Classifier
from bcdetect.datasets import Dataset
from bcdetect.explain.explaining import Explainer
from bcdetect.explain.folder import Asked, figure
from bcdetect.explain.sheet import judge, pages
from bcdetect.inputs import Input

NO_GRADE = "made with the training run, before any grade (python -m bcdetect audit-model)"
PICTURES, ROWS = 12, 3


def examples(classifier: Classifier, data: Dataset, rows: np.ndarray, truth: np.ndarray) -> Iterator:
    """Figures: a contact sheet of PICTURES pictures, or the bars of ROWS rows of a table.

    Shape: row numbers `rows` (n,) with the probability (n,) that each one's own class got: the lowest come first, which are the
    surest errors. UsageError without matplotlib, or where no layer can serve.
    """
    asked = Asked(Explainer(classifier), "", NO_GRADE)
    first = rows[np.argsort(truth, kind="stable")][: PICTURES if data.pictures else ROWS]
    if data.pictures:
        yield from pages(asked, data, judge(asked, data, first))
        return
    for row, found in zip(first, asked.explainer.explain(data.x[first]), strict=True):
        name = f"row {row + 1}, {data.class_names[data.y[row]]} by the reference standard"
        yield figure(asked, Input(int(row) + 1, 0, name, data.x[row]), found)
