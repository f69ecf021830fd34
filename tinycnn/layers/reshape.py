"""Layers that only move numbers."""

from __future__ import annotations

from math import prod

from tinycnn.layers.base import Layer


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
