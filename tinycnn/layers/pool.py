"""Pooling layers."""

from __future__ import annotations

from math import prod

from tinycnn import ops
from tinycnn.layers.base import Layer, needs_space
from tinycnn.layers.windowed import Windowed
from tinycnn.ops.shapes import Window, per_axis


class Pool(Windowed):
    """One number a window and channel. `stride` defaults to `size`, so that windows tile the input.

    Source: Goodfellow, Bengio & Courville 2016, Deep Learning, section 9.3.
    Shape: x (N, H, W, C) -> y (N, OH, OW, C). padding is "same", "valid" or an int smaller than the window.
    """

    arguments = ("size", "stride", "padding")

    def __init__(self, size=2, stride=None, padding=0):
        super().__init__()
        self.size = per_axis(size, self.rank, f"{self.name}: size")
        self.stride = self.size if stride is None else per_axis(stride, self.rank, f"{self.name}: stride")
        self.padding = self.plain_padding(padding)

    def setup(self, shape):
        """(H, W, C) -> (OH, OW, C)."""
        size = self.place(shape, self.size, self.stride, (1,) * self.rank, self.padding)
        if any(max(around) >= k for around, k in zip(self.window.padding, self.size, strict=True)):
            raise self.fail(f"padding {self.padding!r} leaves windows of {self.size} that hold nothing but padding")
        return (*size, shape[-1])


class MaxPool(Pool):
    """The largest value of each window; its gradient goes to that value alone (the first of equals). See `Pool`."""

    def forward(self, x, training, rng=None):
        """See `ops.max_pool`."""
        y, self.winner = ops.max_pool(self.check(x), self.window)
        return y

    def backward(self, grad):
        """See `ops.max_pool_backward`."""
        return ops.max_pool_backward(grad, self.winner, self.input_shape[:-1], self.window)


class AvgPool(Pool):
    """The mean of each window, over real values only unless `count_padding`. See `Pool`."""

    arguments = ("size", "stride", "padding", "count_padding")

    def __init__(self, size=2, stride=None, padding=0, count_padding=False):
        super().__init__(size, stride, padding)
        self.count_padding = bool(count_padding)

    def forward(self, x, training, rng=None):
        """See `ops.average_pool`."""
        return ops.average_pool(self.check(x), self.window, self.count_padding)

    def backward(self, grad):
        """See `ops.average_pool_backward`."""
        return ops.average_pool_backward(grad, self.input_shape[:-1], self.window, self.count_padding)


class MaxPool1D(MaxPool):
    """Max pooling over signals: x (N, W, C) -> (N, OW, C)."""

    rank = 1


class MaxPool2D(MaxPool):
    """Max pooling over images: x (N, H, W, C) -> (N, OH, OW, C)."""

    rank = 2


class MaxPool3D(MaxPool):
    """Max pooling over volumes: x (N, D, H, W, C) -> (N, OD, OH, OW, C)."""

    rank = 3


class AvgPool1D(AvgPool):
    """Average pooling over signals: x (N, W, C) -> (N, OW, C)."""

    rank = 1


class AvgPool2D(AvgPool):
    """Average pooling over images: x (N, H, W, C) -> (N, OH, OW, C)."""

    rank = 2


class AvgPool3D(AvgPool):
    """Average pooling over volumes: x (N, D, H, W, C) -> (N, OD, OH, OW, C)."""

    rank = 3


class GlobalPool(Layer):
    """One number a channel from all positions, whatever the rank. Shape: x (N, ..., C) -> y (N, C)."""

    def setup(self, shape):
        """(..., C) -> (C,)."""
        needs_space(self, shape)
        return shape[-1:]

    def receptive_field(self, field):
        """The whole input."""
        return None


class GlobalAvgPool(GlobalPool):
    """The mean over all spatial axes. See `GlobalPool`. Source: Lin, Chen & Yan 2014, section 3.2 (arXiv:1312.4400)."""

    def forward(self, x, training, rng=None):
        """The mean over the positions."""
        return self.check(x).reshape(len(x), -1, x.shape[-1]).mean(axis=1)

    def backward(self, grad):
        """Each position's share of the gradient is the same."""
        positions = prod(self.input_shape[:-1])
        spread = (grad / positions).reshape(len(grad), *(1,) * (len(self.input_shape) - 1), -1)
        return spread.repeat(positions, axis=1).reshape(len(grad), *self.input_shape)


class GlobalMaxPool(GlobalPool):
    """The largest value over all spatial axes: a max pooling of one window, the whole input. See `GlobalPool`.

    Source: Oquab et al. 2015, Is object localization for free? (CVPR).
    """

    def setup(self, shape):
        """(..., C) -> (C,)."""
        output, size = super().setup(shape), shape[:-1]
        self.window = Window(size, size, (1,) * len(size), ((0, 0),) * len(size))
        return output

    def forward(self, x, training, rng=None):
        """See `ops.max_pool`."""
        y, self.winner = ops.max_pool(self.check(x), self.window)
        return y.reshape(len(x), -1)

    def backward(self, grad):
        """See `ops.max_pool_backward`."""
        return ops.max_pool_backward(grad.reshape(self.winner.shape), self.winner, self.input_shape[:-1], self.window)
