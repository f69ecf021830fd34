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
from bcdetect.errors import InputError
from bcdetect.table import Table, numbers


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
    """An answer for a picture, or for each below a folder. Raises InputError when there is none."""
    from bcdetect.datasets.decoding import picture_files
    from bcdetect.pictures import SUFFIXES, fitted, read_picture

    height, _, channels = classifier.input_shape
    if channels not in (1, 3):
        raise InputError(f"the model takes {channels} sequences of one exam, and this is one picture", file=os.fspath(path))
    files = picture_files(path, SUFFIXES) if os.path.isdir(path) else [os.fspath(path)]
    if not files:
        raise InputError("holds no pictures", file=os.fspath(path), hint=f"Their names end in {', '.join(SUFFIXES)}")
    answers = []
    for number, file in enumerate(files):
        try:
            picture = as_channels(fitted(read_picture(file), height), channels)
        except InputError as error:
            answers.append(Answer(number + 1, 0, problem=error.what, name=file))
            continue
        p = classifier.predict_proba(picture[None])
        answers.append(Answer(number + 1, 0, classifier.class_names[classifier.decide(p)[0]], p[0], name=file))
    return answers


def as_channels(picture: np.ndarray, channels: int) -> np.ndarray:
    """Colour pictures (..., 3) for a network of grey ones, or grey ones (..., 1) for a network of colour."""
    if picture.shape[-1] == channels:
        return picture
    if channels == 3:
        return np.repeat(picture, 3, axis=-1)
    return np.rint(picture.mean(axis=-1, keepdims=True)).astype(picture.dtype)


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
