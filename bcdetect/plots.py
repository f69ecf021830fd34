"""Figures of the data and of a run. Every function returns a matplotlib `Figure` and touches no global state.

matplotlib is imported inside the functions, and drawn on its Agg canvas without pyplot, so that figures can be made
from any thread and without a display. Text from a file is never read as mathematics (a `$` is a `$`). A class and a
part of the data have one colour everywhere, from the palette of Okabe & Ito (2008) that colour-blind readers can tell
apart. UsageError says how to install matplotlib where it is missing.
"""

import itertools
import math
import os
from collections.abc import Mapping, Sequence

import numpy as np

from bcdetect import NOTICE
from bcdetect.errors import require

__all__ = [
    "available",
    "class_share",
    "confusion_matrices",
    "correlation_heatmap",
    "decision_curves",
    "distributions",
    "learning_curves",
    "missing_values",
    "precision_recall_curves",
    "reliability_diagram",
    "roc_curves",
    "save_figure",
]

BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"
PALETTE = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY)
FIXED = {"benign": BLUE, "malignant": VERMILION, "train": SKY, "training": SKY, "validation": PURPLE, "test": GREEN}
GREY = "#666666"
MISSING = "no figures: matplotlib is not installed (pip install matplotlib)"


def available() -> bool:
    """Whether matplotlib is installed; commands whose figures are an extra go without them where it is not."""
    from importlib.util import find_spec

    return find_spec("matplotlib") is not None


def learning_curves(history: Mapping[str, Sequence[float]], best_epoch: float | None = None):
    """Losses and validation AUC over the epochs; `best_epoch` (the one whose weights were kept) is marked.

    `history` holds lists of equal length under epoch, loss, validation_loss and validation_auc.
    """
    figure = new_figure(9, 3.8)
    losses, aucs = figure.subplots(1, 2)
    epochs = history["epoch"]
    marker = "o" if len(epochs) < 20 else None  # a line through one epoch cannot be seen
    for axes, key, part in (
        (losses, "loss", "training"),
        (losses, "validation_loss", "validation"),
        (aucs, "validation_auc", "validation"),
    ):
        label = "training (dropout on)" if part == "training" else part
        axes.plot(epochs, history[key], color=FIXED[part], marker=marker, markersize=4, label=label)
    for axes, title in ((losses, "Loss"), (aucs, "AUC")):
        if best_epoch is not None:
            axes.axvline(best_epoch, color=GREY, linestyle=":", label=f"best epoch ({best_epoch:g})")
        axes.set_title(title)
        axes.set_xlabel("epoch")
        axes.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
        axes.legend(framealpha=1, edgecolor="none")
        tidy(axes)
    return figure


def confusion_matrices(parts: Mapping[str, np.ndarray], class_names: Sequence[str]):
    """Counts (K, K) of each part side by side: rows the reference standard, columns the prediction; percentages of the row."""
    size = len(class_names)
    side = max(2.8, size)
    figure = new_figure((side + 0.8 + 0.7 * (size > 4)) * len(parts), side + 1.3 + 0.5 * (size > 4))
    panels = figure.subplots(1, len(parts), squeeze=False)[0]
    for axes, (title, counts) in zip(panels, parts.items(), strict=True):
        totals = np.sum(counts, axis=1, keepdims=True)
        shares = np.asarray(counts) / np.maximum(totals, 1)
        axes.imshow(shares, cmap="cividis", vmin=0, vmax=1)
        for (row, column), share in np.ndenumerate(shares):
            percent = f"{share:.1%}" if totals[row, 0] else "no rows"
            axes.text(
                column,
                row,
                f"{counts[row][column]:,}\n{percent}",
                ha="center",
                va="center",
                size=11,
                color="black" if share > 0.5 else "white",
            )
        axes.set_title(f"{title} ({int(np.sum(counts)):,} rows)", parse_math=False)
        axes.set_xlabel("predicted")
        axes.set_ylabel("reference (percent of each row)")
        names = [shorten(name, 14) for name in class_names]
        across, along = ({"rotation": 30, "ha": "right"}, {}) if size > 4 else ({}, {"rotation": 90, "va": "center"})
        axes.set_xticks(range(size), names, parse_math=False, **across)
        axes.set_yticks(range(size), names, parse_math=False, **along)
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
    return figure


def roc_curves(curves: Mapping[str, tuple[np.ndarray, np.ndarray, str]]):
    """ROC curves by name: (fpr, tpr, text), the text telling the AUC, such as "AUC 0.991 (0.975 to 0.999)"."""
    figure = new_figure(5.6, 5.8)
    axes = figure.subplots()
    for (name, (fpr, tpr, text)), colour in zip(curves.items(), colours(list(curves)), strict=True):
        axes.plot(fpr, tpr, color=colour, linewidth=2, label=f"{shorten(name, 24)}: {text}", clip_on=False)
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle=":", label="chance: AUC 0.5")
    axes.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")
    axes.set_title("ROC curve")
    axes.set_xlabel("1 - specificity")
    axes.set_ylabel("sensitivity")
    _plain(axes.legend(loc="lower right", frameon=False))
    tidy(axes)
    return figure


