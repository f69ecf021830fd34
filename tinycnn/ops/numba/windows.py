"""The fast twin of adding windows back up, for convolutions that the tile does not serve."""

import numpy as np

from tinycnn.ops.numba.jit import RANK, jit, lift, lift_shape, tap_at
from tinycnn.ops.shapes import Window


def scatter_windows(windows: np.ndarray, size: tuple[int, ...], window: Window) -> np.ndarray:
    """See `ops.numpy.windows.scatter_windows`. Each pixel is touched while it is in cache, and no padding is ever made."""
    missing = (1,) * (RANK - len(size))
    batch, channels = windows.shape[0], windows.shape[-1]
    positions = windows.shape[1 : 1 + len(size)]
    x = np.zeros((batch, *size, channels), windows.dtype)
    lifted = np.ascontiguousarray(windows).reshape(batch, *missing, *positions, -1, channels)
    _scatter(lifted, x.reshape(lift_shape(x.shape)), *lift(window))
    return x


@jit
def _scatter(windows, x, kernel, stride, dilation, before):
    for n, od, oh, ow in np.ndindex(windows.shape[:4]):
        for tap in range(windows.shape[4]):
            d, h, w, inside = tap_at(tap, od, oh, ow, x.shape, kernel, stride, dilation, before)
            if inside:
                for c in range(x.shape[4]):
                    x[n, d, h, w, c] += windows[n, od, oh, ow, tap, c]
