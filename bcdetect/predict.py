"""From a user's table, or pictures, to an answer each: good ones are answered, bad ones marked with the place and the reason."""

from __future__ import annotations

import csv
import io
import json
import os
from dataclasses import dataclass

import numpy as np

from bcdetect import NOTICE
from bcdetect.classifier import Classifier
from bcdetect.columns import match_columns
from bcdetect.datasets.decoding import Row, pictures_of, problem_of
from bcdetect.datasets.manifest import columns_for, row_of
from bcdetect.datasets.references import Volumes, picture_files, without_masks
from bcdetect.errors import InputError
from bcdetect.pictures import SUFFIXES, split_reference
from bcdetect.preprocessing import as_channels
from bcdetect.table import Table, numbers, read_table

BATCH = 64  # pictures that are answered together


@dataclass(frozen=True)
class Answer:
    """One row's answer: a class and each class's probability (K,), or the `problem` that kept it from one.

    `row` counts the table's rows, or the pictures, from 1, `line` the table's lines; `name` is a picture's file.
    """

    row: int
    line: int
    class_name: str | None = None
    probabilities: np.ndarray | None = None
    problem: str | None = None
    name: str = ""

    def place(self) -> str:
        """What the answer is about, for people."""
        return self.name or f"row {self.row}" + (f" (line {self.line})" if self.problem else "")


def predict_pictures(classifier: Classifier, path: str | os.PathLike) -> list[Answer]:
    """An answer for a picture, `path#3`, every slice of a volume, every picture below a folder, or every row of a manifest.

    Raises InputError when there is none, or the model takes sequences and these are single pictures.
    """
    rows, lines = _rows(classifier, os.fspath(path))
    height, _, channels = classifier.input_shape
    sequences = classifier.sequences
    answers: dict[int, Answer] = {}
    waiting: dict[np.dtype, list] = {}

    def answer(batch: list) -> None:
        x = np.stack([picture for _, picture in batch])
        missing = np.array([[file is None for file in rows[i].files] for i, _ in batch])
        probabilities = classifier.predict_proba(x, *([missing] if sequences else []))
        for (i, _), p, number in zip(batch, probabilities, classifier.decide(probabilities), strict=True):
            answers[i] = Answer(i + 1, lines[i], classifier.class_names[number], p, name=rows[i].name)
        batch.clear()

    whole = [i for i, row in enumerate(rows) if any(row.files)]
    for i, result in zip(whole, pictures_of([rows[i] for i in whole], height), strict=True):
        if isinstance(result, InputError):
            answers[i] = Answer(i + 1, lines[i], problem=problem_of(rows[i], result), name=rows[i].name)
            continue
        picture = result.picture if sequences else as_channels(result.picture, channels)
        batch = waiting.setdefault(picture.dtype, [])  # of one depth: a row's bits must not depend on the rows around it
        batch.append((i, picture))
        if len(batch) == BATCH:
            answer(batch)
    for batch in filter(None, waiting.values()):
        answer(batch)
    return [answers.get(i) or Answer(i + 1, lines[i], problem="no path") for i in range(len(rows))]


def _rows(classifier: Classifier, path: str) -> tuple[list[Row], list[int]]:
    """What to read, and the manifest's line of each (0 where there is none)."""
    if path.lower().endswith(".csv"):
        return _manifest_rows(classifier, read_table(path))
    if sequences := classifier.sequences:
        hint = f"Pass a manifest CSV with the columns {', '.join(sequences)}"
        raise InputError(f"the model takes {len(sequences)} sequences of one exam, and this is no manifest", file=path, hint=hint)
    files = list(without_masks(picture_files(path))[0]) if os.path.isdir(path) else [path]
    if not files:
        raise InputError("holds no pictures", file=path, hint=f"Their names end in {', '.join(SUFFIXES)}")
    volumes = Volumes()
    references = [each for file in files for each in ([file] if split_reference(file)[1] else volumes.references(file))]
    return [Row((each,), name=each) for each in references], [0] * len(references)


