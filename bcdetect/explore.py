"""A table as numbers to draw: what a page shows of it. Bounded, whatever the table's size, and ready for JSON.

    text -> classes, columns of numbers -> the features that separate the classes best -> distributions, correlations, points

`eda` says the same in words, for a terminal.
"""

from __future__ import annotations

import numpy as np

from bcdetect.columns import match_columns
from bcdetect.datasets.table import is_identifier, no_measurement
from bcdetect.errors import InputError
from bcdetect.lenient import classes_of, first_text, is_missing, label_column, measured, refuse_ragged
from bcdetect.table import Table

FEATURES, BINS, POINTS, LISTED = 60, 30, 5000, 200  # the most features, bins of each, rows in a scatter, names in a list
DIGITS = 6  # of a number, and of a feature's spread: more than a drawing can show
EVERYTHING = "all rows"  # the one class of a table without labels
QUARTILES = (25, 50, 75)


def exploration(table: Table, label: str | None = None, seed: int = 0) -> dict:
    """What a table holds, as JSON takes it; a number that is undefined is None.

    `label` is the column of classes; without it `diagnosis` is taken, and of a table that has none all rows are one class.
    Of many features the 60 that separate the classes best are shown, in the file's order; without two classes the first 60.

    - `rows`, `label` (None: no classes), `classes` as {name, rows, share of the labelled rows}, `unlabelled` rows;
    - `features`, how many there are; `left_out` as {column, why} and `missing` as {column, cells}, the first 200 of each, the
      most cells first, and `columns_left_out`, `columns_with_missing`, how many there are;
    - `distributions`, for each feature shown {feature, missing, auc, auc_of, low, high, edges (B + 1), counts, quartiles}:
      `auc` of the feature alone for the class `auc_of` against the rest, `counts` in B bins and (lower quartile, median,
      upper quartile) for each class;
    - `correlation`, Pearson's r of the features shown, over the rows that have both (F, F);
    - `points`: up to 5,000 rows drawn with the seed; `row` numbers from 1, `class` indices (None: unlabelled), `values` by
      feature shown.

    Raises InputError for a row of the wrong length, a label that is no column or names no 1 to 50 classes, and without a column
    of numbers.
    """
    refuse_ragged(table)
    label = _label(table, label)
    class_names, y = _classes(table, label)
    features, left_out, missing = _columns(table, label)
    if not features:
        raise InputError("no column of numbers beside the label", file=table.file, hint="Is it a table of measurements?")
    separation = {name: _separation(values, y, class_names) for name, values in features.items()}
    shown = _best(separation)
    x = np.column_stack([features[name] for name in shown])
    counts = np.bincount(y[y >= 0], minlength=len(class_names)).tolist()
    return {
        "rows": len(y),
        "label": label,
        "classes": [
            {"name": name, "rows": rows, "share": rows / sum(counts)} for name, rows in zip(class_names, counts, strict=True)
        ],
        "unlabelled": int((y < 0).sum()),
        "features": len(features),
        "columns_left_out": len(left_out),
        "left_out": [{"column": name, "why": why} for name, why in list(left_out.items())[:LISTED]],
        "columns_with_missing": len(missing),
        "missing": [{"column": name, "cells": n} for name, n in sorted(missing.items(), key=lambda each: -each[1])[:LISTED]],
        "distributions": [
            {"feature": name, "missing": missing.get(name, 0)} | separation[name] | _distribution(column, y, len(class_names))
            for name, column in zip(shown, x.T, strict=True)
        ],
        "correlation": [_rounded(row) for row in correlations(x)],
        "points": _points(x, y, seed),
    }


def correlations(x: np.ndarray) -> np.ndarray:
    """Pearson's r of each pair of columns over the rows where neither is NaN; NaN where one of them does not vary there.

    Shape: x (R, F) -> (F, F).
    """
    there = np.isfinite(x)
    with np.errstate(invalid="ignore", divide="ignore"):
        scaled = np.where(there, x, 0) / np.maximum(np.abs(np.where(there, x, 0)).max(axis=0), np.finfo(float).tiny)
        centred = np.where(there, scaled - scaled.sum(axis=0) / there.sum(axis=0), 0)
        spread = np.sqrt(np.square(centred).sum(axis=0) / there.sum(axis=0))
        z = np.where(spread > 0, centred / spread, 0)
        both = there.T.astype(float) @ there
        sums = z.T @ there  # of column i over the rows where j is there too
        squares = np.square(z).T @ there - sums**2 / both
        products = z.T @ z - sums * sums.T / both
        varies = (squares > 1e-9 * both) & _varying(x)[:, None]
        r = products / np.sqrt(squares * squares.T)
    return np.clip(np.where(varies & varies.T, r, np.nan), -1, 1)


def _varying(x: np.ndarray) -> np.ndarray:
    """Which columns are no constants: the deviation of one is not 0 where its mean was rounded."""
    known = np.isfinite(x)
    low, high = np.min(np.where(known, x, np.inf), axis=0), np.max(np.where(known, x, -np.inf), axis=0)
    return low < high


def _label(table: Table, label: str | None) -> str | None:
    if label is None and match_columns(["diagnosis"], table.columns, file=table.file)[1]:
        return None
    return label_column(table, label)


def _classes(table: Table, label: str | None) -> tuple[tuple[str, ...], np.ndarray]:
    """Class names, and each row's class (R,), -1 where the label is missing."""
    y = np.zeros(len(table.rows), np.int64)
    if label is None:
        return (EVERYTHING,), y
    at = table.columns.index(label)
    known = np.array([not is_missing(row[at]) for row in table.rows])
    class_names, y[known] = classes_of([row[at] for row in table.rows if not is_missing(row[at])], label, table.file)
    y[~known] = -1
    return class_names, y


