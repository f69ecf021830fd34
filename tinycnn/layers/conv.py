"""Convolution layers."""

from __future__ import annotations

from math import prod

from tinycnn import init, ops
from tinycnn.layers.windowed import Windowed
from tinycnn.ops.shapes import per_axis, positive_int


class Conv(Windowed):
    """Slide `filters` learned kernels over the input.

        y = conv(x, weight) + bias

    Shape: x (N, H, W, C) -> y (N, OH, OW, filters); weight (KH, KW, C / groups, filters), bias (filters,).
    padding "same" gives OH = ceil(H / stride), "valid" none, an int that many zeros on every side. `groups` must divide both
    C and `filters`; groups = C is the depthwise convolution. `initialiser` draws the weight. The mathematics, with its source:
    `tinycnn.ops.numpy.conv`.
    """

    arguments = ("filters", "kernel_size", "stride", "padding", "dilation", "groups", "bias")

    def __init__(self, filters, kernel_size, stride=1, padding="same", dilation=1, groups=1, bias=True, *, initialiser=init.he):
        super().__init__()
        self.filters = positive_int(filters, f"{self.name}: filters")
        self.groups = positive_int(groups, f"{self.name}: groups")
        self.kernel_size = per_axis(kernel_size, self.rank, f"{self.name}: kernel_size")
        self.stride = per_axis(stride, self.rank, f"{self.name}: stride")
        self.dilation = per_axis(dilation, self.rank, f"{self.name}: dilation")
        self.padding = self.plain_padding(padding)
        self.bias, self.initialiser = bool(bias), initialiser

    def setup(self, shape):
        """(H, W, C) -> (OH, OW, filters)."""
        size = self.place(shape, self.kernel_size, self.stride, self.dilation, self.padding)
        channels = shape[-1]
        if channels % self.groups or self.filters % self.groups:
            raise self.fail(f"groups={self.groups} must divide its {channels} input channels and {self.filters} filters")
        weight = (*self.kernel_size, channels // self.groups, self.filters)
        self.declare("weight", weight, self.initialiser, decays=True)
        if self.bias:
            self.declare("bias", (self.filters,), init.zeros)
        return (*size, self.filters)

    def forward(self, x, training, rng=None):
        """See the class."""
        self.x = self.check(x)
        bias = self.params["bias"] if self.bias else None
        return ops.conv(x, self.params["weight"], bias, self.window, self.groups)

    def backward(self, grad):
        """See `ops.conv_backward`."""
        return self._backward(grad, wants_input=True)

    def backward_parameters(self, grad):
        """See `Layer.backward_parameters`."""
        self._backward(grad, wants_input=False)

    def _backward(self, grad, wants_input):
        learns = not self.frozen
        grad_input, grad_weight, grad_bias = ops.conv_backward(
            grad, self.x, self.params["weight"], self.window, self.groups, wants_input, self.bias and learns, learns
        )
        if learns:
            self.grads["weight"] = grad_weight
            if self.bias:
                self.grads["bias"] = grad_bias
        return grad_input

    def macs(self):
        """Positions x kernel x channels."""
        return prod(self.output_shape[:-1]) * prod(self.declared["weight"].shape)


class Conv1D(Conv):
    """Convolution over signals: x (N, W, C) -> (N, OW, filters)."""

    rank = 1


class Conv2D(Conv):
    """Convolution over images: x (N, H, W, C) -> (N, OH, OW, filters)."""

    rank = 2


class Conv3D(Conv):
    """Convolution over volumes: x (N, D, H, W, C) -> (N, OD, OH, OW, filters)."""

    rank = 3