def _manifest_rows(classifier: Classifier, table: Table) -> tuple[list[Row], list[int]]:
    """Each row's files, its sequences matched by name to the model's; one that has no column counts as not taken."""
    columns = columns_for(table, classifier.sequences)
    at = [None if name is None else table.columns.index(name) for name in columns]
    folder, rows = os.path.dirname(table.file), []
    for cells in table.rows:
        rows.append(row_of(folder, ["" if i is None or i >= len(cells) else cells[i] for i in at]))
    return rows, list(table.lines)


def predict_table(classifier: Classifier, table: Table) -> list[Answer]:
    """An answer for every row. Raises InputError when a column that the model needs is missing; all missing ones are named."""
    mapping, missing = match_columns(classifier.feature_names, table.columns, file=table.file)
    if missing:
        names = ", ".join(map(repr, missing))
        hint = f"The model needs {len(classifier.feature_names)} columns; their order and other columns do not matter"
        raise InputError(
            f"{len(missing)} column{'s are' if len(missing) > 1 else ' is'} missing: {names}",
            file=table.file,
            where="header",
            hint=hint,
        )
    x, problems = numbers(table, [mapping[name] for name in classifier.feature_names])
    beyond = classifier.preprocessing.beyond(x)
    for row in np.flatnonzero(beyond.any(axis=1)):
        name = mapping[classifier.feature_names[beyond[row].argmax()]]
        problems.setdefault(int(row), f"column {name!r}: the value is beyond what the model can take")
    good = [row for row in range(len(table.rows)) if row not in problems]
    answers = {row: Answer(row + 1, table.lines[row], problem=reason) for row, reason in problems.items()}
    if good:
        probabilities = classifier.predict_proba(x[good])
        for row, p, number in zip(good, probabilities, classifier.decide(probabilities), strict=True):
            answers[row] = Answer(row + 1, table.lines[row], classifier.class_names[number], p)
    return [answers[row] for row in range(len(table.rows))]


def line_of(answer: Answer, classifier: Classifier) -> str:
    """The answer as a line of text, such as `row 1: benign (probability of malignancy 2.4 %)`."""
    if answer.problem is not None:
        return f"{answer.place()}: not answered: {answer.problem}"
    if classifier.positive is None:
        return f"{answer.place()}: {answer.class_name} (probability {percent(answer.probabilities.max())})"
    return f"{answer.place()}: {answer.class_name} (probability of {_noun(classifier)} {percent(answer.probabilities[1])})"


def percent(p: float) -> str:
    """A probability with one decimal; never a 0 or 100 that the model did not say."""
    if p < 0.0005:
        return "< 0.1 %"
    return "> 99.9 %" if p >= 0.9995 else f"{100 * p:.1f} %"


def to_csv(answers: list[Answer], classifier: Classifier) -> str:
    """One line a row: row, class, a probability for each class (of two, only the positive one), problem."""
    shown = _shown_classes(classifier)
    names = [_noun(classifier)] if classifier.positive else [classifier.class_names[k] for k in shown]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    about = ["file"] if any(a.name for a in answers) else ["row"]
    writer.writerow([*about, "class", *(f"probability of {name}" for name in names), "problem"])
    for a in answers:
        probabilities = [""] * len(shown) if a.problem else [repr(float(a.probabilities[k])) for k in shown]
        writer.writerow([a.name or a.row, a.class_name or "", *probabilities, a.problem or ""])
    return text.getvalue()


def to_json(answers: list[Answer], classifier: Classifier, digest: str) -> str:
    """The notice, the model's SHA-256, and for every row its class and all probabilities, or its problem."""
    rows = []
    for a in answers:
        if a.problem is not None:
            rows.append({**_about(a), **({} if a.name else {"line": a.line}), "problem": a.problem})
        else:
            probabilities = dict(zip(classifier.class_names, map(float, a.probabilities), strict=True))
            rows.append({**_about(a), "class": a.class_name, "probabilities": probabilities})
    return json.dumps({"notice": NOTICE, "model_sha256": digest, "rows": rows}, indent=1) + "\n"


def _about(answer: Answer) -> dict:
    return {"file": answer.name} if answer.name else {"row": answer.row}


def _shown_classes(classifier: Classifier) -> list[int]:
    return [1] if classifier.positive else list(range(len(classifier.class_names)))


def _noun(classifier: Classifier) -> str:
    return "malignancy" if classifier.positive == "malignant" else str(classifier.positive)
