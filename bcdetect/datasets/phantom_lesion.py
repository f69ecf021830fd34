"""A made-up lesion, cut by a slice: oval, smooth and even where benign; spiculated, with a bright rim where malignant.

The signs are those of the BI-RADS lexicon for breast MRI (shape, margin, internal enhancement).
Source: American College of Radiology, BI-RADS Atlas, 5th edition, 2013.
"""

from __future__ import annotations

import numpy as np

from bcdetect.datasets.phantom_anatomy import Anatomy

RADIUS = (0.12, 0.21)  # in half widths of the picture: 10 to 17 mm; the same for both kinds, so that size tells nothing


class Lesion:
    """Place, size and shape, drawn from a generator; `at(z)` cuts a slice through it.

    The place, the size and the slices' depths are drawn before the kind is looked at: they tell nothing about it.
    """

    def __init__(self, rng: np.random.Generator, anatomy: Anatomy, malignant: bool):
        """Somewhere in the breast."""
        self.anatomy, self.malignant = anatomy, malignant
        self.u, self.v = anatomy.place(rng, 0.6)
        self.radius = rng.uniform(*RADIUS)
        self.turn = rng.uniform(0, 2 * np.pi)
        self.oval = rng.uniform(0.62, 0.9)
        waves = np.arange(2, 9)
        strength = 0.16 / waves**0.5 if malignant else 0.03 * (waves < 4)
        self.waves = [(n, s * rng.uniform(0.5, 1.2), rng.uniform(0, 2 * np.pi)) for n, s in zip(waves, strength, strict=True)]
        count = rng.integers(9, 15)
        self.spicules = [
            (2 * np.pi * (i + rng.uniform(-0.3, 0.3)) / count, rng.uniform(0.5, 1.1), rng.uniform(-0.5, 0.5))
            for i in range(count)
        ]
        self.core = rng.uniform(0.1, 0.4)  # of the rim's enhancement

    def depths(self, slices: int) -> np.ndarray:
        """Where to cut, so that the lesion is met by every slice. Shape: (slices,)."""
        return np.linspace(-0.6, 0.6, slices) * self.radius if slices > 1 else np.zeros(1)

    def at(self, z: float) -> tuple[np.ndarray, np.ndarray]:
        """Its share of each pixel (S, S), and how much of its full enhancement each takes up (S, S), both from 0 to 1."""
        x, y = self.anatomy.u - self.u, self.anatomy.v - self.v
        if not self.malignant:  # an oval: turned, and pressed along one axis
            cos, sin = np.cos(self.turn), np.sin(self.turn)
            x, y = cos * x + sin * y, (cos * y - sin * x) / self.oval
        distance, angle = np.hypot(x, y), np.arctan2(y, x)
        edge = 1 + sum(s * np.cos(n * angle + phase + 3 * z) for n, s, phase in self.waves)
        edge = edge * self.radius * np.sqrt(max(0.0, 1 - (z / self.radius) ** 2)) * (0.95 if self.malignant else 1.2)
        pixel = self.anatomy.pixel
        share = np.clip(0.5 + (edge - distance) / pixel, 0, 1)
        if not self.malignant:
            return share, share
        within = distance / np.maximum(edge, 1e-6)
        rim = np.exp(-(((within - 0.85) / 0.25) ** 2))
        uptake = share * (self.core + (1 - self.core) * rim)
        for direction, length, bend in self.spicules:
            away = np.angle(np.exp(1j * (angle - direction - bend * (within - 1) + 2 * z)))
            beyond = (within - 0.9) / length  # 0 at the surface, 1 at the spicule's end
            thickness = 0.9 * pixel * (1.6 - np.clip(beyond, 0, 1))
            ray = (
                np.exp(-((distance * away / thickness) ** 2))
                * (np.abs(away) < 1)
                * (beyond > 0)
                * np.clip(3 * (1 - beyond), 0, 1)
            )
            share, uptake = np.maximum(share, 0.8 * ray), np.maximum(uptake, 0.8 * ray)
        return share, uptake
