"""Dropout."""

from __future__ import annotations

import numpy as np

from tinycnn.layers.base import Layer


class Dropout(Layer):
    """In training, set each value to zero with probability `rate` and scale the others by 1 / (1 - rate); else pass x on.

    With `channels`, whole channels of a row are dropped or kept: neighbouring pixels tell much the same, so dropping single ones
    takes little away. Shape: any. forward in training needs `rng` (a model hands each layer its own).
    Source: Srivastava et al. 2014, section 10, in its inverted form; for channels Tompson et al. 2015, section 3.2
    (arXiv:1411.4280).
    """

    arguments = ("rate", "channels")
    draws = True

    def __init__(self, rate, channels=False):
        super().__init__()
        self.rate, self.channels = float(rate), bool(channels)
        if not 0 <= self.rate < 1:
            raise self.fail(f"rate={rate} is the share that is dropped; it must be at least 0 and below 1")

    def forward(self, x, training, rng=None):
        """x * mask in training, x otherwise."""
        self.check(x)
        self.mask = None
        if not training or self.rate == 0:
            return x
        if rng is None:
            raise self.fail("training draws a mask; pass rng=numpy.random.default_rng(seed)")
        shape = (len(x), *(1,) * (x.ndim - 2), x.shape[-1]) if self.channels and x.ndim > 1 else x.shape
        keep = rng.random(shape, dtype=np.float32) >= self.rate
        self.mask = keep * x.dtype.type(1 / (1 - self.rate))
        return x * self.mask

    def drawn(self):
        """One number a value, or a channel."""
        return self.input_shape[-1] if self.channels and self.input_shape else super().drawn()

    def backward(self, grad):
        """grad * mask."""
        return grad if self.mask is None else grad * self.mask
