"""Pictures changed a little, anew in every epoch, so that a network learns what they have in common. Training part only.

Each change has a strength, 0 for none; all draw from the generator they are given. Pictures are (N, H, W, C) float32, scaled.
"""

from __future__ import annotations

import numpy as np

from bcdetect.config import Config
from tinycnn import ops

CELLS = 4  # a side, that elastic changes bend a picture in
WARPS = ("flip", "vertical_flip", "rotate", "shift", "scale", "shear", "elastic")


def augment(
    x: np.ndarray,
    config: Config,
    rng: np.random.Generator,
    black: np.ndarray | None = None,
    white: np.ndarray | None = None,
    missing: np.ndarray | None = None,
    outside: str = "edge",
) -> np.ndarray:
    """Every change of the settings, in the order below, as a new array. Shape: (N, H, W, C), as x.

    `black` and `white` (C,) are what black and white became in scaling; without them they are each picture's own least and
    largest value. Channels that are `missing` (N, C) stay 0. `outside`: see `ops.warp`.
    """
    with ops.backend(ops.trains_on()):
        y = x
        if any(getattr(config, name) for name in WARPS):
            y = ops.warp(y, affine_maps(x.shape, config, rng), elastic_field(x.shape, config.elastic, rng), outside)
        if config.blur:
            y = ops.blur(y, rng.uniform(0, config.blur, len(x)))
        if config.gamma or config.intensity:
            y = tones(y, config.gamma, config.intensity, rng, black, white)
        if config.noise:
            y = ops.add_noise(y, np.full(len(x), config.noise), rng.integers(2**64, size=(len(x), 2), dtype=np.uint64))
    if y is x:
        y = x.copy()
    if config.cutout:
        cut_out(y, config.cutout, rng)
    if missing is not None:
        for i, c in np.argwhere(missing):
            y[i, :, :, c] = 0
    return y


def affine_maps(shape: tuple[int, ...], config: Config, rng: np.random.Generator) -> np.ndarray:
    """A random map for each picture, about its middle, as `ops.warp` takes them. Shape: (N, 2, 3).

    Left and right change places with probability `flip`, top and bottom with `vertical_flip`; `rotate` is the largest angle in
    degrees, `shift` the largest way as a share of the side, `scale` and `shear` the largest share by which it grows or leans.
    """
    n, height, width, _ = shape
    angle = np.deg2rad(rng.uniform(-config.rotate, config.rotate, n))
    grown = 1 + rng.uniform(-config.scale, config.scale, n)
    lean = rng.uniform(-config.shear, config.shear, n)
    sides = np.array([height, width])
    moved = rng.uniform(-config.shift, config.shift, (n, 2)) * sides
    mirror = np.where(rng.random((n, 2)) < (config.vertical_flip, config.flip), -1.0, 1.0)
    cos, sin = np.cos(angle) / grown, np.sin(angle) / grown
    linear = np.empty((n, 2, 2))
    linear[:, 0] = np.stack([cos, -sin], axis=1)
    linear[:, 1] = np.stack([sin + lean * cos, cos - lean * sin], axis=1)
    linear *= mirror[:, None]
    middle = (sides - 1) / 2
    offset = middle + moved - linear @ middle
    return np.concatenate([linear, offset[:, :, None]], axis=2)


def elastic_field(shape: tuple[int, ...], strength: float, rng: np.random.Generator) -> np.ndarray | None:
    """A random field for each picture, as `ops.warp` takes it, or None for 0: no pixel moves by more than `strength` of a side.

    Random displacements, smoothed, as in Simard et al. 2003, Best practices for convolutional neural networks (ICDAR); here by
    the splines between a few of them, not by a Gaussian over as many as there are pixels. Below 0.48 of the distance of two
    points, 0.12 of the side, nothing folds over. Source of that: Choi and Lee 2000, Injectivity conditions of 2D and 3D uniform
    cubic B-spline functions (Graphical Models 62).
    """
    if not strength:
        return None
    n, height, width, _ = shape
    return rng.uniform(-strength, strength, (n, CELLS + 3, CELLS + 3, 2)) * (height, width)


def tones(
    x: np.ndarray,
    gamma: float,
    intensity: float,
    rng: np.random.Generator,
    black: np.ndarray | None,
    white: np.ndarray | None,
) -> np.ndarray:
    """Each picture with its middle greys brighter or darker, and then as a whole, and with more or less contrast.

    The exponent is 2 to the power of up to `gamma`, or 1 over that; the contrast is 1 + a and the brightness b, both up to
    `intensity`.
    """
    n, channels = len(x), x.shape[-1]
    exponent = 2 ** rng.uniform(-gamma, gamma, n)
    contrast, brightness = rng.uniform(-intensity, intensity, (2, n))
    if not gamma:
        return x * (1 + contrast).astype(x.dtype)[:, None, None, None] + brightness.astype(x.dtype)[:, None, None, None]
    if black is None or white is None:
        black, white = x.min(axis=(1, 2)), x.max(axis=(1, 2))
    ends = (np.broadcast_to(np.asarray(end, np.float64), (n, channels)) for end in (black, white))
    return ops.tone(x, *ends, exponent, 1 + contrast, brightness)


def cut_out(x: np.ndarray, strength: float, rng: np.random.Generator) -> None:
    """Set a square, of `strength` times the side, to the mean (0), in place. Source: DeVries & Taylor 2017 (arXiv:1708.04552)."""
    n, height, width, _ = x.shape
    side = max(1, round(strength * min(height, width)))
    for i, top, left in zip(range(n), rng.integers(0, height, n), rng.integers(0, width, n), strict=True):
        x[i, max(0, top - side // 2) : top + side - side // 2, max(0, left - side // 2) : left + side - side // 2] = 0