def _columns(table: Table, label: str | None) -> tuple[dict[str, np.ndarray], dict[str, str], dict[str, int]]:
    """The columns of numbers, why each other is left out, and how many cells are missing in those where any is."""
    features, left_out, missing = {}, {}, {}
    for name, cells in zip(table.columns, zip(*table.rows, strict=True), strict=True):
        values = None if name == label or is_identifier(name) else measured(cells)
        gone = sum(map(is_missing, cells)) if values is None else int(np.isnan(values).sum())
        if gone:
            missing[name] = gone
        if name == label:
            continue
        if why := no_measurement(name, values):
            left_out[name] = why
        elif values is not None:
            features[name] = values
        else:
            text = first_text(cells)
            left_out[name] = f"not a number: {text if len(text) <= 40 else text[:37] + '...'!r}" if text else "no values"
    return features, left_out, missing


def _separation(values: np.ndarray, y: np.ndarray, class_names: tuple[str, ...]) -> dict:
    """The feature's AUC for a class against the rest: of two the second, of more the one that it tells best."""
    if len(class_names) < 2:
        return {"auc": None, "auc_of": None}
    auc = aucs(values, y, len(class_names))
    of = 1 if len(auc) == 2 else int(np.nan_to_num(np.abs(auc - 0.5)).argmax())
    return {"auc": _rounded(auc)[of], "auc_of": class_names[of]}


def aucs(values: np.ndarray, y: np.ndarray, classes: int) -> np.ndarray:
    """The AUC of one feature for each class against the rest, all from one sorting: the rank sum of Mann and Whitney.

        AUC_k = (R_k - n_k (n_k + 1) / 2) / (n_k (n - n_k)),  R_k the sum of the ranks of class k, a tie's rank being its mean

    Shape: values (N,), NaN left out, y (N,), -1 left out -> (K,), NaN for a class of no rows, or of all.
    Source: Hanley & McNeil 1982, Radiology 143(1), 29-36.
    """
    known = (y >= 0) & ~np.isnan(values)
    _, place, ties = np.unique(values[known], return_inverse=True, return_counts=True)
    ranks = (np.cumsum(ties) - (ties - 1) / 2)[place]
    rows = np.bincount(y[known], minlength=classes)
    sums = np.bincount(y[known], ranks, minlength=classes)
    with np.errstate(invalid="ignore", divide="ignore"):
        return (sums - rows * (rows + 1) / 2) / (rows * (rows.sum() - rows))


def _best(separation: dict[str, dict]) -> list[str]:
    """The features that separate best, in the order of the file; those that are as good in that order too."""

    def distance(name):
        return 0 if separation[name]["auc"] is None else abs(separation[name]["auc"] - 0.5)

    best = set(sorted(separation, key=distance, reverse=True)[:FEATURES])
    return [name for name in separation if name in best]


def _distribution(values: np.ndarray, y: np.ndarray, classes: int) -> dict:
    known = ~np.isnan(values)
    edges, digits = bin_edges(values[known]), _digits(values[known])
    place = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(edges) - 2)
    inside = [known & (y == k) for k in range(classes)]
    with np.errstate(over="ignore", invalid="ignore"):
        quartiles = [np.percentile(values[rows], QUARTILES) if rows.any() else np.full(3, np.nan) for rows in inside]
    return {
        "low": _rounded([values[known].min()], digits)[0],
        "high": _rounded([values[known].max()], digits)[0],
        "edges": _rounded(edges, digits),
        "counts": [np.bincount(place[rows], minlength=len(edges) - 1).tolist() for rows in inside],
        "quartiles": [_rounded(each, digits) for each in quartiles],
    }


def bin_edges(values: np.ndarray) -> np.ndarray:
    """Edges of 30 bins alike from the least value to the greatest, (31,); of a constant one bin around it, (2,)."""
    low, high = values.min(), values.max()
    if low == high:
        half = 0.05 * abs(low) or 0.5
        most = np.finfo(float).max
        return np.clip([low / 2 - half / 2, low / 2 + half / 2], -most / 2, most / 2) * 2
    share = np.linspace(0, 1, BINS + 1)
    return low * (1 - share) + high * share  # `high - low` may be beyond what a number can hold


def _points(x: np.ndarray, y: np.ndarray, seed: int) -> dict:
    rows = np.arange(len(x))
    if len(x) > POINTS:
        rows = np.sort(np.random.default_rng(seed).choice(len(x), POINTS, replace=False))
    return {
        "row": (rows + 1).tolist(),
        "class": [None if k < 0 else k for k in y[rows].tolist()],
        "values": [_rounded(column[rows], _digits(column[~np.isnan(column)])) for column in x.T],
    }


def _digits(values: np.ndarray) -> int:
    """How many significant digits keep values apart that lie close together and far from 0, such as dates in seconds."""
    spread = values.max() / 2 - values.min() / 2
    far = np.abs(values / 2).max()
    return DIGITS + int(np.ceil(np.log10(far / spread))) if 0 < spread < far else DIGITS


def _rounded(values, digits: int = DIGITS) -> list[float | None]:
    """To so many significant digits; what is not finite is None, as JSON has no NaN."""
    return [float(f"{value:.{digits}g}") if np.isfinite(value) else None for value in np.asarray(values, np.float64).tolist()]
