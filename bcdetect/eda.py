"""Look at a table before training on it: what is in it, what is missing, and what tells the classes apart.

It reads files through the same gate as training but is more patient: missing cells are counted, columns that hold no
numbers are named, and neither is an error.
"""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bcdetect import NOTICE, plots
from bcdetect.datasets.table import no_measurement
from bcdetect.errors import InputError
from bcdetect.lenient import classes_of, first_text, is_missing, label_column, measured, refuse_ragged
from bcdetect.output import new_folder, save_text
from bcdetect.table import read_table

__all__ = ["Summary", "describe", "draw", "explore", "read_frame", "summarise"]

UNNAMED = "(without a name)"  # the index that pandas writes
CORRELATED, PICTURED, LISTED = 200, 30, 10  # features in the heatmap, in the histograms, lines in a list of the text


@dataclass(frozen=True)
class Summary:
    """What `summarise` found in a table of `rows` rows.

    `features` are the columns of numbers; `not_numeric` maps the other columns to a value that is no number, "" when
    all are missing; `left_out` maps those that training leaves out to the reason. `counts` are rows by class, in the
    order of class indices; `missing` counts the missing cells of the columns that have any. `quartiles[feature][class]`
    is (lower quartile, median, upper quartile). `separation` is (feature, class, AUC of the feature for that class
    against the rest), the farthest from 0.5 first; `pairs` is (feature, feature, Pearson's r), the ten strongest first.
    """

    rows: int
    label: str
    counts: dict[str, int]
    features: tuple[str, ...]
    not_numeric: dict[str, str]
    left_out: dict[str, str]
    missing: dict[str, int]
    quartiles: dict[str, dict[str, tuple[float, float, float]]]
    separation: tuple[tuple[str, str, float], ...]
    pairs: tuple[tuple[str, str, float], ...]


def explore(
    path: str | os.PathLike[str] | None = None,
    out: str | os.PathLike[str] | None = None,
    label: str | None = None,
) -> str:
    """Read a CSV file (None: the built-in data) and return a report of at most 80 columns of text.

    With `out`, a new folder, the report is also written there as eda.txt, and where matplotlib is installed the figures
    of `draw`. `label` is the column of classes, by default `diagnosis`. Raises InputError, OutputError.
    """
    from bcdetect.datasets.wisconsin import wisconsin_path

    path = wisconsin_path() if path in (None, "wisconsin") else path
    frame, label = read_frame(path, label)
    summary = summarise(frame, label, os.fspath(path))
    report = describe(summary)
    if out is not None:
        with new_folder(out) as folder:
            save_text(folder / "eda.txt", report)
            if plots.available():
                draw(frame, summary, folder)
    return report


def read_frame(path: str | os.PathLike[str], label: str | None = None):
    """Read a CSV file as (pandas DataFrame, name of the label column): columns of numbers as float64, others as text.

    A missing cell is NaN or None. Raises InputError for a file the gate refuses, a row of the wrong length, or no
    label column.
    """
    import pandas as pd

    table = read_table(path)
    refuse_ragged(table)
    label = label_column(table, label)
    columns = zip(table.columns, zip(*table.rows, strict=True), strict=True)
    return pd.DataFrame({name: _column(cells, name == label) for name, cells in columns}), label


def summarise(frame, label: str, file: str = "") -> Summary:
    """Summarise a pandas DataFrame (R, C) whose column `label` names the classes.

    A row without a label counts for what is missing and what correlates, not for any class. Raises InputError, naming
    `file`, unless there are 1 to 50 classes and at least one column of numbers.
    """
    from pandas.api.types import is_numeric_dtype

    class_names, y = _classes(frame, label, file)
    others = [name for name in frame.columns if name != label]
    numeric = {name: frame[name].to_numpy(float) for name in others if is_numeric_dtype(frame[name])}
    left_out = {name: why for name in others if (why := no_measurement(str(name), numeric.get(name)))}
    others = [name for name in others if name not in left_out]
    features = [name for name in others if name in numeric and frame[name].notna().any()]
    if not features:
        raise InputError("no column of numbers beside the label", file=file, hint="Is it a table of measurements?")
    missing = frame.isna().sum()
    by_class = [frame.loc[y == k, features].quantile([0.25, 0.5, 0.75]) for k in range(len(class_names))]
    separation = sorted(
        (_separation(name, frame[name].to_numpy(float), y, class_names) for name in features),
        key=lambda found: -np.nan_to_num(abs(found[2] - 0.5)),
    )
    return Summary(
        rows=len(frame),
        label=label,
        counts={name: int(np.sum(y == k)) for k, name in enumerate(class_names)},
        features=tuple(features),
        not_numeric={name: first_text(frame[name].dropna().astype(str)) for name in others if name not in features},
        left_out=left_out,
        missing={name: int(count) for name, count in missing.items() if count},
        quartiles={
            feature: {name: tuple(q[feature]) for name, q in zip(class_names, by_class, strict=True)} for feature in features
        },
        separation=tuple(separation),
        pairs=_strongest_pairs(frame[_first(features, separation, CORRELATED)].corr()),
    )


