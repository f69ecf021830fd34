"""What convolution and pooling share: a window over the spatial axes."""

from __future__ import annotations

from tinycnn.layers.base import Layer, Shape
from tinycnn.ops import Window, place_window
from tinycnn.ops.shapes import is_int, per_axis


class Windowed(Layer):
    """A layer that slides a window over `rank` spatial axes; subclasses set `rank` and call `place` in setup."""

    rank: int
    window: Window

    def plain_padding(self, padding):
        """The padding as JSON can hold it: a word, an int, or one int an axis."""
        if is_int(padding):
            return int(padding)
        return padding if isinstance(padding, str) else per_axis(padding, self.rank, f"{self.name}: padding", least=0)

    def place(self, shape: Shape, kernel: Shape, stride: Shape, dilation: Shape, padding) -> Shape:
        """Place the window over an input (H, W, C) and return the output's (OH, OW)."""
        self.check_rank(shape)
        try:
            self.window = place_window(shape[:-1], kernel, stride, dilation, padding)
        except ValueError as error:
            raise self.fail(str(error)) from None
        return self.window.output_size(shape[:-1])

    def check_rank(self, shape: Shape) -> None:
        """Raise ValueError unless the input has as many spatial axes as the layer, and channels."""
        if len(shape) != self.rank + 1:
            axes = "(" + ", ".join([*("D", "H", "W")[-self.rank :], "C"]) + ")"
            raise self.fail(f"got an input of shape {shape}; it needs {self.rank + 1} axes, {axes}, channels last")

    def receptive_field(self, field):
        """Each window adds (reach - 1) steps of the distance so far; a stride multiplies the distance."""
        if field is None:
            return None
        size, distance = field
        window = self.window
        return (
            tuple(n + (reach - 1) * d for n, reach, d in zip(size, window.reach(), distance, strict=True)),
            tuple(d * s for d, s in zip(distance, window.stride, strict=True)),
        )


def spread_field(field, kernel: Shape, stride: Shape):
    """The receptive field behind what lays kernels `stride` apart: neighbours in the output are 1 / stride of the distance apart.

    A size may then end in a fraction: the most input positions seen are the whole ones.
    """
    from fractions import Fraction  # for tables alone

    if field is None:
        return None
    size, distance = field
    apart = tuple(Fraction(d) / s for d, s in zip(distance, stride, strict=True))
    return tuple(n + (k - 1) * d for n, k, d in zip(size, kernel, apart, strict=True)), apart
