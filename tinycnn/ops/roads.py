"""Which kernel serves a convolution, decided from its shape alone: so a model's table can say it without importing numba."""

import os
from math import prod

from tinycnn.ops.shapes import Sizes, Window

SMALL_GROUP = 8  # channels a group below which most of a vector register would be idle
WINOGRAD_CHANNELS = 16  # in and out: a multiple of this many
PATCH = 4  # Winograd computes patches of 4 x 4 output pixels, whole
# Where Winograd was measured to be the faster, at batches of 16 and more: pixels of an image at least, and the share of its
# patches' pixels that lie in it.
FEWEST_PIXELS, FEWEST_SHARE = 49, 0.5
# The weight gradient's products, 36 instead of 9, are summed over all images, and that pays from so many pixels on.
FEWEST_BATCH_PIXELS = 1000


def road(size: Sizes, window: Window, channels: int, outputs: int, groups: int) -> str:
    """The road of a convolution over an input of some size; "" is NumPy's form. TINYCNN_WINOGRAD=0 rules out Winograd."""
    if groups > 1 and groups == channels == outputs:
        return "depthwise"
    if groups > 1 and min(channels, outputs) // groups < SMALL_GROUP:  # either side may be a vector's columns
        return ""
    plain = all(number == 1 for number in (*window.stride, *window.dilation, *window.kernel[:-2]))
    square = window.kernel[-2:] == (3, 3) and not any(map(any, window.padding[:-2]))
    whole = channels % WINOGRAD_CHANNELS == 0 and outputs % WINOGRAD_CHANNELS == 0
    if not (plain and square and whole and groups == 1) or os.environ.get("TINYCNN_WINOGRAD", "") == "0":
        return "direct"
    image = window.output_size(size)[-2:]
    share = prod(image) / prod(-(-length // PATCH) * PATCH for length in image)
    return "winograd" if prod(image) >= FEWEST_PIXELS and share >= FEWEST_SHARE else "direct"


def weight_road(road: str, pixels: int) -> str:
    """The road of the weight gradient, over so many output pixels of a whole batch, where forward takes `road`."""
    return "direct" if road == "winograd" and pixels < FEWEST_BATCH_PIXELS else road
