"""Depths above 8 bits: what a detector counted, spread from its own darkest to its brightest pixels.

The outermost 0.1 % at each end may be defects.
"""

from __future__ import annotations

import numpy as np

MAX_PIXELS = 64 * 2**20  # of one picture; a mammogram at full resolution has 10 to 30 million
FEWEST = 2  # pixels a side
SPREAD = (0.1, 99.9)  # percentiles of a deep picture that become black and white
WHITE = 65535
SAMPLED = 2**24  # values that percentiles are taken of; more are thinned out evenly


def limits(values: np.ndarray) -> tuple[float, float]:
    """The values that become black and white; those that are not finite do not count."""
    values = values.ravel()
    values = values[:: -(-values.size // SAMPLED) or 1]
    if values.dtype.kind == "f":
        values = values[np.isfinite(values)]
    if not values.size:
        return 0.0, 0.0
    low, high = np.percentile(values, SPREAD)
    if low == high:  # a few bright pixels on an even ground
        low, high = values.min(), values.max()
    return float(low), float(high)


def spread(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """`low` and below as 0, `high` and above as 65535. Shape: any -> the same, uint16; NaN becomes 0."""
    share = (values.astype(np.float64) - low) / (high - low if high > low else 1)
    return to_white(share)


def to_white(share: np.ndarray, white: int = WHITE) -> np.ndarray:
    """Shares of full white as whole numbers, uint16 or, for a white of 255, uint8."""
    share = np.clip(np.nan_to_num(share, nan=0.0, posinf=1.0, neginf=0.0), 0, 1)
    return np.rint(white * share).astype(np.uint16 if white > 255 else np.uint8)


def grey_if_grey(colours: np.ndarray) -> np.ndarray:
    """A colour picture of three equal channels as one. Shape: (H, W, 3) -> (H, W, 1) or the same."""
    grey = (colours[:, :, :1] == colours).all()
    return np.ascontiguousarray(colours[:, :, :1] if grey else colours)
