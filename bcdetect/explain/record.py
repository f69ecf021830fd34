"""An explanation as JSON, and a folder's explanations as one table."""

from __future__ import annotations

import csv
import io

import numpy as np

from bcdetect import NOTICE
from bcdetect.classifier import Classifier
from bcdetect.explain.explanation import Explanation
from bcdetect.explain.words import by_feature, decided, unit
from bcdetect.inputs import Input, arrays

COLUMNS = (
    "number",
    "input",
    "files",
    "class",
    "predicted class",
    "probability",
)
OF_PICTURES = ("strength", "against", "row", "column")


def record(classifier: Classifier, digest: str, grade: str, each: Input, found: Explanation, top: float | None = None) -> dict:
    """Everything about one explanation, ready for `json`; `top` is the strength of full colour where inputs share a scale.

    `refer` and `reason` are those of the input's prediction. Rows and columns are those of the network's input, counted from 0;
    shares of the sides are of a place's middle.
    """
    (referral,) = classifier.referrals(found.probabilities[None], *arrays([each]))
    return {
        "notice": NOTICE,
        "model_sha256": digest,
        "grade": grade,
        "source": each.source,
        "input": each.name or None,
        "row": each.row,
        "class": found.class_name,
        "refer": referral.reason is not None,
        "reason": referral.reason,
        "logit": found.score,
        "predicted_class": decided(classifier, found),
        "probabilities": dict(zip(classifier.class_names, map(float, found.probabilities), strict=True)),
        "method": found.method,
        "layer": found.layer,
        "unit": unit(found),
        "completeness_error": found.gap,
        **(
            _picture(classifier, each, found, top)
            if classifier.takes_pictures
            else {"features": features(classifier, each, found)}
        ),
    }


def _picture(classifier: Classifier, each: Input, found: Explanation, top: float | None) -> dict:
    height, width = found.map.shape
    peak = None
    if found.peak is not None:
        row, column = found.peak
        peak = {"row": row, "column": column, "share_down": (row + 0.5) / height, "share_across": (column + 0.5) / width}
    content = {
        "blank": found.blank,
        "strength": found.strength,
        "against": found.against,
        "peak": peak,
        "size": [height, width],
        "full_colour_at": top,
    }
    if names := classifier.sequences:
        taken = np.ones(len(names), bool) if each.missing is None else ~each.missing
        values = [None] * len(names) if found.channels is None else map(float, found.channels)
        content["sequences"] = {
            name: {"taken": bool(there), "evidence": value} for name, there, value in zip(names, taken, values, strict=True)
        }
    elif found.channels is not None:
        content["channels"] = list(map(float, found.channels))
    return content


def features(classifier: Classifier, each: Input, found: Explanation) -> list[dict]:
    """Every feature of a table's row as {name, value, evidence}, the one that weighs most first."""
    values = by_feature(classifier, found)
    return [
        {"name": classifier.feature_names[i], "value": float(each.x[i]), "evidence": float(values[i])}
        for i in np.argsort(-np.abs(values), kind="stable")
    ]


def summary(classifier: Classifier, rows: list[dict]) -> str:
    """Records of `folder.write` as CSV, one line an input, those with a problem among them.

    Of a picture it has the strength and the place of the peak, of a table's row the evidence of each of the model's features.
    """
    pictures, names = classifier.takes_pictures, classifier.feature_names
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*COLUMNS, *(OF_PICTURES if pictures else (f"evidence of {name}" for name in names)), "problem"])
    for row in rows:
        peak = row.get("peak") or {}
        values = {each["name"]: each["evidence"] for each in row.get("features", ())}
        place = [row.get("strength", ""), row.get("against", ""), peak.get("row", ""), peak.get("column", "")]
        shown = (row["input"] or "").encode("utf-8", "backslashreplace").decode()  # its bytes may be no text
        writer.writerow(
            [
                row["row"],
                shown,
                row.get("files", ""),
                row.get("class", ""),
                row.get("predicted_class", ""),
                "" if "problem" in row else row["probabilities"][row["class"]],
                *(place if pictures else (values.get(name, "") for name in names)),
                row.get("problem", ""),
            ]
        )
    return text.getvalue()
