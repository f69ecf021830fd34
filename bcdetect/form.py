"""A form for one row: a model's measurements in groups, each with where it usually lies and what a slider of it needs."""

from __future__ import annotations

import math

from bcdetect.classifier import Classifier
from bcdetect.columns import nucleus
from bcdetect.typical import ranges_of

TITLES = {
    "mean": "Mean over the nuclei",
    "error": "Standard error of that mean",
    "worst": "Worst: mean of the three largest nuclei",
}
STEPS, DIGITS = 200, 4  # of a slider, about; of the number that it begins with
FAR = 1e300


def groups_of(classifier: Classifier) -> list[dict]:
    """[{title, fields}]: measurements of cell nuclei by statistic, others in one group without a title.

    A field is {name, label, mean, std, low, high} as `typical.ranges_of` has them, and for its slider {least, most, step, start}.
    Raises InputError for a model of pictures.
    """
    fields = [_field(each) for each in ranges_of(classifier)]
    known = [nucleus(each["name"]) for each in fields]
    if None in known:
        return [{"title": "", "fields": fields}]
    groups = {key: {"title": title, "fields": []} for key, title in TITLES.items()}
    for field, (statistic, measured) in zip(fields, known, strict=True):
        groups[statistic]["fields"].append({**field, "label": measured})
    return [group for group in groups.values() if group["fields"]]


def _field(each: dict) -> dict:
    mean, std = each["mean"] or 0.0, each["std"] or 0.0
    spread = 4 * std or max(1.0, abs(mean))
    least = mean - spread if each["low"] is None else each["low"]
    most = mean + spread if each["high"] is None else each["high"]
    if nucleus(each["name"]):
        least = max(least, 0.0)  # a size; the range is widened, and may begin below
    if not least < most:
        least, most = least - 1, least + 1
    least, most = max(least, -FAR), min(most, FAR)
    step = 10.0 ** math.floor(math.log10(max((most - least) / STEPS, 1 / FAR)))
    return {**each, "label": each["name"], "least": least, "most": most, "step": step, "start": float(f"{mean:.{DIGITS}g}")}
