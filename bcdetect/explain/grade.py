"""A model's grade of its explanations: what `audit-model` found, in a file beside the model that its SHA-256 ties to it."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass

from bcdetect import NOTICE
from bcdetect.errors import InputError
from bcdetect.gate import read_text
from bcdetect.output import save_text

PASS, FAIL, NOT_RUN = "pass", "FAIL", "not run"


@dataclass(frozen=True)
class Check:
    """One question to a model's explanations: what was found, with its 95 % interval, beside what is asked for.

    `verdict` is PASS, FAIL or NOT_RUN; `why` says what the numbers mean, or why there are none.
    """

    name: str
    verdict: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    asked: str = ""
    why: str = ""


@dataclass(frozen=True)
class Grade:
    """All checks of one method on one model and data set."""

    model_sha256: str
    method: str
    layer: str | None
    data: str
    part: str  # which rows of the data, in words
    rows: int
    checks: tuple[Check, ...]

    @property
    def failed(self) -> list[Check]:
        """The checks that did not pass."""
        return [check for check in self.checks if check.verdict == FAIL]

    @property
    def run(self) -> list[Check]:
        """The checks that were run."""
        return [check for check in self.checks if check.verdict != NOT_RUN]

    def line(self) -> str:
        """Such as `explanations graded on 120 rows (gradcam): 5 of 6 checks passed; FAILED: stability`."""
        passed = sum(check.verdict == PASS for check in self.checks)
        failed = f"; FAILED: {', '.join(check.name for check in self.failed)}" if self.failed else ""
        return f"explanations graded on {self.rows} rows ({self.method}): {passed} of {len(self.run)} checks passed{failed}"

    def to_json(self) -> str:
        """Everything, as `read_grade` takes it."""
        return json.dumps({"notice": NOTICE, **asdict(self)}, indent=1, allow_nan=False) + "\n"


def grade_path(model: str | os.PathLike) -> str:
    """Where a model's grade lies: run/model.npz has run/model.grade.json."""
    return os.path.splitext(os.fspath(model))[0] + ".grade.json"


def save_grade(model: str | os.PathLike, grade: Grade) -> str:
    """Write the grade beside its model, whole or not at all; returns its path. Raises OutputError."""
    path = grade_path(model)
    save_text(path, grade.to_json())
    return path


def read_grade(model: str | os.PathLike, digest: str) -> Grade | None:
    """The grade beside a model of this SHA-256; None where there is none, or another model's. Raises InputError."""
    path = grade_path(model)
    if not os.path.exists(path):
        return None
    try:
        content = json.loads(read_text(path))
        checks = tuple(Check(**check) for check in content.pop("checks"))
        content.pop("notice")
        grade = Grade(**content, checks=checks)
        if not isinstance(grade.rows, int) or any(check.verdict not in (PASS, FAIL, NOT_RUN) for check in checks):
            raise ValueError
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise InputError("not a grade that audit-model wrote", file=path, hint="Remove it, or run audit-model again") from error
    return grade if grade.model_sha256 == digest else None


def grade_of(model: str | os.PathLike, digest: str, method: str, layer: str | None) -> Grade | None:
    """The grade of explanations by this method and layer; None where they have none, for which `grade_line` has the reason."""
    try:
        grade = read_grade(model, digest)
    except InputError:
        return None
    return grade if grade is not None and (grade.method, grade.layer) == (method, layer) else None


def grade_line(model: str | os.PathLike, digest: str, method: str | None = None, layer: str | None = None) -> str:
    """What to print under an explanation by this method and layer: its grade, or that it has none.

    Without a method it is the grade there is, whatever it is of.
    """
    try:
        grade = read_grade(model, digest)
    except InputError as error:
        return f"the grade beside the model cannot be read: {error.what}"
    if grade is None:
        other = ", the one beside it is another model's" if os.path.exists(grade_path(model)) else ""
        return f"this model's explanations have no grade{other} (python -m bcdetect audit-model)"
    if method is None:
        return grade.line()
    if grade.method != method:
        return f"explanations by {method} have no grade; the model's is for {grade.method}"
    if grade.layer != layer:
        return f"explanations by layer {layer} have no grade; the model's is for {grade.layer}"
    return grade.line()
