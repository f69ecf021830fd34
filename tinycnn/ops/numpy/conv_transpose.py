"""Transposed convolution: what carries a convolution's gradient back to its input, taken as a forward pass. Any number of axes.

Every input pixel lays its own multiple of the kernel on the output, `stride` apart, and overlaps sum:

    y[n, h*stride + kh - before, w*stride + kw - before, oc] += x[n, h, w, c] * weight[kh, kw, c, oc];   y += bias

So nothing is new here: forward is the input gradient of the convolution from y's size to x's, and backward is that convolution.
Source: Dumoulin & Visin 2016, A guide to convolution arithmetic for deep learning, chapter 4 (arXiv:1603.07285).
"""

import numpy as np

from tinycnn.ops.numpy.conv import conv, conv_input_gradient, conv_weight_gradient
from tinycnn.ops.shapes import Window


def conv_transpose(
    x: np.ndarray, weight: np.ndarray, bias: np.ndarray | None, window: Window, size: tuple[int, ...]
) -> np.ndarray:
    """Spread x over an output of `size`, over which `window` slides: see `ops.shapes.place_transposed`.

    Shape: x (N, H, W, C), weight (KH, KW, C, OC), bias (OC,) or None, size (OH, OW) -> y (N, OH, OW, OC).
    """
    y = conv_input_gradient(x, weight.swapaxes(-1, -2), size, window, 1)
    if bias is not None:
        y += bias
    return y


def conv_transpose_backward(
    grad_output: np.ndarray,
    x: np.ndarray,
    weight: np.ndarray,
    window: Window,
    wants_input: bool = True,
    wants_bias: bool = True,
    wants_weight: bool = True,
) -> tuple[np.ndarray | None, np.ndarray | None, np.ndarray | None]:
    """The gradients of `conv_transpose`: grad_input as x, grad_weight as weight, grad_bias (OC,); None where not wanted."""
    grad_input = conv(grad_output, weight.swapaxes(-1, -2), None, window, 1) if wants_input else None
    grad_weight = conv_weight_gradient(x, grad_output, window, 1).swapaxes(-1, -2) if wants_weight else None
    grad_bias = grad_output.sum(axis=tuple(range(grad_output.ndim - 1))) if wants_bias else None
    return grad_input, grad_weight, grad_bias
