"""The same picture seen a few ways, for a mean of what a network says of each: what is seen in it stays, its pixels do not."""

from __future__ import annotations

import numpy as np

VIEWS = ("none", "flip", "shift")
STEP = 1 / 28  # of the side, by which a picture is shifted: a pixel of the smallest ones


def views(x: np.ndarray, kind: str) -> list[np.ndarray]:
    """The pictures x (N, H, W, C); with "flip" also their mirror images; with "shift" both, in nine places each.

    Shifted ones move by STEP up or down and left or right, and repeat their edge where they came from.
    """
    if kind == "none":
        return [x]
    seen = [x] if kind == "flip" else _shifted(x)
    return seen + [np.ascontiguousarray(each[:, :, ::-1]) for each in seen]


def _shifted(x: np.ndarray) -> list[np.ndarray]:
    height, width = x.shape[1:3]
    down, across = max(1, round(STEP * height)), max(1, round(STEP * width))
    wide = np.pad(x, ((0, 0), (down, down), (across, across), (0, 0)), mode="edge")
    return [
        np.ascontiguousarray(wide[:, top : top + height, left : left + width])
        for top in (0, down, 2 * down)
        for left in (0, across, 2 * across)
    ]
