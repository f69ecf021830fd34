"""What a row for a model of tables may look like: the ranges of its features, real rows, and a table to fill in.

For people who type one patient's values; nothing here comes from the rows that a user's own model was trained on, but for the
mean, the deviation and the range of each feature, which the model carries.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence

import numpy as np

from bcdetect.classifier import Classifier
from bcdetect.columns import match_columns
from bcdetect.errors import InputError

DIGITS = 4  # of a mean in a template


def ranges_of(classifier: Classifier) -> list[dict]:
    """For each feature {name, mean, std, low, high}: of the training part, the range widened as it is for referral.

    A number that was not fitted, or is not finite, is None. Raises InputError for a model of pictures.
    """
    _refuse_pictures(classifier)
    preprocessing, ranges = classifier.preprocessing, classifier.judgement.ranges
    nothing = np.full(len(classifier.feature_names), np.nan)
    columns = {
        "mean": preprocessing.mean,
        "std": preprocessing.std,
        "low": nothing if ranges is None else ranges.low,
        "high": nothing if ranges is None else ranges.high,
    }
    finite = {key: [n if np.isfinite(n) else None for n in values.tolist()] for key, values in columns.items()}
    return [{"name": name, **{key: finite[key][k] for key in finite}} for k, name in enumerate(classifier.feature_names)]


def example_rows(classifier: Classifier) -> list[dict] | None:
    """Of each class the row of the built-in table that is nearest to the class's medians; None for a model of other features.

    {class, row (its number in the table), values: {the model's feature: value}}; distances are in deviations of the table. The
    model may have been trained on these rows: they show what values look like, not how good it is.
    """
    from bcdetect.datasets.wisconsin import load_wisconsin

    data = load_wisconsin()
    mapping, missing = match_columns(classifier.feature_names, data.feature_names)
    if missing or classifier.takes_pictures:
        return None
    x = data.x[:, [data.feature_names.index(mapping[name]) for name in classifier.feature_names]]
    found = []
    for k, name in enumerate(data.class_names):
        rows = np.flatnonzero(data.y == k)
        far = np.square((x[rows] - np.median(x[rows], axis=0)) / x.std(axis=0)).sum(axis=1)
        row = rows[far.argmin()]
        values = dict(zip(classifier.feature_names, x[row].tolist(), strict=True))
        found.append({"class": name, "row": int(row) + 1, "values": values})
    return found


def template_csv(classifier: Classifier, rows: Sequence[Mapping[str, float]] = ()) -> str:
    """CSV text that the model can read: its columns, and these rows by feature, or one of the training part's means.

    Names stay as they are, since columns are found by them; one that begins with = or + is a formula to a spreadsheet. Raises
    InputError for a model of pictures.
    """
    _refuse_pictures(classifier)
    names = classifier.feature_names
    if not rows:
        means = [float(f"{mean:.{DIGITS}g}") for mean in classifier.preprocessing.mean.tolist()]
        rows = [dict(zip(names, means, strict=True))]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([repr(float(row[name])) for name in names] for row in rows)
    return text.getvalue()


def _refuse_pictures(classifier: Classifier) -> None:
    if classifier.takes_pictures:
        raise InputError("the model takes pictures, and has no columns to fill in", hint="Choose a model of tables")
