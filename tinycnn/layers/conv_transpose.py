"""Transposed convolution layers."""

from __future__ import annotations

from math import prod

from tinycnn import init, ops
from tinycnn.layers.windowed import Windowed, spread_field
from tinycnn.ops.shapes import per_axis, place_transposed, positive_int


class ConvTranspose(Windowed):
    """Lay `filters` learned kernels on the output for every pixel, `stride` apart; what overlaps adds up.

        y = conv_transpose(x, weight) + bias

    Shape: x (N, H, W, C) -> y (N, OH, OW, filters); weight (KH, KW, C, filters), bias (filters,).
    padding "same" gives OH = H * stride, "valid" (H - 1) * stride + KH, an int cuts so many pixels off both sides of that.
    `initialiser` draws the weight. The mathematics, with its source: `tinycnn.ops.numpy.conv_transpose`.
    """

    arguments = ("filters", "kernel_size", "stride", "padding", "bias")

    def __init__(self, filters, kernel_size, stride=1, padding="same", bias=True, *, initialiser=init.he):
        super().__init__()
        self.filters = positive_int(filters, f"{self.name}: filters")
        self.kernel_size = per_axis(kernel_size, self.rank, f"{self.name}: kernel_size")
        self.stride = per_axis(stride, self.rank, f"{self.name}: stride")
        self.padding = self.plain_padding(padding)
        self.bias, self.initialiser = bool(bias), initialiser

    def setup(self, shape):
        """(H, W, C) -> (OH, OW, filters)."""
        self.check_rank(shape)
        try:
            self.window, size = place_transposed(shape[:-1], self.kernel_size, self.stride, self.padding)
        except ValueError as error:
            raise self.fail(str(error)) from None
        self.declare("weight", (*self.kernel_size, shape[-1], self.filters), self.initialiser, decays=True)
        if self.bias:
            self.declare("bias", (self.filters,), init.zeros)
        return (*size, self.filters)

    def forward(self, x, training, rng=None):
        """See the class."""
        self.x = self.check(x)
        bias = self.params["bias"] if self.bias else None
        return ops.conv_transpose(x, self.params["weight"], bias, self.window, self.output_shape[:-1])

    def backward(self, grad):
        """See `ops.conv_transpose_backward`."""
        return self._backward(grad, wants_input=True)

    def backward_parameters(self, grad):
        """See `Layer.backward_parameters`."""
        self._backward(grad, wants_input=False)

    def _backward(self, grad, wants_input):
        learns = not self.frozen
        grad_input, grad_weight, grad_bias = ops.conv_transpose_backward(
            grad, self.x, self.params["weight"], self.window, wants_input, self.bias and learns, learns
        )
        if learns:
            self.grads["weight"] = grad_weight
            if self.bias:
                self.grads["bias"] = grad_bias
        return grad_input

    def macs(self):
        """Input positions x kernel x channels."""
        return prod(self.input_shape[:-1]) * prod(self.declared["weight"].shape)

    def receptive_field(self, field):
        """See `spread_field`."""
        return spread_field(field, self.kernel_size, self.stride)


class ConvTranspose2D(ConvTranspose):
    """Transposed convolution over images: x (N, H, W, C) -> (N, OH, OW, filters)."""

    rank = 2
