"""Activations: element by element, but for Softmax."""

from __future__ import annotations

from tinycnn import ops
from tinycnn.layers.base import Layer


class ReLU(Layer):
    """y = max(x, 0). Shape: any. Source: Nair & Hinton 2010."""

    def forward(self, x, training, rng=None):
        """See `ops.relu`."""
        self.y = ops.relu(self.check(x))
        return self.y

    def backward(self, grad):
        """See `ops.relu_backward`."""
        return ops.relu_backward(grad, self.y)


class Sigmoid(Layer):
    """y = 1 / (1 + exp(-x)). Shape: any. The losses take logits: for training leave it out, `predict_proba` applies it."""

    def forward(self, x, training, rng=None):
        """See `ops.sigmoid`."""
        self.y = ops.sigmoid(self.check(x))
        return self.y

    def backward(self, grad):
        """See `ops.sigmoid_backward`."""
        return ops.sigmoid_backward(grad, self.y)


class Softmax(Layer):
    """y = exp(x) / sum(exp(x)) over the channels. Shape: x (N, ..., C). For training leave it out; see `Sigmoid`."""

    def forward(self, x, training, rng=None):
        """See `ops.softmax`."""
        self.y = ops.softmax(self.check(x))
        return self.y

    def backward(self, grad):
        """See `ops.softmax_backward`."""
        return ops.softmax_backward(grad, self.y)
