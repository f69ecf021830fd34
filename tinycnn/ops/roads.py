"""Which kernel serves a convolution, decided from its shape alone: so a model's table can say it without importing numba."""

import os

from tinycnn.ops.shapes import Window

WINOGRAD_CHANNELS = 16  # in and out: a multiple of this many
SMALL_GROUP = 8  # channels a group below which most of a vector register would be idle


def road(window: Window, channels: int, outputs: int, groups: int) -> str:
    """One of "winograd", "direct" and "depthwise"; "" where the NumPy form serves. TINYCNN_WINOGRAD=0 rules out the first."""
    if groups > 1 and groups == channels == outputs:
        return "depthwise"
    if groups > 1 and min(channels, outputs) // groups < SMALL_GROUP:  # either side may be a vector's columns
        return ""
    plain = all(number == 1 for number in (*window.stride, *window.dilation, *window.kernel[:-2]))
    square = window.kernel[-2:] == (3, 3) and not any(map(any, window.padding[:-2]))
    whole = channels % WINOGRAD_CHANNELS == 0 and outputs % WINOGRAD_CHANNELS == 0
    allowed = os.environ.get("TINYCNN_WINOGRAD", "") != "0"
    return "winograd" if plain and square and whole and groups == 1 and allowed else "direct"
