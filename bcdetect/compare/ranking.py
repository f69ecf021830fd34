"""Who is ahead, by how much, and whether that is more than the luck of the folds."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from bcdetect.errors import UsageError
from bcdetect.intervals import corrected_interval

LOSSES = ("log_loss", "brier")  # the smaller the better


def entry(values: np.ndarray, held_out: float, metric: str | None = None) -> dict[str, float]:
    """Mean, sample deviation and corrected 95 % interval of a score (J,), or of a difference where `metric` is None.

    The interval is Nadeau and Bengio's (see `intervals.corrected_interval`), cut at the bounds of the metric.
    """
    mean, low, high = corrected_interval(values, held_out)
    if metric is not None:
        low, high = max(low, 0.0), high if metric == "log_loss" else min(high, 1.0)
    return {"mean": mean, "low": low, "high": high, "sd": float(np.std(values, ddof=1))}


def ranked(means: dict[str, float], metric: str) -> list[str]:
    """The names, the best first; what is undefined last, and of equals the first named first."""
    sign = 1 if metric in LOSSES else -1
    return sorted(means, key=lambda name: (np.isnan(means[name]), sign * means[name]))


def chosen_metric(asked: str | None, there: Iterable[str]) -> str:
    """The metric that is ranked by: the asked one, or the AUC. Raises UsageError for one that is not there."""
    names = list(there)
    if asked is None:
        return "roc_auc" if "roc_auc" in names else "macro_auc"
    if asked not in names:
        raise UsageError(f"--by {asked!r} is no metric of such data", hint=f"Choose one of {', '.join(names)}")
    return asked


def verdict(difference: dict[str, float], metric: str) -> str:
    """`ahead`, `behind` or `level`, the last where the interval of the difference holds 0."""
    if difference["low"] <= 0 <= difference["high"] or np.isnan(difference["mean"]):
        return "level"
    return "ahead" if (difference["mean"] > 0) != (metric in LOSSES) else "behind"


def convolution_verdict(difference: dict[str, float], metric: str) -> str:
    """Whether the order of a table's columns is worth anything to the network: original minus permuted columns, in one line."""
    numbers = f"{metric.replace('_', ' ')} {difference['mean']:+.4f} ({difference['low']:+.4f} to {difference['high']:+.4f})"
    found = verdict(difference, metric)
    if found == "ahead":
        said = "The convolution earns its place: the columns' own order beats a permuted one"
    elif found == "behind":
        said = "The convolution earns nothing: a permuted order of the columns even beats their own"
    else:
        said = "The convolution earns nothing that shows: a permuted order of the columns does as well as their own"
    return f"{said}, own minus permuted {numbers}."