def precision_recall_curves(curves: Mapping[str, tuple[np.ndarray, np.ndarray, str]], share: float):
    """Precision over sensitivity by name: (precision, recall, text); `share` of the rows is positive, which guessing has."""
    figure = new_figure(5.6, 5.8)
    axes = figure.subplots()
    for (name, (precision, recall, text)), colour in zip(curves.items(), colours(list(curves)), strict=True):
        axes.step(recall, precision, where="post", color=colour, linewidth=2, label=f"{shorten(name, 24)}: {text}", clip_on=False)
    axes.axhline(share, color=GREY, linewidth=1, linestyle=":", label=f"guessing: {share:.3f}")
    axes.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")
    axes.set_title("Precision-recall curve")
    axes.set_xlabel("sensitivity (recall)")
    axes.set_ylabel("precision (PPV)")
    _plain(axes.legend(loc="lower left", frameon=False))
    tidy(axes)
    return figure


def reliability_diagram(bins: Sequence[Mapping[str, float]], positive: str):
    """The share of positive rows over the mean probability of each bin of `assessment.reliability`, with its interval if any."""
    figure = new_figure(5.6, 5.8)
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color=GREY, linewidth=1, linestyle=":", label="what it should be")
    predicted, observed, low, high = (
        np.array([each[name] for each in bins], float) for name in ("predicted", "observed", "low", "high")
    )
    errors = np.stack([np.maximum(observed - low, 0), np.maximum(high - observed, 0)])
    label = "bins" if np.isnan(errors).all() else "bins, with 95 % intervals"
    axes.errorbar(predicted, observed, errors, fmt="o", color=BLUE, capsize=3, clip_on=False, label=label)
    for x, y, each in zip(predicted, observed, bins, strict=True):
        axes.annotate(f"{each['rows']}", (x, y), textcoords="offset points", xytext=(7, -3), size=8, color=GREY)
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal")
    axes.set_title("Reliability (numbers are rows)")
    axes.set_xlabel(f"mean probability of {shorten(positive, 24)}", parse_math=False)
    axes.set_ylabel("observed share")
    figure.legend(loc="outside upper center", frameon=False, ncols=2)
    tidy(axes)
    return figure


def decision_curves(curve: Mapping[str, Sequence[float]]):
    """Net benefit over the threshold probability, of the model and of treating everybody and nobody."""
    figure = new_figure(6.2, 4.6)
    axes = figure.subplots()
    lines = (
        ("model", BLUE, "-", "the model"),
        ("treat_all", VERMILION, "--", "treat all"),
        ("treat_none", GREY, ":", "treat none"),
    )
    for name, colour, style, label in lines:
        axes.plot(curve["thresholds"], curve[name], color=colour, linestyle=style, linewidth=2, label=label)
    top = max(max(curve["model"]), max(curve["treat_all"]), 0.05)
    axes.set(xlim=(0, 1), ylim=(-0.15 * top, 1.1 * top))
    axes.set_title("Decision curve")
    axes.set_xlabel("threshold probability")
    axes.set_ylabel("net benefit (true positives a row)")
    figure.legend(loc="outside upper center", frameon=False, ncols=3)
    tidy(axes)
    return figure


def class_share(counts: Mapping[str, int]):
    """How many rows of each class, as a pie; the legend gives counts and percentages. ValueError for no rows."""
    total = sum(counts.values())
    if not total:
        raise ValueError("no rows to draw")
    figure = new_figure(6.2, 3.4)
    axes = figure.subplots()
    wedges, *_ = axes.pie(
        list(counts.values()),
        colors=colours(list(counts)),
        labels=[f"{count / total:.1%}" if count / total >= 0.08 else "" for count in counts.values()],
        labeldistance=0.6,
        textprops={"color": "white", "ha": "center", "va": "center", "size": 13, "weight": "bold"},
        wedgeprops={"edgecolor": "white", "linewidth": 1},
        startangle=90,
        counterclock=False,
    )
    names = [f"{shorten(name, 24)}: {count:,} ({count / total:.1%})" for name, count in counts.items()]
    _plain(figure.legend(wedges, names, loc="outside right center", frameon=False, fontsize=11))
    axes.set(xlim=(-1.05, 1.05), ylim=(-1.05, 1.05), title=f"Classes of {total:,} rows")
    return figure


def correlation_heatmap(matrix: np.ndarray, names: Sequence[str]):
    """Correlations (F, F) from -1 (blue) over 0 (white) to 1 (red), NaN grey; above 80 features without names."""
    from matplotlib import colormaps

    count = len(names)
    side = 2.6 + 0.24 * min(max(count, 10), 80)
    figure = new_figure(side + 1, side + 0.3)
    axes = figure.subplots()
    image = axes.imshow(matrix, cmap=colormaps["RdBu_r"].with_extremes(bad="#BBBBBB"), vmin=-1, vmax=1)
    labels = [shorten(name, 26) for name in names] if count <= 80 else []
    ticks = range(len(labels))
    axes.set_xticks(ticks, labels, parse_math=False, rotation=90, size=8)
    axes.set_yticks(ticks, labels, parse_math=False, size=8)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_title(f"Correlation of {count} features")
    figure.colorbar(image, ax=axes, label="Pearson's r", shrink=0.6, pad=0.02).outline.set_visible(False)
    return figure


