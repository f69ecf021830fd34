"""Nearest-neighbour upsampling: every pixel becomes a block of equal ones, for any number of spatial axes."""

import numpy as np


def upsample(x: np.ndarray, factor: tuple[int, ...]) -> np.ndarray:
    """y[n, h, w, c] = x[n, h // factor, w // factor, c]. Shape: x (N, H, W, C) -> y (N, H*factor, W*factor, C)."""
    size, rank = x.shape[1:-1], len(factor)
    blocks = np.expand_dims(x, tuple(range(2, 2 * rank + 1, 2)))  # (N, H, 1, W, 1, C)
    shape = [n for axis in zip(size, factor, strict=True) for n in axis]
    larger = tuple(n * f for n, f in zip(size, factor, strict=True))
    return np.broadcast_to(blocks, (len(x), *shape, x.shape[-1])).reshape(len(x), *larger, x.shape[-1])


def upsample_backward(grad_output: np.ndarray, factor: tuple[int, ...]) -> np.ndarray:
    """A pixel's gradient is the sum over its block. Shape: (N, H*factor, W*factor, C) -> (N, H, W, C)."""
    axes = [n for large, f in zip(grad_output.shape[1:-1], factor, strict=True) for n in (large // f, f)]
    blocks = grad_output.reshape(len(grad_output), *axes, grad_output.shape[-1])
    return blocks.sum(axis=tuple(range(2, 2 * len(factor) + 1, 2)))
