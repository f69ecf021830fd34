"""Results as text for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def table(rows: Sequence[Sequence[str]], left: int = 1) -> str:
    """Rows of cells in aligned columns, the first row underlined; the first `left` columns lean left, the others right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]

    def line(row):
        cells = (c.ljust(w) if i < left else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths, strict=True)))
        return "  ".join(cells).rstrip()

    head, *body = map(line, rows)
    return "\n".join([head, "-" * (sum(widths) + 2 * (len(widths) - 1)), *body])


def score_table(scores: dict[str, dict[str, dict]]) -> str:
    """One line a metric, one column a model, each value with its 95 % interval: {model: {metric: {value, low, high}}}."""
    models = list(scores)
    rows = [["", *models]]
    for metric in next(iter(scores.values())):
        rows.append([metric.replace("_", " "), *(interval(scores[model][metric]) for model in models)])
    return table(rows)


def interval(entry: dict) -> str:
    """A value and its interval, such as .974 (.926-.991), or (-) where it has none."""
    if entry["value"] is None:
        return "undefined"
    if entry["low"] is None:
        return number(entry["value"]) + " (-)"
    between = " to " if entry["low"] < 0 else "-"
    limits = f" ({number(entry['low'])}{between}{number(entry['high'])})"
    return number(entry["value"]) + limits


def number(value: float) -> str:
    """A share with three decimals, without the leading zero."""
    text = f"{value:.3f}"
    return text.replace("0.", ".", 1) if text.startswith(("0.", "-0.")) else text


def confusion_table(counts: np.ndarray, class_names: Sequence[str]) -> str:
    """Rows the reference standard, columns the prediction."""
    rows = [["reference \\ predicted", *class_names]]
    rows += [[name, *map(str, row)] for name, row in zip(class_names, np.asarray(counts).tolist(), strict=True)]
    return table(rows)
