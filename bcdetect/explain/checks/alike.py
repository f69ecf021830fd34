"""How alike two maps are."""

from __future__ import annotations

import numpy as np


def alike(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Spearman's rank correlation of each map with its fellow; 0 where one is the same everywhere, as a blank one is.

    Shape: (N, ...) twice -> (N,), from -1 to 1. Ranks, since only the order of places is seen in a picture of a map; of equal
    values the mean rank. Source: Spearman 1904 (American Journal of Psychology 15, 72-101); for maps Adebayo et al. 2018
    (arXiv:1810.03292).
    """
    return np.array([_correlation(_ranks(x.ravel()), _ranks(y.ravel())) for x, y in zip(a, b, strict=True)])


def _ranks(x: np.ndarray) -> np.ndarray:
    _, where, counts = np.unique(x, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - (counts - 1) / 2)[where]


def _correlation(x: np.ndarray, y: np.ndarray) -> float:
    x, y = x - x.mean(), y - y.mean()
    size = np.sqrt((x * x).sum() * (y * y).sum())
    return float((x * y).sum() / size) if size > 0 else 0.0
