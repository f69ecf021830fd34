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
from bcdetect.inputs import Source, arrays, batches, open_pictures, open_table
from bcdetect.judgement import REFER, Referral
from bcdetect.table import Cells, Table, plain

BATCH, ROWS = 64, 4096  # pictures, and rows of a table, that are answered together

NOTHING = Referral(None, None)


@dataclass(frozen=True)
class Answer:
    """One row's answer: a class and each class's probability (K,), or the `problem` that kept it from one.

    `referral` says what it may be, and why it is to be referred, if it is.
    `row` counts the table's rows, or the pictures, from 1, `line` the table's lines; `name` is a picture's file. `cells` are a
    bad row's bad cells, `hint` is what to do about its problem, both as in `inputs.Input`.
    """

    row: int
    line: int
    class_name: str | None = None
    probabilities: np.ndarray | None = None
    problem: str | None = None
    name: str = ""
    referral: Referral = NOTHING
    cells: Cells = ()
    hint: str = ""

    def place(self) -> str:
        """What the answer is about, for people."""
        return self.name or f"row {self.row}" + (f" (line {self.line})" if self.problem else "")


def predict_pictures(classifier: Classifier, path: str | os.PathLike) -> list[Answer]:
    """An answer for a picture, `path#3`, every slice of a volume, every picture below a folder, or every row of a manifest.

    Raises InputError when there is none, or the model takes sequences and these are single pictures.
    """
    return predict_source(classifier, open_pictures(classifier, path))


def predict_table(classifier: Classifier, table: Table) -> list[Answer]:
    """An answer for every row. Raises InputError when a column that the model needs is missing; all missing ones are named."""
    return predict_source(classifier, open_table(classifier, table))


def predict_source(classifier: Classifier, source: Source) -> list[Answer]:
    """An answer for every input of a place, in their order."""
    at_once = BATCH if classifier.takes_pictures else ROWS
    answers = []
    for batch in batches(source.read(None), at_once):
        if batch[0].problem is not None:
            bad = batch[0]
            answers.append(Answer(bad.row, bad.line, problem=bad.problem, name=bad.name, cells=bad.cells, hint=bad.hint))
            continue
        given = arrays(batch)
        probabilities = classifier.predict_proba(*given)
        found = probabilities, classifier.decide(probabilities), classifier.referrals(probabilities, *given)
        for each, p, number, referral in zip(batch, *found, strict=True):
            answers.append(Answer(each.row, each.line, classifier.class_names[number], p, name=each.name, referral=referral))
    return sorted(answers, key=lambda answer: answer.row)


def about(classifier: Classifier, digest: str) -> dict:
    """What holds for all answers of a model with this SHA-256, ready for JSON.

    `error_rate` is that of the prediction sets, `calibration` how probabilities were calibrated, null where a model has none;
    `positive` is null for three and more classes.
    """
    conformal, calibration = classifier.judgement.conformal, classifier.judgement.calibration
    return {
        "notice": NOTICE,
        "model_sha256": digest,
        "classes": list(classifier.class_names),
        "positive": classifier.positive,
        "calibration": None if calibration is None else calibration.kind,
        "threshold": classifier.threshold if classifier.positive else None,
        "error_rate": None if conformal is None else conformal.error_rate,
    }


def record(answer: Answer, classifier: Classifier) -> dict:
    """Everything about one answer, ready for JSON; what does not apply is None.

    `set` holds the classes that the row may be, None where the model has no prediction sets; `outside` the features beyond the
    range of the training part, None where the model keeps none; `cells` a bad row's bad cells. `line` is None for what has none.
    """
    good, referral = answer.problem is None, answer.referral
    return {
        **({"file": answer.name} if answer.name else {"row": answer.row}),
        "line": answer.line or None,
        "class": answer.class_name,
        "probabilities": dict(zip(classifier.class_names, answer.probabilities.tolist(), strict=True)) if good else None,
        "set": None if referral.classes is None else list(referral.classes),
        "refer": referral.reason is not None if good else None,
        "reason": referral.reason,
        "in_range": None if referral.outside is None else not referral.outside,
        "outside": None if referral.outside is None else list(referral.outside),
        "problem": answer.problem,
        "cells": [{"column": column, "reason": reason} for column, reason in answer.cells],
    }


def line_of(answer: Answer, classifier: Classifier) -> str:
    """The answer as a line of text, such as `row 1: benign (probability of malignancy 2.4 %)`, and whether to refer it."""
    if answer.problem is not None:
        return f"{answer.place()}: not answered: {answer.problem}"
    refer = f"; {REFER}: {answer.referral.reason}" if answer.referral.reason else ""
    return f"{answer.place()}: {answer_text(classifier, answer.class_name, answer.probabilities)}{refer}"


def answer_text(classifier: Classifier, class_name: str, probabilities: np.ndarray) -> str:
    """Such as `benign (probability of malignancy 2.4 %)`, for probabilities (K,)."""
    if classifier.positive is None:
        return f"{class_name} (probability {percent(probabilities.max())})"
    return f"{class_name} (probability of {noun(classifier)} {percent(probabilities[1])})"


def percent(p: float) -> str:
    """A probability with one decimal; never a 0 or 100 that the model did not say."""
    if p < 0.0005:
        return "< 0.1 %"
    return "> 99.9 %" if p >= 0.9995 else f"{100 * p:.1f} %"


def to_csv(answers: list[Answer], classifier: Classifier) -> str:
    """One line a row: row, class, a probability for each class (of two, only the positive one), set, reason, problem.

    `set` holds the classes that the row may be, `reason` why it is to be referred; both are empty where there is nothing to say.
    Text that a spreadsheet would run as a formula has an apostrophe in front, numbers never.
    """
    shown = _shown_classes(classifier)
    names = [noun(classifier)] if classifier.positive else [classifier.class_names[k] for k in shown]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    what = ["file"] if any(a.name for a in answers) else ["row"]
    writer.writerow([*what, "class", *(f"probability of {name}" for name in names), "set", "reason", "problem"])
    for a in answers:
        probabilities = [""] * len(shown) if a.problem else [repr(float(a.probabilities[k])) for k in shown]
        told = map(plain, ("; ".join(a.referral.classes or ()), a.referral.reason or "", a.problem or ""))
        writer.writerow([plain(a.name) or a.row, plain(a.class_name or ""), *probabilities, *told])
    return text.getvalue()


def to_json(answers: list[Answer], classifier: Classifier, digest: str) -> str:
    """What `about` says, and for every row its `record`: of a good one without a problem, of a bad one with nothing else."""
    rows = [{key: value for key, value in record(a, classifier).items() if key in _told(a)} for a in answers]
    return json.dumps({**about(classifier, digest), "rows": rows}, indent=1) + "\n"


def _told(answer: Answer) -> tuple[str, ...]:
    if answer.problem is not None:
        return ("file", "problem") if answer.name else ("row", "line", "problem")
    known = ("class", "probabilities", "refer", "reason", "set")
    return (*known, "file") if answer.name else (*known, "row", "in_range", "outside")


def _shown_classes(classifier: Classifier) -> list[int]:
    return [1] if classifier.positive else list(range(len(classifier.class_names)))


def noun(classifier: Classifier) -> str:
    """What a probability of two classes is one of."""
    return "malignancy" if classifier.positive == "malignant" else str(classifier.positive)
