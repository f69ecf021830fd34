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

    y = patches @ matrix, and the two functions below.
    """
    grad_input = conv_input_gradient(grad_output, weight, x.shape[1:-1], window, groups) if wants_input else None
    grad_bias = grad_output.sum(axis=tuple(range(grad_output.ndim - 1))) if wants_bias else None
    grad_weight = conv_weight_gradient(grad_output, x, window, groups) if wants_weight else None
    return grad_input, grad_weight, grad_bias


def conv_input_gradient(
    grad_output: np.ndarray, weight: np.ndarray, size: tuple[int, ...], window: Window, groups: int
) -> np.ndarray:
    """grad_patches = grad_y @ matrix^T, and each patch's gradient goes back to the pixels that the patch was cut from.

    Shape: grad_output (N, OH, OW, OC), weight (KH, KW, C / groups, OC), size (H, W) -> (N, H, W, C).
    """
    grad_patches = _columns(grad_output, groups) @ _matrix(weight, groups).swapaxes(1, 2)  # (N, G, P, K)
    return scatter_windows(_windows(grad_patches, window, size), size, window)


def conv_weight_gradient(grad_output: np.ndarray, x: np.ndarray, window: Window, groups: int) -> np.ndarray:
    """grad_matrix = patches^T @ grad_y, over all rows. Shape: as in `conv_backward` -> (KH, KW, C / groups, OC)."""
    grad_matrix = _rows(_patches(x, window, groups)).swapaxes(1, 2) @ _rows(_columns(grad_output, groups))  # (G, K, OC/G)
    return grad_matrix.swapaxes(0, 1).reshape(*window.kernel, x.shape[-1] // groups, grad_output.shape[-1])


def _patches(x: np.ndarray, window: Window, groups: int) -> np.ndarray:
    """(N, G, P, K): each group's windows as rows of K = KH*KW*C/G numbers."""
    windows = gather_windows(x, window)  # (N, OH, OW, KH, KW, C)
    split = windows.reshape(*windows.shape[:-1], groups, -1) if groups > 1 else windows[..., None, :]
    taps = int(np.prod(window.kernel))
    return np.moveaxis(split, -2, 1).reshape(len(x), groups, -1, taps * x.shape[-1] // groups)


def _windows(patches: np.ndarray, window: Window, size: tuple[int, ...]) -> np.ndarray:
    """The inverse of `_patches`' reshaping: (N, G, P, K) -> (N, OH, OW, KH, KW, C), over an input of `size`."""
    positions, taps = window.output_size(size), int(np.prod(window.kernel))
    split = patches.reshape(*patches.shape[:2], *positions, *window.kernel, patches.shape[-1] // taps)
    return np.moveaxis(split, 1, -2).reshape(len(patches), *positions, *window.kernel, -1)


def _columns(y: np.ndarray, groups: int) -> np.ndarray:
    """(N, OH, OW, OC) -> (N, G, P, OC/G)."""
    return y.reshape(len(y), -1, groups, y.shape[-1] // groups).swapaxes(1, 2)


def _matrix(weight: np.ndarray, groups: int) -> np.ndarray:
    """(G, K, OC/G): each group's weights as one matrix. Output channels of one group are neighbours."""
    return weight.reshape(-1, groups, weight.shape[-1] // groups).swapaxes(0, 1)


def _rows(batched: np.ndarray) -> np.ndarray:
    """(N, G, P, K) -> (G, N*P, K): all positions of all rows of one group below each other."""
    return batched.swapaxes(0, 1).reshape(batched.shape[1], -1, batched.shape[-1])
