"""A comparison and a learning curve as figures, in the style of `plots`."""

from __future__ import annotations

import numpy as np

from bcdetect.compare.contenders import Majority
from bcdetect.compare.contest import Comparison
from bcdetect.compare.ranking import ranked
from bcdetect.compare.sizes import LearningCurve
from bcdetect.plots import BLUE, GREEN, GREY, PURPLE, SKY, new_figure, shorten, tidy


def forest(result: Comparison, metric: str, reference: str):
    """Each contender's mean and 95 % interval, the best on top; beside it its paired difference from the reference.

    The majority class is not drawn: it is so far off that the others could not be told apart.
    """
    summary = {
        c.name: row for c, row in zip(result.contenders, result.summary().values(), strict=True) if not isinstance(c, Majority)
    }
    names = ranked({name: row[metric]["mean"] for name, row in summary.items()}, metric)
    figure = new_figure(10, 1.6 + 0.42 * len(names))
    means, differences = figure.subplots(1, 2, sharey=True)
    for place, name in enumerate(names):
        _whisker(means, place, summary[name][metric], BLUE)
        if name == reference:
            differences.plot(0, place, marker="D", markersize=6, color=GREY, linestyle="none")
        else:
            found = result.difference(name, reference, metric)
            _whisker(differences, place, found, GREY if found["low"] <= 0 <= found["high"] else PURPLE)
    differences.axvline(0, color=GREY, linestyle=":")
    shown = metric.replace("_", " ")
    means.set_yticks(range(len(names)), [shorten(name, 28) for name in names], parse_math=False)
    means.invert_yaxis()
    means.set_title(f"{shown}, mean and 95 % interval")
    differences.set_title(f"{shown} minus {shorten(reference, 24)}", parse_math=False)
    differences.set_xlabel("paired over the folds; grey where the interval holds 0")
    for axes in (means, differences):
        tidy(axes)
        axes.tick_params(axis="y", length=0)
        axes.xaxis.get_major_locator().set_params(nbins=6)
    return figure


def size_curve(result: LearningCurve, metric: str):
    """The metric over the number of training rows, with bands of one standard deviation over the folds."""
    figure = new_figure(7, 4.4)
    axes = figure.subplots()
    for (model, row), colour in zip(result.scores.items(), (BLUE, GREEN, SKY), strict=True):
        mean, spread = row[metric].mean(axis=1), row[metric].std(axis=1, ddof=1)
        style = "--" if "training rows" in model else "-"
        axes.plot(result.rows, mean, color=colour, marker="o", markersize=4, linestyle=style, label=model)
        if style == "-":
            low, high = mean - spread, mean + spread
            bound = np.inf if metric == "log_loss" else 1.0
            axes.fill_between(result.rows, np.maximum(low, 0), np.minimum(high, bound), color=colour, alpha=0.15, linewidth=0)
    axes.set_title(f"{metric.replace('_', ' ')} over the number of training rows")
    axes.set_xlabel("rows learned from (bands: one standard deviation over the test folds)")
    axes.set_xlim(left=0)
    axes.legend(framealpha=1, edgecolor="none")
    tidy(axes)
    return figure


def _whisker(axes, place: int, entry: dict[str, float], colour: str) -> None:
    axes.plot([entry["low"], entry["high"]], [place, place], color=colour, linewidth=2, solid_capstyle="butt")
    axes.plot(entry["mean"], place, marker="o", markersize=6, color=colour, linestyle="none")