def distributions(x: np.ndarray, y: np.ndarray, feature_names: Sequence[str], class_names: Sequence[str]):
    """Histograms of each feature, the classes overlaid in shared bins, each class scaled to an area of one.

    `x` (N, F) may hold missing values (NaN), which are left out; `y` (N,) holds class indices.
    """
    columns = min(5, len(feature_names))
    rows = math.ceil(len(feature_names) / columns)
    figure = new_figure(max(2.5 * columns, 5), 1.75 * rows + 1.1)
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    class_colours = colours(class_names)
    for axes, name, values in zip(panels, feature_names, np.asarray(x, dtype=np.float64).T, strict=False):
        known = np.abs(values) < 1e150  # neither missing nor so large that a difference overflows
        edges = _bin_edges(values[known])
        for label, colour in enumerate(class_colours):
            one_class = values[known & (np.asarray(y) == label)]
            if len(one_class):  # a density of nothing is 0 / 0
                heights = np.histogram(one_class, edges, density=True)[0]
                axes.stairs(heights, edges, fill=True, color=colour, alpha=0.35)
                axes.stairs(heights, edges, color=colour, linewidth=1.2)
        axes.set_title(shorten(name, 26), size=9, parse_math=False)
        axes.set_yticks([])
        axes.tick_params(labelsize=7)
        axes.xaxis.get_major_locator().set_params(nbins=4)
        axes.xaxis.get_major_formatter().set_useMathText(True)
        axes.xaxis.get_offset_text().set_size(7)
        axes.spines[["top", "right", "left"]].set_visible(False)
    for axes in panels[len(feature_names) :]:
        axes.remove()
    handles = [_patch(colour) for colour in class_colours]
    names = [shorten(name, 24) for name in class_names]
    _plain(figure.legend(handles, names, loc="outside upper center", ncols=min(len(names), 6), frameon=False))
    return figure


def missing_values(missing: Mapping[str, int], rows: int):
    """Bars of how many of the `rows` values each column lacks."""
    figure = new_figure(7, 1.5 + 0.26 * len(missing))
    axes = figure.subplots()
    bars = axes.barh(range(len(missing)), list(missing.values()), color=ORANGE)
    axes.bar_label(bars, [f"{count:,} ({count / rows:.1%})" for count in missing.values()], padding=4, size=9)
    axes.set_yticks(range(len(missing)), [shorten(name, 30) for name in missing], parse_math=False, size=9)
    axes.invert_yaxis()
    axes.margins(x=0.2)
    axes.tick_params(axis="y", length=0)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.set_title(f"Missing values of {rows:,} rows")
    axes.spines[["top", "right", "left"]].set_visible(False)
    return figure


def save_figure(figure, path: str | os.PathLike) -> None:
    """Write the figure as a PNG of 144 dots an inch, whole or not at all. Raises OSError."""
    import io

    from tinycnn.files import write_bytes

    png = io.BytesIO()
    figure.savefig(png, format="png", dpi=144)
    write_bytes(path, png.getvalue())


def colours(names: Sequence[str]) -> list[str]:
    """A colour a name: benign blue and malignant vermilion wherever they stand, other names from what is left."""
    taken = [FIXED.get(name) for name in names]
    spare = itertools.cycle([colour for colour in PALETTE if colour not in taken])
    return [colour or next(spare) for colour in taken]


def shorten(name: str, length: int) -> str:
    """Cut a name to at most `length` characters, the last of them an ellipsis."""
    return name if len(name) <= length else f"{name[: length - 1]}…"


def new_figure(width: float, height: float):
    """An empty figure of so many inches, on a canvas of its own, with the notice at its foot. Raises UsageError."""
    require("matplotlib", "plots", "drawing figures")
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained", facecolor="white")
    figure.get_layout_engine().set(w_pad=0.08, h_pad=0.08)
    FigureCanvasAgg(figure)
    figure.supxlabel(NOTICE, x=0.99, ha="right", size=7, color=GREY)  # the layout keeps room for it
    return figure


def _bin_edges(values: np.ndarray) -> np.ndarray:
    """Return 24 bins; like numpy's own, but wide enough to be told apart around equal numbers of any size."""
    low, high = values.min(initial=np.inf), values.max(initial=-np.inf)
    if not high - low > 1e-9 * abs(low):
        centre = low if len(values) else 0.0
        low, high = centre - max(0.5, abs(centre) / 1e3), centre + max(0.5, abs(centre) / 1e3)
    return np.linspace(low, high, 25)


def _patch(colour: str):
    from matplotlib.patches import Patch

    return Patch(facecolor=f"{colour}59", edgecolor=colour)  # 0x59 is the histograms' alpha of 0.35


def _plain(legend) -> None:
    for text in legend.get_texts():
        text.set_parse_math(False)


def tidy(axes) -> None:
    """A light grid behind the data, and no frame above and to the right."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="#E5E5E5", linewidth=0.8)
    axes.set_axisbelow(True)
