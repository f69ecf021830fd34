"""Numbers as JSON can hold them: plain, finite, and where there are many, short."""

from __future__ import annotations

import math

import numpy as np

DIGITS = 5  # significant ones, of numbers that are to be seen as colours


def plain(value):
    """The same with arrays as lists and NumPy's numbers as Python's, at any depth; what is not finite becomes None."""
    if isinstance(value, dict):
        return {name: plain(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(part) for part in value]
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def short(values: np.ndarray) -> list:
    """An array of finite numbers as nested lists of floats with DIGITS significant digits."""
    exact = np.asarray(values, np.float64)
    power = DIGITS - 1 - np.floor(np.log10(np.abs(exact), out=np.zeros_like(exact), where=exact != 0))
    up, down = (10.0 ** (sign * power).clip(min=0) for sign in (1, -1))  # whole powers of ten, so that a quotient is short
    return (np.round(exact * up / down) / up * down).tolist()
