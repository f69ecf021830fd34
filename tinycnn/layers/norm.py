"""Normalisation layers."""

from __future__ import annotations

import numpy as np

from tinycnn import init, ops
from tinycnn.layers.base import Layer


class BatchNorm(Layer):
    """Normalise each channel over the batch and the space, then scale and shift.

        y = gamma * (x - mean) / sqrt(var + eps) + beta

    Shape: x (N, ..., C) -> y (N, ..., C).  Training uses the batch's mean and (biased) variance, and moves the running ones:
    running = (1 - momentum) * running + momentum * batch's, with the unbiased variance. Eval uses the running ones, in forward
    and in backward; so does a frozen layer in training, so that nothing of it moves. A training batch with one value a channel
    has no variance and is refused.
    Source: Ioffe & Szegedy 2015, algorithms 1 and 2 (arXiv:1502.03167); momentum and variance as in PyTorch.
    """

    arguments = ("momentum", "eps")

    def __init__(self, momentum=0.1, eps=1e-5):
        super().__init__()
        self.momentum, self.eps = float(momentum), float(eps)
        if not 0 <= self.momentum <= 1 or not self.eps > 0:
            raise self.fail(f"momentum={momentum} must be in [0, 1] and eps={eps} above 0")

    def setup(self, shape):
        """The shape stays; every array is (C,)."""
        if not shape:
            raise self.fail("got rows without a channel axis; it needs (N, ..., C)")
        channels = shape[-1:]
        self.declare("gamma", channels, init.ones)
        self.declare("beta", channels, init.zeros)
        self.declare_buffer("running_mean", channels, init.zeros)
        self.declare_buffer("running_var", channels, init.ones)
        return shape

    def forward(self, x, training, rng=None):
        """See the class."""
        self.x, self.of_batch = self.check(x), training and not self.frozen
        if self.of_batch:
            self.mean, variance = self._batch_statistics(x)
        else:
            self.mean, variance = self.buffers["running_mean"].copy(), self.buffers["running_var"]
        self.inverse_std = 1 / np.sqrt(variance + x.dtype.type(self.eps))
        return ops.normalise(x, self.mean, self.inverse_std, self.params["gamma"], self.params["beta"])

    def backward(self, grad):
        """See `ops.normalise_backward`."""
        learns = not self.frozen
        grad_input, grad_gamma, grad_beta = ops.normalise_backward(
            grad, self.x, self.mean, self.inverse_std, self.params["gamma"], self.of_batch, learns
        )
        if learns:
            self.grads["gamma"], self.grads["beta"] = grad_gamma, grad_beta
        return grad_input

    def _batch_statistics(self, x):
        count = x.size // x.shape[-1]
        if count == 1:
            raise self.fail(f"got a training batch {x.shape} with one value a channel; it needs at least two")
        mean, variance = ops.batch_statistics(x)
        for name, new in (("running_mean", mean), ("running_var", variance * (count / (count - 1)))):
            self.buffers[name] = (1 - self.momentum) * self.buffers[name] + self.momentum * new
        return mean, variance
