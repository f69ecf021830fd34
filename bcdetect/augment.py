"""Pictures changed a little, anew in every epoch, so that a network learns what they have in common. Training part only.

Each change has a strength, 0 for none; all draw from the generator they are given. Pictures are (N, H, W, C) float32, scaled.
"""

from __future__ import annotations

import numpy as np

from bcdetect.config import Config
from tinycnn import ops


def augment(x: np.ndarray, config: Config, rng: np.random.Generator) -> np.ndarray:
    """Every change of the settings, in the order below. Shape: (N, H, W, C), as x."""
    if any((config.flip, config.rotate, config.shift, config.scale, config.shear)):
        x = ops.warp(x, affine_maps(x.shape, config, rng))
    else:
        x = x.copy()
    if config.intensity:
        x = intensity(x, config.intensity, rng)
    if config.noise:
        x += config.noise * rng.standard_normal(x.shape, np.float32)
    if config.cutout:
        cut_out(x, config.cutout, rng)
    return x


def affine_maps(shape: tuple[int, ...], config: Config, rng: np.random.Generator) -> np.ndarray:
    """A random map for each picture, about its middle, as `ops.warp` takes them. Shape: (N, 2, 3).

    Left and right change places with probability `flip`; `rotate` is the largest angle in degrees, `shift` the largest way as a
    share of the side, `scale` and `shear` the largest share by which it grows or leans.
    """
    n, height, width, _ = shape
    angle = np.deg2rad(rng.uniform(-config.rotate, config.rotate, n))
    grown = 1 + rng.uniform(-config.scale, config.scale, n)
    lean = rng.uniform(-config.shear, config.shear, n)
    sides = np.array([height, width])
    moved = rng.uniform(-config.shift, config.shift, (n, 2)) * sides
    mirror = np.where(rng.random(n) < config.flip, -1.0, 1.0)
    cos, sin = np.cos(angle) / grown, np.sin(angle) / grown
    linear = np.empty((n, 2, 2))
    linear[:, 0] = np.stack([cos, -sin * mirror], axis=1)
    linear[:, 1] = np.stack([sin + lean * cos, (cos - lean * sin) * mirror], axis=1)
    middle = (sides - 1) / 2
    offset = middle + moved - linear @ middle
    return np.concatenate([linear, offset[:, :, None]], axis=2)


def intensity(x: np.ndarray, strength: float, rng: np.random.Generator) -> np.ndarray:
    """Each picture a little brighter or darker, and with more or less contrast: x times 1 + a, plus b, both up to `strength`."""
    factor, offset = rng.uniform(-strength, strength, (2, len(x), 1, 1, 1)).astype(np.float32)
    return x * (1 + factor) + offset


def cut_out(x: np.ndarray, strength: float, rng: np.random.Generator) -> None:
    """Set a square, of `strength` times the side, to the mean (0), in place. Source: DeVries & Taylor 2017 (arXiv:1708.04552)."""
    n, height, width, _ = x.shape
    side = max(1, round(strength * min(height, width)))
    for i, top, left in zip(range(n), rng.integers(0, height, n), rng.integers(0, width, n), strict=True):
        x[i, max(0, top - side // 2) : top + side - side // 2, max(0, left - side // 2) : left + side - side // 2] = 0
