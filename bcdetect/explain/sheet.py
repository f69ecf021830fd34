"""A whole test part at a glance: every picture with its map, the errors that the model was surest of first."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from bcdetect.datasets import Dataset
from bcdetect.explain import words
from bcdetect.explain.explanation import Explanation
from bcdetect.explain.folder import Asked
from bcdetect.explain.methods import METHODS
from bcdetect.explain.planes import planes_of, together
from bcdetect.predict import noun, percent

A_PAGE = 40


@dataclass(frozen=True)
class Judged:
    """One row of the data: what it is by the reference standard, what the model says, and how strong the evidence is."""

    row: int
    name: str
    reference: str
    predicted: str
    probabilities: np.ndarray
    class_name: str
    strength: float
    against: float
    peak: tuple[int, ...] | None
    truth: float  # the probability that the model gave to the reference standard's class

    @property
    def right(self) -> bool:
        """Whether the model says what the reference standard says."""
        return self.reference == self.predicted


def judge(asked: Asked, data: Dataset, rows: np.ndarray, on_row=None) -> list[Judged]:
    """Every row, in the sheet's order: errors first, the surest on top; then what is right, the least sure on top."""
    judged = []
    for row, found in _explained(asked, data, rows):
        judged.append(
            Judged(
                row,
                str(data.names[row]) if data.names is not None else f"row {row + 1}",
                data.class_names[data.y[row]],
                words.decided(asked.classifier, found),
                found.probabilities,
                found.class_name,
                found.strength,
                found.against,
                found.peak,
                float(found.probabilities[data.y[row]]),
            )
        )
        if on_row is not None:
            on_row(len(judged))
    return sorted(judged, key=lambda each: (each.right, each.truth))


def pages(asked: Asked, data: Dataset, judged: list[Judged]) -> Iterator:
    """Figures of A_PAGE rows each, on one scale. UsageError without matplotlib."""
    from bcdetect.explain.plots import contact_sheet

    top = max(each.strength for each in judged)
    count = -(-len(judged) // A_PAGE)
    several = asked.classifier.positive is None
    sure = "the probability of the class that is called" if several else f"the probability of {noun(asked.classifier)}"
    for page in range(count):
        shown = judged[page * A_PAGE : (page + 1) * A_PAGE]
        cells = []
        explained = _explained(asked, data, np.array([each.row for each in shown]))
        for number, (each, (_, found)) in enumerate(zip(shown, explained, strict=True), page * A_PAGE + 1):
            missing = None if data.missing is None else data.missing[each.row]
            picture = together(planes_of(asked.classifier, data.x[each.row], missing))
            cells.append((picture, found.map, _cell(asked, number, each), not each.right))
        wrong = sum(not each.right for each in judged)
        title = f"{data.name}: {len(judged):,} rows, {wrong:,} wrong, page {page + 1} of {count}"
        layer = f", layer {asked.explainer.layer}" if asked.explainer.layer else ""
        shows = "what speaks for the class that is called" if several and asked.class_name is None else words.title(found)
        caption = [
            "Errors first, the surest on top (framed), then what is right, the least sure first. Each picture as the network "
            f"sees it, and over it {shows} ({METHODS[found.method].title}{layer}), on one scale for all pages. "
            f"In brackets {sure}.",
            f"Grade: {asked.grade}",
        ]
        yield contact_sheet(title, cells, top, words.unit(found), caption)


def _cell(asked: Asked, number: int, each: Judged) -> tuple[str, str]:
    """The two lines under a picture."""
    p = each.probabilities.max() if asked.classifier.positive is None else each.probabilities[1]
    blank = "" if each.strength > 0 else "; no evidence"
    of = f" for {each.class_name}" if asked.classifier.positive is None else ""
    return f"{each.reference}, called {each.predicted} ({percent(float(p))})", f"{number}. {each.name}{blank}{of * bool(blank)}"


def to_csv(asked: Asked, judged: list[Judged]) -> str:
    """The order, one line a picture."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = [f"probability of {name}" for name in asked.classifier.class_names]
    writer.writerow(
        ["place", "page", "file", "reference", "predicted", "right", *names, "explained", "strength", "against", "row", "column"]
    )
    for place, each in enumerate(judged, 1):
        row, column = each.peak or ("", "")
        writer.writerow(
            [
                place,
                -(-place // A_PAGE),
                each.name.encode("utf-8", "backslashreplace").decode(),
                each.reference,
                each.predicted,
                "yes" if each.right else "no",
                *map(float, each.probabilities),
                each.class_name,
                each.strength,
                each.against,
                row,
                column,
            ]
        )
    return text.getvalue()


def _explained(asked: Asked, data: Dataset, rows: np.ndarray) -> Iterator[tuple[int, Explanation]]:
    done = 0
    for part in data.chunks(rows):
        found = asked.explainer.explain(*part.inputs(), class_name=asked.class_name)
        yield from zip(rows[done : done + len(found)].tolist(), found, strict=True)
        done += len(found)
