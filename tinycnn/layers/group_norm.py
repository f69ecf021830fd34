"""Normalisation within a row: nothing depends on the batch, so that training and eval are one."""

from __future__ import annotations

from math import prod

from tinycnn import init, ops
from tinycnn.layers.base import Layer
from tinycnn.ops.shapes import positive_int


class GroupNorm(Layer):
    """Normalise each row's groups of channels over the space, then scale and shift every channel.

        y = gamma * (x - mean) / sqrt(var + eps) + beta,    mean and var of a row's group

    Shape: x (N, ..., C) -> y (N, ..., C); gamma and beta (C,). `groups` must divide C; with 1 a row is normalised as a whole,
    with C each channel by itself. Source: Wu & He 2018, section 3 (arXiv:1803.08494).
    """

    arguments = ("groups", "eps")

    def __init__(self, groups, eps=1e-5):
        super().__init__()
        self.groups, self.eps = positive_int(groups, f"{self.name}: groups"), float(eps)
        if not self.eps > 0:
            raise self.fail(f"eps={eps} must be above 0")

    def setup(self, shape):
        """The shape stays; gamma and beta are (C,)."""
        if not shape or shape[-1] % self.groups:
            raise self.fail(f"got an input of shape {shape}; groups={self.groups} must divide its channels, the last axis")
        self.normalised = self.as_rows(shape)
        values = self.normalised[0] * self.normalised[1] // self.groups
        if values == 1:
            raise self.fail(f"got an input of shape {shape} with one value a group; it needs at least two to normalise")
        self.declare("gamma", shape[-1:], init.ones)
        self.declare("beta", shape[-1:], init.zeros)
        return shape

    def as_rows(self, shape):
        """What is normalised, a row of it: (positions, C)."""
        return prod(shape[:-1]), shape[-1]

    def forward(self, x, training, rng=None):
        """See `ops.group_norm`."""
        rows = self.check(x).reshape(-1, *self.normalised)
        y, self.xhat, self.inverse_std = ops.group_norm(rows, self.params["gamma"], self.params["beta"], self.groups, self.eps)
        return y.reshape(x.shape)

    def backward(self, grad):
        """See `ops.group_norm_backward`."""
        learns = not self.frozen
        rows = grad.reshape(self.xhat.shape)
        grad_input, grad_gamma, grad_beta = ops.group_norm_backward(
            rows, self.xhat, self.inverse_std, self.params["gamma"], learns
        )
        if learns:
            self.grads["gamma"], self.grads["beta"] = grad_gamma, grad_beta
        return grad_input.reshape(grad.shape)

    def receptive_field(self, field):
        """The whole input."""
        return None


class LayerNorm(GroupNorm):
    """Normalise every position over its channels, then scale and shift: a `GroupNorm(1)` of positions as rows without space.

    Shape: x (N, ..., C) -> y (N, ..., C); gamma and beta (C,). To normalise a whole row, space and channels: `GroupNorm(1)`.
    Source: Ba, Kiros & Hinton 2016, equation 3 (arXiv:1607.06450); in a CNN over the channels alone, as in Liu et al. 2022
    (arXiv:2201.03545).
    """

    arguments = ("eps",)

    def __init__(self, eps=1e-5):
        super().__init__(1, eps)

    def as_rows(self, shape):
        """A position is a row."""
        return 1, shape[-1]

    def receptive_field(self, field):
        """Nothing beside the position."""
        return field
