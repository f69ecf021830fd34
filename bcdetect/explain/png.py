"""What the network sees, and the map over it, as PNG files of the network's own size: for a page that lays one over the other.

No matplotlib: the colours are five steps of even lightness, dark to bright, near those of `explain.plots`.
"""

from __future__ import annotations

import io

import numpy as np

from bcdetect.explain.planes import Plane

STOPS = np.array([[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]], np.float64)  # as in charts.js


def plane_png(plane: Plane, side: int | None = None) -> bytes:
    """A plane that was taken, its greys or colours as they are; scaled down where it is larger than `side`."""
    from bcdetect.pictures import fitted

    values = plane.values if plane.values.ndim == 3 else plane.values[:, :, None]
    pixels = np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)
    if side is not None and max(pixels.shape[:2]) > side:
        pixels = fitted(pixels, side)
    return _png(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)


def map_png(found: np.ndarray, top: float) -> bytes:
    """A map (H, W) in colours that cover as much as there is evidence: nothing where there is none, all of it at `top`.

    The cover is the square root of the share of `top`, as on the sheets of `explain.plots`, so that little is not invisible.
    """
    share = np.clip(found / top, 0, 1) if top > 0 else np.zeros(found.shape)
    cover = np.rint(255 * np.sqrt(share))[:, :, None]
    return _png(np.concatenate([colours(share), cover], axis=-1).astype(np.uint8))


def colours(share: np.ndarray) -> np.ndarray:
    """The colour of each share from 0 to 1. Shape: (...) -> (..., 3), from 0 to 255."""
    at, stops = share * (len(STOPS) - 1), np.arange(len(STOPS))
    return np.rint(np.stack([np.interp(at, stops, STOPS[:, c]) for c in range(3)], axis=-1))


def _png(pixels: np.ndarray) -> bytes:
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()
