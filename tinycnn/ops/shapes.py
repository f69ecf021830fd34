"""Shape letters, output sizes and argument checks.

    N  batch            H W    input size        C   input channels
    KH KW  kernel size  OH OW  output size       OC  output channels
    volumes add D, KD, OD.

Layout is channels-last: x (N, H, W, C), weight (KH, KW, C / groups, OC). Nothing here knows how many spatial axes there are:
a "size" is a tuple with one int an axis, so that signals, images and volumes share every line.
"""

from typing import NamedTuple

Sizes = tuple[int, ...]


class Window(NamedTuple):
    """How a kernel slides over the spatial axes; every field has one entry an axis."""

    kernel: Sizes
    stride: Sizes
    dilation: Sizes
    padding: tuple[tuple[int, int], ...]  # (before, after) an axis

    def reach(self) -> Sizes:
        """The input positions that a dilated kernel spans along each axis."""
        return tuple((k - 1) * d + 1 for k, d in zip(self.kernel, self.dilation, strict=True))

    def output_size(self, size: Sizes) -> Sizes:
        """The number of window positions along each axis of an input of `size`."""
        padded = self.padded_size(size)
        return tuple((p - r) // s + 1 for p, r, s in zip(padded, self.reach(), self.stride, strict=True))

    def padded_size(self, size: Sizes) -> Sizes:
        """The input size with its padding."""
        return tuple(n + before + after for n, (before, after) in zip(size, self.padding, strict=True))


POINT = Window((1,), (1,), (1,), ((0, 0),))  # a fully connected layer is a convolution over single pixels


def per_axis(value, rank: int, what: str, least: int = 1) -> Sizes:
    """One int, or one int an axis, as a tuple of `rank` ints of at least `least`; ValueError otherwise."""
    values = (value,) * rank if is_int(value) else value
    fits = isinstance(values, (tuple, list)) and len(values) == rank and all(is_int(v) and v >= least for v in values)
    if not fits:
        raise ValueError(f"{what} is {value!r}; it must be an int of at least {least}, or {rank} of them (one an axis)")
    return tuple(int(v) for v in values)


def positive_int(value, what: str) -> int:
    """`value` as an int of at least 1; ValueError otherwise."""
    if not is_int(value) or value < 1:
        raise ValueError(f"{what} is {value!r}; it must be an int of at least 1")
    return int(value)


def is_int(value) -> bool:
    """Whether `value` is an integer (of Python's or NumPy's kinds), and not a bool."""
    return hasattr(value, "__index__") and not isinstance(value, bool) and getattr(value, "ndim", 0) == 0


def place_window(size: Sizes, kernel: Sizes, stride: Sizes, dilation: Sizes, padding) -> Window:
    """The `Window` over an input of `size`.

    padding "same" gives output = ceil(size / stride), the odd pixel at the end (as TensorFlow does); "valid" pads nothing; an
    int, or one int an axis, pads both sides. Raises ValueError where the kernel is larger than its padded input.
    """
    if padding == "same":
        widths = tuple(_same(*axis) for axis in zip(size, kernel, stride, dilation, strict=True))
    elif padding == "valid":
        widths = ((0, 0),) * len(size)
    elif isinstance(padding, str):
        raise ValueError(f'padding is {padding!r}; it must be "same", "valid", an int, or one int an axis')
    else:
        widths = tuple((p, p) for p in per_axis(padding, len(size), "padding", least=0))
    window = Window(kernel, stride, dilation, widths)
    padded, reach = window.padded_size(size), window.reach()
    if any(r > p for r, p in zip(reach, padded, strict=True)):
        raise ValueError(f"the kernel spans {reach} but its input with padding is only {padded}")
    return window


def place_transposed(size: Sizes, kernel: Sizes, stride: Sizes, padding) -> tuple[Window, Sizes]:
    """The window of a transposed convolution over an input of `size`, and its output's size, over which that window slides.

    padding "same" gives output = size * stride; "valid" gives (size - 1) * stride + kernel; an int, or one int an axis, cuts as
    much off both sides of that. Raises ValueError where nothing is left.
    """
    axes = list(zip(size, kernel, stride, strict=True))
    if padding == "same":
        output = tuple(n * s for n, _, s in axes)
    else:
        cut = (0,) * len(size) if isinstance(padding, str) else per_axis(padding, len(size), "padding", least=0)
        output = tuple((n - 1) * s + k - 2 * p for (n, k, s), p in zip(axes, cut, strict=True))
    if any(n < 1 for n in output):
        raise ValueError(f"padding {padding!r} leaves an output of {output}; it must cut less off")
    return place_window(output, kernel, stride, (1,) * len(size), padding), output


def _same(size: int, kernel: int, stride: int, dilation: int) -> tuple[int, int]:
    total = max((-(-size // stride) - 1) * stride + (kernel - 1) * dilation + 1 - size, 0)
    return total // 2, total - total // 2
