"""Warps: a picture resampled along moved, turned or stretched axes."""

import numpy as np


def warp(x: np.ndarray, maps: np.ndarray) -> np.ndarray:
    """Each image as seen through its own affine map: output pixel (h, w) shows input position maps @ (h, w, 1), in pixels.

    Between pixels it is interpolated bilinearly; outside the image everything is 0.
    Shape: x (N, H, W, C), maps (N, 2, 3) -> (N, H, W, C).
    """
    n, height, width, _ = x.shape
    grid = np.stack([*np.meshgrid(np.arange(height), np.arange(width), indexing="ij"), np.ones((height, width))])
    h, w = np.moveaxis(np.einsum("nij,jhw->nihw", maps.astype(x.dtype), grid.astype(x.dtype)), 1, 0)
    top, left = np.floor(h), np.floor(w)
    down, right = h - top, w - left
    y = np.zeros_like(x)
    for rows, share_h in ((top, 1 - down), (top + 1, down)):
        for columns, share_w in ((left, 1 - right), (left + 1, right)):
            inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
            share = np.where(inside, share_h * share_w, 0)
            at = [np.where(inside, index, 0).astype(np.intp) for index in (rows, columns)]
            y += x[np.arange(n)[:, None, None], at[0], at[1]] * share[..., None]
    return y
