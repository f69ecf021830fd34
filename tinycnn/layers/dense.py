"""The fully connected layer."""

from __future__ import annotations

from tinycnn import init, ops
from tinycnn.layers.base import Layer
from tinycnn.ops.shapes import positive_int


class Dense(Layer):
    """Every output sees every input.

        y = x @ weight + bias

    Source: Goodfellow, Bengio & Courville 2016, Deep Learning, section 6.1.
    Shape: x (N, C) -> y (N, units); weight (C, units), bias (units,). `initialiser` draws the weight.
    """

    arguments = ("units", "bias")

    def __init__(self, units, bias=True, *, initialiser=init.glorot):
        super().__init__()
        self.units = positive_int(units, f"{self.name}: units")
        self.bias, self.initialiser = bool(bias), initialiser

    def setup(self, shape):
        """(C,) -> (units,)."""
        if len(shape) != 1:
            raise self.fail(f"got an input of shape {shape}; it needs (C,): put Flatten() or GlobalAvgPool() before it")
        self.declare("weight", (shape[0], self.units), self.initialiser, decays=True)
        if self.bias:
            self.declare("bias", (self.units,), init.zeros)
        return (self.units,)

    def forward(self, x, training, rng=None):
        """See the class."""
        self.x = self.check(x)
        return ops.dense(x, self.params["weight"], self.params["bias"] if self.bias else None)

    def backward(self, grad):
        """See `ops.dense_backward`."""
        return self._backward(grad, wants_input=True)

    def backward_parameters(self, grad):
        """See `Layer.backward_parameters`."""
        self._backward(grad, wants_input=False)

    def _backward(self, grad, wants_input):
        learns = not self.frozen
        grad_input, grad_weight, grad_bias = ops.dense_backward(grad, self.x, self.params["weight"], wants_input, learns)
        if learns:
            self.grads["weight"] = grad_weight
            if self.bias:
                self.grads["bias"] = grad_bias
        return grad_input

    def macs(self):
        """Inputs x outputs."""
        return self.input_shape[0] * self.units

    def receptive_field(self, field):
        """The whole input."""
        return None
