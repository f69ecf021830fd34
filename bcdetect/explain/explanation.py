"""What one row's explanation is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Explanation:
    """The evidence for `class_name` in one row.

    `raw` (h, w) is as the method gave it, in its own unit and resolution; below 0 it speaks against the class where the method
    is signed. `map` (H, W) is what speaks for the class, nothing below 0, at the size of the network's input: it keeps its
    strength, and nothing stretches it. `score` is the class's logit, `probabilities` (K,) those of the classifier, `channels`
    the evidence in each input channel, `gap` the completeness error; both None where the method has none. Of an ensemble and
    of mirror images all are means.
    """

    class_name: str
    method: str
    layer: str | None
    raw: np.ndarray
    map: np.ndarray
    score: float
    probabilities: np.ndarray
    channels: np.ndarray | None = None
    gap: float | None = None

    @property
    def strength(self) -> float:
        """The map's largest value, in the method's unit."""
        return float(self.map.max())

    @property
    def against(self) -> float:
        """The strongest evidence against the class: how far `raw` goes below 0."""
        return max(0.0, -float(self.raw.min()))

    @property
    def blank(self) -> bool:
        """Whether nothing speaks for the class."""
        return not self.strength > 0

    @property
    def peak(self) -> tuple[int, ...] | None:
        """The place (row, column) where the map is largest, the middle one of several; None for a blank map."""
        if self.blank:
            return None
        highest = np.argwhere(self.map == self.map.max())
        middle = highest.mean(axis=0)
        return tuple(map(int, highest[np.square(highest - middle).sum(axis=1).argmin()]))
