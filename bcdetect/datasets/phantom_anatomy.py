"""A made-up breast: outline, skin, chest wall, heart, gland and vessels, as shares of each tissue in neighbouring slices.

Places are (u, v, z): u to the right and v downwards, both from -1 to 1 across the picture (about 16 cm), z across slices in the
same unit. The nipple points upwards, as in an axial view of one breast. Everything is a smooth function of the place, so that
neighbouring slices cut through one and the same body.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Field = Callable[[np.ndarray, np.ndarray, float], np.ndarray]


def smooth_field(rng: np.random.Generator, frequency: float, waves: int = 24) -> Field:
    """A smooth random function of the place, mean 0 and variance about 1, with some `frequency` waves across the picture.

        f(r) = sqrt(2 / K) * sum over k of cos(w_k . r + phase_k),   w_k of random direction, length near pi * frequency

    Source: Shinozuka & Deodatis 1996, a Gaussian field as a sum of cosines.
    """
    directions = rng.standard_normal((waves, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    vectors = np.pi * frequency * rng.uniform(0.5, 1.3, (waves, 1)) * directions
    phases = rng.uniform(0, 2 * np.pi, waves)

    def field(u: np.ndarray, v: np.ndarray, z: float) -> np.ndarray:
        total = np.zeros(np.broadcast(u, v).shape)
        for (a, b, c), phase in zip(vectors, phases, strict=True):
            total += np.cos(a * u + b * v + (c * z + phase))
        return np.sqrt(2 / waves) * total

    return field


@dataclass(frozen=True)
class Slice:
    """Shares from 0 to 1 of each tissue in each pixel of one slice, all (S, S); what is none of them, inside, is fat.

    `inside` is the body; `enhancing` tells how well gland takes up contrast where it lies, `texture` is mean 0.
    """

    inside: np.ndarray
    skin: np.ndarray
    muscle: np.ndarray
    lung: np.ndarray
    heart: np.ndarray
    gland: np.ndarray
    vessel: np.ndarray
    cyst: np.ndarray
    enhancing: np.ndarray
    texture: np.ndarray


class Anatomy:
    """One patient's breast, drawn from a generator; `at(z)` cuts a slice through it.

    Nothing here knows the class: patients of every class are drawn alike.
    """

    def __init__(self, rng: np.random.Generator, size: int):
        """Slices of size x size pixels."""
        self.size = size
        self.pixel = 2 / size
        line = (np.arange(size) + 0.5) * self.pixel - 1
        self.u, self.v = line[None, :], line[:, None]
        self.middle = rng.uniform(-0.12, 0.12)
        self.half_width = rng.uniform(0.62, 0.85)
        self.tip = rng.uniform(-0.85, -0.55)
        self.wall = rng.uniform(0.48, 0.68)
        self.lean = rng.uniform(-0.25, 0.25)
        self.power = rng.uniform(1.7, 2.5)
        self.skin = rng.uniform(0.035, 0.055)
        self.wobble = smooth_field(rng, 1.5)
        self.density = rng.uniform(-0.45, 0.5)  # from mostly fat to extremely dense
        self.spread = rng.uniform(0.35, 0.55, 2)
        self.lobes, self.strands = smooth_field(rng, 3.5), smooth_field(rng, 9, 40)
        self.patches, self.grain = smooth_field(rng, 4), smooth_field(rng, 14, 64)
        self.vessels = [self._vessel(rng) for _ in range(rng.integers(1, 7))]
        self.heart = rng.uniform(-0.9, 0.9), rng.uniform(0, 0.9), rng.uniform(0.1, 0.45)  # where, how wide, how high
        self.cysts = [(*self.place(rng), rng.uniform(-0.1, 0.1), rng.uniform(0.03, 0.09)) for _ in range(rng.integers(0, 7))]

    def place(self, rng: np.random.Generator, margin: float = 0.72) -> tuple[float, float]:
        """A random place (u, v) in the inner part of the breast."""
        while True:
            u, v = rng.uniform(-0.7, 0.7), rng.uniform(self.tip + 0.2, self.wall - 0.12)
            if self._level(u, v, 0.0) < margin:
                return u, v

    def at(self, z: float) -> Slice:
        """The slice at depth z."""
        u, v, pixel = self.u, self.v, self.pixel
        level = self._level(u, v, z) + 0.05 * self.wobble(u, v, z)
        breast = _step((1 - level) * 0.4, pixel)
        wall = self.wall + 0.12 * (u - self.middle) ** 2 + 0.015 * self.wobble(u, v, z)
        chest = _step(v - wall, pixel)
        inside = np.maximum(breast, chest)
        depth = v - wall
        muscle = _step(depth, pixel) * _step(0.17 - depth, pixel)
        lung = _step(depth - 0.17, pixel)
        at, wide, high = self.heart
        around = np.hypot((u - at) / (wide + pixel), (v - 1.02) / high) + 0.08 * self.wobble(u, v, z)
        heart = lung * _step((1 - around) * min(wide, high), pixel)
        skin = breast * (1 - chest) * _step(self.skin - (1 - level) * 0.4, pixel)
        height = (v - (self.tip + self.wall) / 2 + 0.08) / (self.spread[1] * 1.3)
        reach = 1 - ((u - self._axis(v)) / self.spread[0]) ** 2 - height**2
        gland = _sigmoid(5 * (0.8 * reach + self.density + 0.45 * self.lobes(u, v, z) + 0.3 * self.strands(u, v, z)))
        gland *= breast * (1 - chest) * (1 - skin) * _step(0.9 - level, 3 * pixel)
        vessel = np.zeros_like(inside)
        for curve, radius in self.vessels:
            points = curve(z)
            near = np.full(inside.shape, np.inf)
            for a, b in points:
                np.minimum(near, (u - a) ** 2 + (v - b) ** 2, out=near)
            vessel = np.maximum(vessel, np.exp(-near / radius**2))
        vessel *= breast * (1 - chest) * (1 - skin)
        cyst = np.zeros_like(inside)
        for a, b, c, radius in self.cysts:
            left = radius**2 - (z - c) ** 2
            if left > 0:
                cyst = np.maximum(cyst, _step(np.sqrt(left) - np.hypot(u - a, v - b), pixel))
        patches = _sigmoid(1.5 * self.patches(u, v, z) - 0.5)
        return Slice(inside, skin, muscle, lung, heart, gland, vessel, cyst * breast, patches, self.grain(u, v, z))

    def _axis(self, v):
        return self.middle + self.lean * (self.wall - v) * 0.5

    def _level(self, u, v, z: float):
        """Below 1 inside the breast, 1 on its surface."""
        shrink = 1 - 0.5 * z**2
        across = np.abs((u - self._axis(v)) / (self.half_width * shrink))
        along = np.clip((self.wall - v) / ((self.wall - self.tip) * shrink), 0, None)
        return across**2.2 + along**self.power

    def _vessel(self, rng: np.random.Generator):
        """A tube along a bent line, or, one in three, one that crosses the slices and shows as a dot."""
        radius = rng.uniform(0.013, 0.023)
        a, b = np.array(self.place(rng, 0.85)), np.array(self.place(rng, 0.85))
        bend = (a + b) / 2 + rng.uniform(-0.25, 0.25, 2)
        drift = rng.uniform(-0.6, 0.6, (3, 2))
        if rng.random() < 1 / 3:
            return (lambda z: [tuple(a + z * 1.5 * drift[0])]), radius
        t = np.linspace(0, 1, 70)[:, None]

        def curve(z: float) -> list[tuple[float, float]]:
            p, q, r = a + z * drift[0], bend + z * drift[1], b + z * drift[2]
            return list(map(tuple, (1 - t) ** 2 * p + 2 * t * (1 - t) * q + t**2 * r))

        return curve, radius


def _step(distance, pixel: float):
    """1 inside (distance above 0) and 0 outside, with a border one pixel wide."""
    return np.clip(0.5 + distance / pixel, 0, 1)


def _sigmoid(x):
    return 1 / (1 + np.exp(-x))
