"""A picture as the network sees it, for people: planes between black and white."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bcdetect.classifier import Classifier

FAINT = 0.01  # logits; all of a map's evidence together may be less: it then changes a probability by 0.25 % at most


@dataclass(frozen=True)
class Plane:
    """One plane, shares of full white: grey (H, W) or colour (H, W, 3); None for a sequence that was not taken."""

    title: str
    values: np.ndarray | None

    @property
    def grey(self) -> np.ndarray:
        """(H, W), the mean over colours."""
        return self.values if self.values.ndim == 2 else self.values.mean(axis=-1)


def planes_of(classifier: Classifier, x: np.ndarray, missing: np.ndarray | None = None) -> list[Plane]:
    """The planes of a picture (H, W, C) uint8 or uint16: each sequence by its name, or the one picture, grey or in colour."""
    shares = x.astype(np.float32) / np.iinfo(x.dtype).max
    height, width, channels = x.shape
    if names := classifier.sequences:
        absent = np.zeros(channels, bool) if missing is None else missing
        return [Plane(name, None if absent[c] else shares[:, :, c]) for c, name in enumerate(names)]
    return [Plane(f"as the network sees it ({height} x {width} pixels)", shares if channels == 3 else shares.mean(axis=-1))]


def together(planes: list[Plane]) -> np.ndarray:
    """One picture of all: the mean of those that were taken. Shape: (H, W) or (H, W, 3)."""
    if len(planes) == 1:
        return planes[0].values
    return np.mean([plane.grey for plane in planes if plane.values is not None], axis=0)


def full_colour(strength: float, raw: np.ndarray) -> float:
    """The strength that full colour stands for in a map by itself: its own, unless all its evidence together is FAINT."""
    total = float(np.maximum(raw, 0).sum())
    return strength * max(1.0, FAINT / total) if total > 0 else 0.0