def describe(summary: Summary) -> str:
    """Write the summary as text of at most 80 columns (a name in it may be shortened), ending with the notice."""
    total = sum(summary.counts.values())
    lines = [f"{summary.rows:,} rows, {len(summary.features)} features, classes in column '{summary.label}'", ""]
    lines += ["Classes"]
    lines += [f"  {plots.shorten(name, 40):40} {count:>9,}  {count / total:6.1%}" for name, count in summary.counts.items()]
    lines += ["", "Missing values"]
    lines += _listed(
        f"  {plots.shorten(name, 40):40} {count:>9,}  {count / summary.rows:6.1%}" for name, count in summary.missing.items()
    )
    if summary.not_numeric:
        lines += ["", "Not numeric"]
        lines += _listed(
            f"  {plots.shorten(name, 40):40} " + (f"such as {plots.shorten(value, 24)!r}" if value else "no values")
            for name, value in summary.not_numeric.items()
        )
    if summary.left_out:
        lines += ["", "Left out"]
        lines += _listed(f"  {plots.shorten(name, 40) or UNNAMED:40} {why}" for name, why in summary.left_out.items())
    lines += ["", "Features that tell the classes apart (AUC of the feature alone)"]
    lines += _listed(
        f"  {plots.shorten(name, 40):40} {max(auc, 1 - auc):.3f}  "
        f"{'higher' if auc >= 0.5 else 'lower'} in {plots.shorten(of, 18)}"
        for name, of, auc in summary.separation
        if auc == auc  # undefined when a class has no value of the feature
    )
    lines += ["", "Features that move together (Pearson's r)"]
    lines += [f"  {plots.shorten(a, 31):31} {plots.shorten(b, 31):31} {r:>7.3f}" for a, b, r in summary.pairs] or ["  none"]
    names = list(summary.counts)
    for two in (names[start : start + 2] for start in range(0, len(names), 2)):
        lines += ["", f"{'Median [quartiles]':26}" + "".join(f"{plots.shorten(name, 25):27}" for name in two)]
        lines += _listed(
            (
                f"  {plots.shorten(feature, 23):24}" + "".join(f"{_spread(of[name]):27}" for name in two)
                for feature, of in summary.quartiles.items()
            ),
            most=PICTURED,
        )
    return "\n".join(line.rstrip() for line in [*lines, "", NOTICE]) + "\n"


def draw(frame, summary: Summary, folder: str | os.PathLike[str]) -> None:
    """Write class_share.png, correlation.png, distributions.png, and missing.png when anything is missing.

    `folder` must exist. Of many features the ones that tell the classes apart best are drawn: 200 in the heatmap, 30
    in the histograms. Raises OSError, and UsageError without matplotlib.
    """
    folder, features = Path(folder), list(summary.features)
    class_names, y = _classes(frame, summary.label)
    together = _first(features, summary.separation, CORRELATED)
    alone = _first(features, summary.separation, PICTURED)
    figures = {
        "class_share": plots.class_share(summary.counts),
        "correlation": plots.correlation_heatmap(frame[together].corr().to_numpy(), together),
        "distributions": plots.distributions(frame[alone].to_numpy(float), y, alone, class_names),
    }
    if summary.missing:
        worst = sorted(summary.missing.items(), key=lambda item: -item[1])[:PICTURED]
        figures["missing"] = plots.missing_values(dict(worst), summary.rows)
    for name, figure in figures.items():
        plots.save_figure(figure, folder / f"{name}.png")


def _column(cells: Sequence[str], as_text: bool) -> np.ndarray:
    values = None if as_text else measured(cells)
    return np.array([None if is_missing(cell) else cell for cell in cells], dtype=object) if values is None else values


def _classes(frame, label: str, file: str = "") -> tuple[tuple[str, ...], np.ndarray]:
    """Return class names and y (R,), -1 where the label is missing."""
    known = frame[label].notna().to_numpy()
    y = np.full(len(frame), -1)
    class_names, y[known] = classes_of([str(text) for text in frame[label][known]], label, file)
    return class_names, y


def _separation(feature: str, values: np.ndarray, y: np.ndarray, class_names: tuple[str, ...]) -> tuple[str, str, float]:
    from bcdetect.metrics import roc_auc_score

    known = (y >= 0) & ~np.isnan(values)
    if not known.any():
        return feature, class_names[-1], float("nan")
    against_rest = [1] if len(class_names) == 2 else range(len(class_names))
    aucs = [(class_names[k], roc_auc_score(y[known] == k, values[known])) for k in against_rest]
    return feature, *max(aucs, key=lambda found: np.nan_to_num(abs(found[1] - 0.5)))


def _strongest_pairs(correlation) -> tuple[tuple[str, str, float], ...]:
    r, names = correlation.to_numpy(), list(correlation.columns)
    rows, columns = np.triu_indices(len(names), k=1)
    strength = np.abs(r[rows, columns])
    best = [i for i in np.argsort(-strength, kind="stable")[:LISTED] if np.isfinite(strength[i])]
    return tuple((names[rows[i]], names[columns[i]], float(r[rows[i], columns[i]])) for i in best)


def _first(features: list[str], separation, most: int) -> list[str]:
    """Return the features that separate best, in the order of the file."""
    best = {name for name, *_ in separation[:most]}
    return [name for name in features if name in best]


def _listed(lines: Iterable[str], most: int = LISTED) -> list[str]:
    lines = list(lines)
    more = [f"  and {len(lines) - most:,} more"] if len(lines) > most else []
    return lines[:most] + more or ["  none"]


def _spread(quartiles: tuple[float, float, float]) -> str:
    low, median, high = (f"{q:.0f}" if 1000 <= abs(q) < 1e6 else f"{q:.3g}" for q in quartiles)
    return f"{median} [{low}, {high}]"
