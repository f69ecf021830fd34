"""Maps brought to another size, in any number of dimensions."""

from __future__ import annotations

import numpy as np


def resize(maps: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Linear interpolation between the middles of places, axis by axis; outside the outermost middles their values.

    Shape: maps (N, ..., [K]) with as many axes behind N as `shape` has, and any behind those -> (N, *shape, [K]).
    """
    for axis, length in enumerate(shape, 1):
        before = maps.shape[axis]
        if before == length:
            continue
        at = np.clip((np.arange(length) + 0.5) * before / length - 0.5, 0, before - 1)
        low = np.minimum(at.astype(int), max(0, before - 2))
        high = np.minimum(low + 1, before - 1)
        share = (at - low).astype(maps.dtype).reshape(-1, *[1] * (maps.ndim - axis - 1))
        maps = (1 - share) * maps.take(low, axis) + share * maps.take(high, axis)
    return maps
