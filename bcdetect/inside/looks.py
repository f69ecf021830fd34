"""A layer's numbers to look at: maps, a small picture of them, and histograms before and after a normalisation."""

from __future__ import annotations

import numpy as np

from bcdetect.inside.plain import short

CHANNELS = 64  # that are shown at once of a layer with places
VECTOR = 1024  # numbers that are shown at once of a layer without
VALUES = 2**18  # numbers that maps hold at once, if one map alone does not hold more
BINS = 20
SIDE, LENGTH = 24, 48  # numbers a side of a small picture; of a row of numbers


def maps(values: np.ndarray, most: int | None = None, first: int = 0) -> dict:
    """Some channels of values (*places, C), from channel `first` on, as nested lists; `count` says how many there are.

    `lowest` and `highest` are those of all channels, to paint them on one scale. Without places `maps` is empty, and `vector`
    holds the numbers.
    """
    *places, count = values.shape
    shown = _shown(values, most, first)
    found = {
        "places": list(places),
        "count": count,
        "first": shown.start,
        "lowest": float(values.min()),
        "highest": float(values.max()),
        "maps": [],
        "vector": [],
    }
    if not places:
        return found | {"vector": short(values[shown.start : shown.stop])}
    return found | {"maps": [_map(values[..., k], k) for k in shown]}


def thumbnail(values: np.ndarray, at: tuple[int, ...]) -> list[list[float]]:
    """A small picture of a layer, as rows of numbers taken evenly, SIDE x SIDE at most; of a layer without places one row.

    Where the places are a column it has the channels across; else it is the map of the channel at `at`, a place and a channel.
    """
    *places, _ = values.shape
    if not places:
        plane = values[None]
    elif len(places) == 1 or (len(places) == 2 and places[1] == 1):
        plane = values.reshape(places[0], -1)
    else:
        plane = values[(*at[: len(places) - 2], ..., at[-1])]
    rows, columns = (_evenly(size, most) for size, most in zip(plane.shape, (SIDE, SIDE if places else LENGTH), strict=True))
    return short(plane[np.ix_(rows, columns)])


def histograms(before: np.ndarray, after: np.ndarray, most: int | None = None, first: int = 0) -> dict:
    """Each channel's numbers before and after a layer, counted in BINS bins from the lowest to the highest of the channel.

    Shape of both: (*places, C).
    """
    shown = _shown(after, most, first)
    found = [{"channel": k, "before": _counted(before[..., k]), "after": _counted(after[..., k])} for k in shown]
    return {"count": after.shape[-1], "first": shown.start, "channels": found}


def _evenly(size: int, most: int) -> np.ndarray:
    return np.linspace(0, size - 1, min(size, most)).round().astype(int)


def _shown(values: np.ndarray, most: int | None, first: int) -> range:
    *places, count = values.shape
    at_once = most or (CHANNELS if places else VECTOR)
    at_once = max(1, min(at_once, VALUES // max(1, values.size // count)))
    return range(first, min(first + at_once, count))


def _map(values: np.ndarray, channel: int) -> dict:
    return {"channel": channel, "lowest": float(values.min()), "highest": float(values.max()), "values": short(values)}


def _counted(values: np.ndarray) -> dict:
    values = values.astype(np.float64).ravel()
    low, high = values.min(), values.max()
    if high > low:
        bins = ((values - low) / (high - low) * BINS).astype(int).clip(max=BINS - 1)
        counts = np.bincount(bins, minlength=BINS)
    else:
        counts = np.bincount([0], [len(values)], minlength=BINS).astype(int)
    return {"low": low, "high": high, "mean": values.mean(), "std": values.std(), "counts": counts}
