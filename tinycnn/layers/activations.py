"""Activations: element by element, but for Softmax."""

from __future__ import annotations

from math import inf

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


class LeakyReLU(Layer):
    """y = x where x > 0, else slope * x, with a slope of at least 0. Shape: any. Source: Maas, Hannun & Ng 2013."""

    arguments = ("slope",)

    def __init__(self, slope=0.01):
        super().__init__()
        self.slope = float(slope)
        if not 0 <= self.slope < inf:
            raise self.fail(f"slope={slope} must be finite and at least 0")

    def forward(self, x, training, rng=None):
        """See `ops.leaky_relu`."""
        self.y = ops.leaky_relu(self.check(x), self.slope)
        return self.y

    def backward(self, grad):
        """See `ops.leaky_relu_backward`."""
        return ops.leaky_relu_backward(grad, self.y, self.slope)


class ELU(Layer):
    """y = x where x > 0, else exp(x) - 1. Shape: any. Source: Clevert, Unterthiner & Hochreiter 2016 (arXiv:1511.07289)."""

    def forward(self, x, training, rng=None):
        """See `ops.elu`."""
        self.y = ops.elu(self.check(x))
        return self.y

    def backward(self, grad):
        """See `ops.elu_backward`."""
        return ops.elu_backward(grad, self.y)


class GELU(Layer):
    """y = x * P(normal number < x), in its tanh form. Shape: any. Source: Hendrycks & Gimpel 2016 (arXiv:1606.08415)."""

    def forward(self, x, training, rng=None):
        """See `ops.gelu`."""
        self.x = self.check(x)
        return ops.gelu(x)

    def backward(self, grad):
        """See `ops.gelu_backward`."""
        return ops.gelu_backward(grad, self.x)


class SiLU(Layer):
    """y = x * sigmoid(x), also called swish. Shape: any. Source: Ramachandran, Zoph & Le 2017 (arXiv:1710.05941)."""

    def forward(self, x, training, rng=None):
        """See `ops.silu`."""
        self.x = self.check(x)
        return ops.silu(x)

    def backward(self, grad):
        """See `ops.silu_backward`."""
        return ops.silu_backward(grad, self.x)


class Tanh(Layer):
    """y = tanh(x). Shape: any. Source: LeCun et al. 1998, Efficient BackProp, section 4.4."""

    def forward(self, x, training, rng=None):
        """See `ops.tanh`."""
        self.y = ops.tanh(self.check(x))
        return self.y

    def backward(self, grad):
        """See `ops.tanh_backward`."""
        return ops.tanh_backward(grad, self.y)


class Softplus(Layer):
    """y = log(1 + exp(x)). Shape: any. Source: Dugas et al. 2001 (NIPS 13)."""

    def forward(self, x, training, rng=None):
        """See `ops.softplus`."""
        self.y = ops.softplus(self.check(x))
        return self.y

    def backward(self, grad):
        """See `ops.softplus_backward`."""
        return ops.softplus_backward(grad, self.y)
