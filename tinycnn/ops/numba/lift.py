"""Every window over three axes: each loop nest is written once, for volumes."""

from __future__ import annotations

from math import prod
from typing import NamedTuple

from tinycnn.ops.shapes import Window

RANK = 3  # an image is a volume of depth 1, a signal one of height 1 as well
ONE = (1, 1, 1)


class Lifted(NamedTuple):
    """A window over three axes, with the sizes of its input and output."""

    size: tuple[int, int, int]
    kernel: tuple[int, int, int]
    stride: tuple[int, int, int]
    dilation: tuple[int, int, int]
    before: tuple[int, int, int]
    output: tuple[int, int, int]
    spread: tuple[int, int, int] = ONE

    def fields(self) -> dict:
        """The arguments of a kernel, in the order of GEOMETRY."""
        return dict(zip(GEOMETRY.split(), (number for axes in self for number in axes), strict=True))

    def turned(self) -> Lifted:
        """The window of the convolution that takes grad_output to grad_input: spread by the stride, the kernel flipped."""
        before = tuple((k - 1) * d - b for k, d, b in zip(self.kernel, self.dilation, self.before, strict=True))
        return Lifted(self.output, self.kernel, ONE, self.dilation, before, self.size, self.stride)

    def taps(self) -> int:
        """Positions of the kernel."""
        return prod(self.kernel)


GEOMETRY = " ".join(f"{name}_{axis}" for name in Lifted._fields for axis in "dhw")


def lift(size: tuple[int, ...], window: Window) -> Lifted:
    """A window over an input of some size, the last axis of which is a real one wherever there is any.

    Axes of size 1 under a kernel of 1 go to the front: a table row (30, 1) is a line of 30 pixels, not 30 lines of one.
    """
    output = window.output_size(size)
    axes = list(zip(size, window.kernel, window.stride, window.dilation, (low for low, _ in window.padding), output, strict=True))
    real = [axis for axis in axes if not (axis[0] == axis[1] == axis[5] == 1 and axis[4] == 0)]
    axes = [(1, 1, 1, 1, 0, 1)] * (RANK - len(real)) + real
    return Lifted(*(tuple(values) for values in zip(*axes, strict=True)))
