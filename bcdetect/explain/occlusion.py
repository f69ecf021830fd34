"""Cover a part of the row and see how much of a class's score goes with it."""

from __future__ import annotations

from itertools import product

import numpy as np

from bcdetect.explain.method import Method, Raw
from bcdetect.explain.network import Network

SHARE = 1 / 7  # of the side that a cover takes; of a table's features one
AT_ONCE = 256  # covered rows


class Occlusion(Method):
    """Each place: the mean, over the covers that hide it, of S(x) - S(x with the cover), which sets all channels to 0, the mean.

    Covers are windows of a seventh of the side, half a window apart; in a table single features.
    Source: Zeiler & Fergus 2014, section 4.2 (arXiv:1311.2901).
    """

    title = "occlusion"

    def raw(self, network: Network, x: np.ndarray, classes: np.ndarray, layer: str) -> Raw:
        """See `Method.raw`."""
        windows = covers(x.shape[1:-1])
        whole = network.scores(x, classes)
        evidence = np.empty(x.shape[:-1], np.float32)
        for row in range(len(x)):
            drops = np.concatenate(
                [_drops(network, x[row], classes[row], windows[i : i + AT_ONCE]) for i in range(0, len(windows), AT_ONCE)]
            )
            evidence[row] = _spread(whole[row] - drops, windows, x.shape[1:-1])
        return Raw(evidence)


def covers(shape: tuple[int, ...]) -> list[tuple[slice, ...]]:
    """All windows to cover, every place in at least one."""
    axes = []
    for length in shape:
        side = max(1, round(length * SHARE)) if len([n for n in shape if n > 1]) > 1 else 1
        starts = sorted({*range(0, length - side + 1, max(1, side // 2)), length - side})
        axes.append([slice(start, start + side) for start in starts])
    return list(product(*axes))


def _drops(network, x, number, windows):
    covered = np.repeat(x[None], len(windows), axis=0)
    for row, window in zip(covered, windows, strict=True):
        row[window] = 0
    return network.scores(covered, np.full(len(windows), number))


def _spread(drops, windows, shape):
    total, count = np.zeros(shape), np.zeros(shape)
    for drop, window in zip(drops, windows, strict=True):
        total[window] += drop
        count[window] += 1
    return total / count
