"""Convolution as one matrix product over windows ("im2col"), for any number of spatial axes.

With x padded, and for one group:

    y[n, oh, ow, oc] = bias[oc] + sum over kh, kw, c of x[n, oh*stride + kh*dilation, ow*stride + kw*dilation, c]
                                                        * weight[kh, kw, c, oc]

With groups, the channels fall into equal groups that do not see each other. (As everywhere in this field the kernel is not
flipped: strictly it is a cross-correlation.) Source: Goodfellow, Bengio & Courville 2016, Deep Learning, section 9.1.
"""

import numpy as np

from tinycnn.ops.numpy.windows import gather_windows, scatter_windows
from tinycnn.ops.shapes import Window


def conv(x: np.ndarray, weight: np.ndarray, bias: np.ndarray | None, window: Window, groups: int) -> np.ndarray:
    """Convolve x with weight.

    Shape: x (N, H, W, C), weight (KH, KW, C / groups, OC), bias (OC,) or None -> y (N, OH, OW, OC).
    """
    # A batched product makes one BLAS call a row, so that a row's bits never depend on its neighbours.
    y = _patches(x, window, groups) @ _matrix(weight, groups)  # (N, G, P, OC/G), P = OH*OW positions
    y = y.swapaxes(1, 2).reshape(len(x), *window.output_size(x.shape[1:-1]), weight.shape[-1])
    if bias is not None:
        y += bias
    return y


def conv_backward(
    grad_output: np.ndarray,
    x: np.ndarray,
    weight: np.ndarray,
    window: Window,
    groups: int,
    wants_input: bool = True,
    wants_bias: bool = True,
    wants_weight: bool = True,
) -> tuple[np.ndarray | None, np.ndarray | None, np.ndarray | None]:
    """The gradients of `conv`: grad_input as x, grad_weight as weight, grad_bias (OC,); None for each that is not wanted.

    y = patches @ matrix, so grad_matrix = patches^T @ grad_y, grad_patches = grad_y @ matrix^T, and each patch's gradient goes
    back to the pixels that the patch was cut from.
    """
    grad_y = grad_output.reshape(len(x), -1, groups, weight.shape[-1] // groups).swapaxes(1, 2)  # (N, G, P, OC/G)
    grad_input = grad_weight = grad_bias = None
    if wants_weight:
        grad_matrix = _rows(_patches(x, window, groups)).swapaxes(1, 2) @ _rows(grad_y)  # (G, K, OC/G)
        grad_weight = grad_matrix.swapaxes(0, 1).reshape(weight.shape)
    if wants_bias:
        grad_bias = grad_output.sum(axis=tuple(range(grad_output.ndim - 1)))
    if wants_input:
        grad_patches = grad_y @ _matrix(weight, groups).swapaxes(1, 2)  # (N, G, P, K)
        grad_input = scatter_windows(_windows(grad_patches, x, window), x.shape[1:-1], window)
    return grad_input, grad_weight, grad_bias


def _patches(x: np.ndarray, window: Window, groups: int) -> np.ndarray:
    """(N, G, P, K): each group's windows as rows of K = KH*KW*C/G numbers."""
    windows = gather_windows(x, window)  # (N, OH, OW, KH, KW, C)
    split = windows.reshape(*windows.shape[:-1], groups, -1) if groups > 1 else windows[..., None, :]
    taps = int(np.prod(window.kernel))
    return np.moveaxis(split, -2, 1).reshape(len(x), groups, -1, taps * x.shape[-1] // groups)


def _windows(patches: np.ndarray, x: np.ndarray, window: Window) -> np.ndarray:
    """The inverse of `_patches`' reshaping: (N, G, P, K) -> (N, OH, OW, KH, KW, C)."""
    groups = patches.shape[1]
    positions = window.output_size(x.shape[1:-1])
    split = patches.reshape(len(x), groups, *positions, *window.kernel, x.shape[-1] // groups)
    return np.moveaxis(split, 1, -2).reshape(len(x), *positions, *window.kernel, x.shape[-1])


def _matrix(weight: np.ndarray, groups: int) -> np.ndarray:
    """(G, K, OC/G): each group's weights as one matrix. Output channels of one group are neighbours."""
    return weight.reshape(-1, groups, weight.shape[-1] // groups).swapaxes(0, 1)


def _rows(batched: np.ndarray) -> np.ndarray:
    """(N, G, P, K) -> (G, N*P, K): all positions of all rows of one group below each other."""
    return batched.swapaxes(0, 1).reshape(batched.shape[1], -1, batched.shape[-1])
