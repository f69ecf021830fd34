"""Warps: a picture resampled along moved, turned, stretched or bent axes."""

import numpy as np

OUTSIDE = ("edge", "zero")


def warp(x: np.ndarray, maps: np.ndarray, field: np.ndarray | None = None, outside: str = "edge") -> np.ndarray:
    """Each image as seen through its own map: output pixel (h, w) shows the input at maps @ (h, w, 1) + d(h, w), in pixels.

    Between pixels it is interpolated bilinearly. Beyond the image lies its nearest pixel ("edge"), or 0 ("zero").

    d is 0 without a `field`, which is a coarse grid of displacements: the control points of cubic B-splines, see `spline_basis`.
    So d is smooth, and nowhere larger than the largest of them. Source: Rueckert et al. 1999, Nonrigid registration using
    free-form deformations (IEEE TMI 18).

    Shape: x (N, H, W, C), maps (N, 2, 3), field (N, GH, GW, 2) with at least 4 x 4 points -> (N, H, W, C).
    Raises ValueError for another word than the two.
    """
    check_outside(outside)
    n, height, width, _ = x.shape
    grid = np.stack([*np.meshgrid(np.arange(height), np.arange(width), indexing="ij"), np.ones((height, width))])
    h, w = np.moveaxis(np.einsum("nij,jhw->nihw", maps.astype(x.dtype), grid.astype(x.dtype)), 1, 0)
    if field is not None:
        bases = [
            spline_basis(points, size).astype(x.dtype) for points, size in ((field.shape[1], height), (field.shape[2], width))
        ]
        moved = np.einsum("npqi,ph,qw->inhw", field.astype(x.dtype), *bases)
        h, w = h + moved[0], w + moved[1]
    if outside == "edge":
        h, w = (np.fmin(np.fmax(at, 0), size - 1) for at, size in ((h, height), (w, width)))
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


def spline_basis(points: int, size: int) -> np.ndarray:
    """The weight of each of `points` control points at each of `size` pixels: a pixel's four are positive, and sum to 1.

    The first pixel lies at the second point, the last at the last but one.

        weight = 2/3 - d^2 + d^3 / 2 for d < 1,  (2 - d)^3 / 6 for d < 2,  d = distance to the point / distance of two points
    """
    if points < 4:
        raise ValueError(f"a field has {points} points along an axis; cubic splines need at least 4")
    d = np.abs(np.linspace(0, points - 3, size) - np.arange(-1, points - 1)[:, None])
    return np.where(d < 1, 2 / 3 - d**2 + d**3 / 2, np.maximum(2 - d, 0) ** 3 / 6)


def check_outside(outside: str) -> None:
    """Raise ValueError for a word that `warp` does not know."""
    if outside not in OUTSIDE:
        raise ValueError(f"outside is {outside!r}; it must be one of {', '.join(OUTSIDE)}")
