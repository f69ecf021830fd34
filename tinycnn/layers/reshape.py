"""Layers that only move numbers, or repeat them."""

from __future__ import annotations

from math import prod

import numpy as np

from tinycnn import ops
from tinycnn.layers.base import Layer, needs_space
from tinycnn.layers.windowed import spread_field
from tinycnn.ops.shapes import Window, is_int, per_axis


class Flatten(Layer):
    """Lay all axes of a row end to end. Shape: x (N, H, W, C) -> y (N, H*W*C), for any rank."""

    def setup(self, shape):
        """(H, W, C) -> (H*W*C,)."""
        return (prod(shape),)

    def forward(self, x, training, rng=None):
        """A view of x."""
        return self.check(x).reshape(len(x), -1)

    def backward(self, grad):
        """A view of the gradient, in x's shape."""
        return grad.reshape(len(grad), *self.input_shape)


class Reshape(Layer):
    """Read a row's numbers, in their order, as another shape. Shape: x (N, ...) -> y (N, *shape); one entry of it may be -1.

    A table's row (30,) becomes the signal (30, 1) that a convolution takes.
    """

    arguments = ("shape",)

    def __init__(self, shape):
        super().__init__()
        shape = (shape,) if is_int(shape) else shape
        fits = isinstance(shape, (tuple, list)) and all(is_int(n) and (n > 0 or n == -1) for n in shape)
        if not fits or list(shape).count(-1) > 1:
            raise self.fail(f"shape is {shape!r}; it must be ints of at least 1, without the batch; one of them may be -1")
        self.shape = tuple(map(int, shape))

    def setup(self, shape):
        """Any shape of as many numbers."""
        values, known = prod(shape), prod(n for n in self.shape if n != -1)
        if values % known if -1 in self.shape else values != known:
            raise self.fail(f"got an input of shape {shape}, {values} values; they do not fit the shape {self.shape}")
        return tuple(values // known if n == -1 else n for n in self.shape)

    def forward(self, x, training, rng=None):
        """A view of x."""
        return self.check(x).reshape(len(x), *self.output_shape)

    def backward(self, grad):
        """A view of the gradient, in x's shape."""
        return grad.reshape(len(grad), *self.input_shape)

    def receptive_field(self, field):
        """What it was where the space stays; else positions mean nothing any more, and it counts as the whole input."""
        return field if self.input_shape[:-1] == self.output_shape[:-1] else None


class Pad(Layer):
    """Put zeros around the space. Shape: x (N, H, W, C) -> y (N, before + H + after, before + W + after, C), for any rank.

    `widths` is an int for all sides, or one entry an axis: an int for both of its sides, or (before, after).
    """

    arguments = ("widths",)

    def __init__(self, widths):
        super().__init__()
        self.widths = widths = int(widths) if is_int(widths) else widths
        if not is_int(widths):
            if not isinstance(widths, (tuple, list)):
                raise self._bad(widths)
            self.widths = tuple(tuple(axis) if isinstance(axis, (tuple, list)) else (axis, axis) for axis in widths)
        pairs = ((self.widths, self.widths),) if is_int(widths) else self.widths
        if any(len(pair) != 2 or not all(is_int(n) and n >= 0 for n in pair) for pair in pairs):
            raise self._bad(widths)

    def _bad(self, widths):
        return self.fail(f"widths is {widths!r}; it must be an int of at least 0, or for each axis one or (before, after)")

    def setup(self, shape):
        """(H, W, C) -> (before + H + after, before + W + after, C)."""
        needs_space(self, shape)
        size, rank = shape[:-1], len(shape) - 1
        widths = ((self.widths, self.widths),) * rank if is_int(self.widths) else self.widths
        if len(widths) != rank:
            raise self.fail(f"got an input of shape {shape}; its {rank} spatial axes do not fit the widths {self.widths}")
        self.window = Window((1,) * rank, (1,) * rank, (1,) * rank, widths)
        return (*self.window.padded_size(size), shape[-1])

    def forward(self, x, training, rng=None):
        """See `ops.pad`."""
        return ops.pad(self.check(x), self.window)

    def backward(self, grad):
        """See `ops.crop`."""
        return np.ascontiguousarray(ops.crop(grad, self.input_shape[:-1], self.window))


class Upsample(Layer):
    """Make every pixel a block of `factor` equal ones an axis: nearest-neighbour upsampling.

    Shape: x (N, H, W, C) -> y (N, H * factor, W * factor, C), for any rank; `factor` is an int, or one int an axis.
    It is the transposed convolution of each channel with a kernel of `factor` ones at that stride.
    """

    arguments = ("factor",)

    def __init__(self, factor):
        super().__init__()
        rank = 1 if is_int(factor) or not isinstance(factor, (tuple, list)) else len(factor)
        factors = per_axis(factor, rank, f"{self.name}: factor")
        self.factor = factors[0] if is_int(factor) else factors

    def setup(self, shape):
        """(H, W, C) -> (H * factor, W * factor, C)."""
        needs_space(self, shape)
        self.factors = per_axis(self.factor, len(shape) - 1, f"{self.name}: got an input of shape {shape}; factor")
        return (*(n * f for n, f in zip(shape[:-1], self.factors, strict=True)), shape[-1])

    def forward(self, x, training, rng=None):
        """See `ops.upsample`."""
        return ops.upsample(self.check(x), self.factors)

    def backward(self, grad):
        """See `ops.upsample_backward`."""
        return ops.upsample_backward(grad, self.factors)

    def receptive_field(self, field):
        """See `spread_field`."""
        return spread_field(field, self.factors, self.factors)
