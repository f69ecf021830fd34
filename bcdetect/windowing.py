"""From the numbers that a DICOM file stores to shares of white, as its own tags say: the grey-scale chain of the standard.

    stored -> modality (rescale, or a table) -> window or table of the VOI -> inverted where low means white

Sources: DICOM PS3.3 C.11.1 (modality LUT), C.11.2 (VOI LUT), C.7.6.3.1.2 (photometric interpretation), C.7.5.1.1.2 (padding).
"""

from __future__ import annotations

import numpy as np


def modality(stored: np.ndarray, lut: Lut | None, slope: float | None, intercept: float | None) -> np.ndarray:
    """What was measured, such as Hounsfield units: a table's entries, or slope * stored + intercept. float64."""
    if lut is not None:
        return lut.look_up(stored)
    return stored.astype(np.float64) * (1.0 if slope is None else slope) + (0.0 if intercept is None else intercept)


def window(values: np.ndarray, center: float, width: float, function: str = "LINEAR") -> np.ndarray:
    """Shares of white, 0 to 1. PS3.3 C.11.2.1.2.1 (LINEAR), C.11.2.1.3.1 (SIGMOID), C.11.2.1.3.2 (LINEAR_EXACT).

    LINEAR:        (x - (c - 0.5)) / (w - 1) + 0.5, clipped
    LINEAR_EXACT:  (x - c) / w + 0.5, clipped
    SIGMOID:       1 / (1 + exp(-4 (x - c) / w))
    """
    if function == "SIGMOID":
        return 1 / (1 + np.exp(np.clip(-4 * (values - center) / width, -700, 700)))
    if function == "LINEAR":
        center, width = center - 0.5, width - 1
    if width == 0:  # a step
        return (values > center).astype(np.float64)
    return np.clip((values - center) / width + 0.5, 0, 1)


def usable(center: float | None, width: float | None, function: str) -> bool:
    """Whether the standard allows such a window; files with none, or one of width 0, are about."""
    if center is None or width is None or not (np.isfinite(center) and np.isfinite(width)):
        return False
    return width >= 1 if function == "LINEAR" else function in ("LINEAR_EXACT", "SIGMOID") and width > 0


class Lut:
    """A lookup table: `entries` for the values from `first` on; those before and after it are its ends.

    `most` is the largest value that its declared bits allow.
    """

    def __init__(self, entries: np.ndarray, first: int, bits: int):
        self.entries, self.first, self.most = entries, first, 2**bits - 1

    def look_up(self, values: np.ndarray) -> np.ndarray:
        """The entries for values of any range, rounded. Shape: any -> the same, float64."""
        places = np.clip(np.rint(values) - self.first, 0, len(self.entries) - 1).astype(np.intp)
        return self.entries[places].astype(np.float64)


def padded(stored: np.ndarray, value: int | None, limit: int | None) -> np.ndarray | None:
    """Where there is no picture but filling, value to limit; None where there is nowhere such. Shape: (H, W) bool."""
    if value is None:
        return None
    low, high = sorted((value, value if limit is None else limit))
    where = (stored >= low) & (stored <= high)
    return where if where.any() and not where.all() else None
