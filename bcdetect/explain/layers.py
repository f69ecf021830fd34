"""The pictures of `explain --layers`, written into a folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from bcdetect import plots
from bcdetect.classifier import Classifier
from bcdetect.explain import features
from bcdetect.explain.network import Network
from bcdetect.explain.planes import planes_of, together
from bcdetect.explain.resize import resize
from bcdetect.explain.words import heading, safe
from bcdetect.inputs import Input, Source, batches

CHANNELS, EXCITED = 64, 16  # of a layer that are shown: those that vary most over the places, those that are excited most


def write(classifier: Classifier, network: Network, layer: str, source: Source, wanted, folder: Path) -> list[Input]:
    """Write what there is to see; returns the inputs with a problem, or nothing but them where no input is good.

    Kernels and activations are of the first good input; `channels.csv`, and for pictures a figure, of all. Without matplotlib
    only the CSV file is written.
    """
    bad, first = [], None
    for each in source.read(wanted):
        if each.problem is not None:
            bad.append(each)
        elif first is None:
            first = each
    if first is None:
        return bad
    best = features.most_exciting(classifier, network, layer, source.read(wanted))
    (folder / "channels.csv").write_text(features.to_csv(layer, best), encoding="utf-8")
    if plots.available():
        for name, figure in _figures(classifier, network, layer, source, first, best):
            plots.save_figure(figure, folder / f"{name}.png")
    return bad


def _figures(classifier, network, layer, source, first, best) -> Iterator[tuple[str, object]]:
    if (found := features.kernels(network)) is not None:
        yield "kernels", kernel_figure(classifier, *found)
    seen = features.activations(classifier, network, first)
    for number, (name, maps) in enumerate(seen.items(), 1):
        yield f"layer-{number:0{len(str(len(seen)))}}-{safe(name)}", activation_figure(classifier, name, maps, first)
    if classifier.takes_pictures:
        yield f"channels-{safe(layer)}", exciting_figure(classifier, network, layer, source, best)


def kernel_figure(classifier: Classifier, name: str, weight: np.ndarray):
    """Weights (KH, KW, C, OC), a picture for each output channel, the input channels below each other in it."""
    from bcdetect.explain.plots import tiles

    height, width, channels, count = weight.shape
    gap = np.full((1, width), np.nan, weight.dtype)
    pictures = []
    for k in range(min(count, CHANNELS)):
        planes = [part for c in range(channels) for part in (weight[:, :, c, k], gap)][:-1]
        pictures.append((np.concatenate(planes), f"{k}"))
    most = float(np.abs(weight).max()) or 1.0
    names = classifier.sequences or (("red", "green", "blue") if channels == 3 else ())
    of = f", of {', '.join(names)} from top to bottom" if names else ""
    caption = [f"The kernels of {name}, {height} x {width}{of}. What they are multiplied with is in standard deviations."]
    return tiles(f"First kernels: {name}, {_some(len(pictures), count)}", pictures, ("RdBu_r", -most, most), "weight", caption)


def activation_figure(classifier: Classifier, name: str, maps: np.ndarray, each: Input):
    """What one layer makes of an input: maps (h, w, K)."""
    from bcdetect.explain.plots import strip, tiles

    height, width, count = maps.shape
    caption = [f"Input: {heading(each)}", "One scale for all channels of the layer."]
    if not classifier.takes_pictures:
        names = classifier.feature_names if height == len(classifier.feature_names) else ()
        return strip(f"{name}: {height} places, {count} channels", maps[:, 0], names, "output", caption)
    varies = np.argsort(-maps.reshape(-1, count).std(axis=0), kind="stable")[:CHANNELS]
    pictures = [(maps[:, :, k], f"{k}") for k in sorted(varies.tolist())]
    low, high = float(maps.min()), float(maps.max())
    scale = ("viridis", low, high if high > low else low + 1e-6 + 1e-6 * abs(low))
    return tiles(f"{name}: {height} x {width}, {_some(len(pictures), count)}", pictures, scale, "output", caption)


def exciting_figure(classifier: Classifier, network: Network, layer: str, source: Source, best: list[list[features.Excited]]):
    """The inputs that excite a layer's channels most, for those channels that are excited most."""
    from bcdetect.explain.plots import exciting

    chosen = sorted(range(len(best)), key=lambda k: -best[k][0].value)[:EXCITED]
    pictures, maps = {}, {}
    for batch in batches(source.read({one.row for k in chosen for one in best[k]}), features.AT_ONCE):
        if batch[0].problem is not None:  # it was good a moment ago
            continue
        for each, found in zip(batch, features.outputs(classifier, network, layer, batch), strict=True):
            pictures[each.row] = together(planes_of(classifier, each.x, each.missing))
            maps[each.row] = found[..., chosen]
    rows = []
    for place_of, k in enumerate(chosen):
        cells = []
        for one in best[k]:
            if one.row in pictures:
                small = resize(np.maximum(maps[one.row][..., place_of], 0)[None], classifier.input_shape[:2])[0]
                cells.append((pictures[one.row], small, f"{one.value:.3g}: {os.path.basename(one.name)}"))
        rows.append((f"channel {k}", best[k][0].value, cells))
    caption = [
        "The inputs in which a channel's largest output is largest, and where it is; each channel on a scale of its own. "
        "What a channel answers to is no evidence for a class."
    ]
    return exciting(f"What excites {layer}, {_some(len(chosen), len(best))}", rows, caption)


def _some(shown: int, count: int) -> str:
    return f"{count} channels" if shown == count else f"{shown} of {count} channels"
