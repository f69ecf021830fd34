"""Which kernel serves a convolution, decided from its shape alone: so a model's table can say it without importing numba."""

import os
from math import prod
from typing import NamedTuple

from tinycnn.ops.shapes import Sizes, Window

SMALL_GROUP = 8  # channels a group below which most of a vector register would be idle
WINOGRAD_CHANNELS = 16  # in and out: a multiple of this many
PATCH = 4  # Winograd computes patches of 4 x 4 output pixels, whole
# Where Winograd was measured to be the faster at batches of 64: pixels of an image at least, and the share of its patches' pixels
# that lie in it, which counts in forward alone.
FEWEST_PIXELS, FORWARD_SHARE = 9, 0.5


class Roads(NamedTuple):
    """Forward's, which is the input gradient's too, and the weight gradient's; "" is NumPy's form."""

    forward: str
    weight: str


def roads(size: Sizes, window: Window, channels: int, outputs: int, groups: int) -> Roads:
    """The roads of a convolution over an input of some size. TINYCNN_WINOGRAD=0 rules out Winograd."""
    if groups > 1 and groups == channels == outputs:
        return Roads("depthwise", "depthwise")
    if groups > 1 and min(channels, outputs) // groups < SMALL_GROUP:  # either side may be a vector's columns
        return Roads("", "")
    plain = all(number == 1 for number in (*window.stride, *window.dilation, *window.kernel[:-2]))
    square = window.kernel[-2:] == (3, 3) and not any(map(any, window.padding[:-2]))
    whole = channels % WINOGRAD_CHANNELS == 0 and outputs % WINOGRAD_CHANNELS == 0
    if not (plain and square and whole and groups == 1) or os.environ.get("TINYCNN_WINOGRAD", "") == "0":
        return Roads("direct", "direct")
    image = window.output_size(size)[-2:]
    share = prod(image) / prod(-(-length // PATCH) * PATCH for length in image)
    if prod(image) < FEWEST_PIXELS:
        return Roads("direct", "direct")
    return Roads("winograd" if share >= FORWARD_SHARE else "direct", "winograd")
