"""DeLong's variance of an AUC, and the covariance of several on the same rows."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike


class DeLong(NamedTuple):
    """M areas (M,), their covariance (M, M), and how many rows are malignant and benign."""

    areas: np.ndarray
    covariance: np.ndarray
    malignant: int
    benign: int


def delong(y_true: ArrayLike, y_score: ArrayLike) -> DeLong:
    """AUCs and their covariance. Shape: y_true (N,) of 0 and 1, y_score (N,) or (N, M), a column a model.

    The placement of a malignant row is the share of benign rows below it, a tie counting one half; that of a benign row the share
    of malignant rows above it. The AUC is the mean of either, and

        covariance = cov(placements of malignant) / m + cov(placements of benign) / n

    Placements come from ranks among all rows minus ranks within the class, N log N work instead of m n comparisons. Where a class
    has no rows the areas are nan, where one has a single row the covariance is. ValueError for NaN or other shapes.
    Source: DeLong, DeLong & Clarke-Pearson 1988, Biometrics 44(3), 837-845; by ranks Sun & Xu 2014, IEEE SPL 21(11), 1389-1393.
    """
    y_true, y_score = np.asarray(y_true), np.asarray(y_score) * 1.0
    columns = y_score[:, None] if y_score.ndim == 1 else y_score
    if y_true.ndim != 1 or columns.ndim != 2 or len(columns) != len(y_true):
        raise ValueError(f"y_true must be (N,) and y_score (N,) or (N, M), not {y_true.shape} and {y_score.shape}")
    if np.isnan(columns).any() or not np.isin(y_true, (0, 1)).all():
        raise ValueError("y_true must hold 0 and 1, and y_score no NaN")
    positive = y_true == 1
    m, n, models = int(positive.sum()), int((~positive).sum()), columns.shape[1]
    if not m or not n:
        return DeLong(np.full(models, np.nan), np.full((models, models), np.nan), m, n)
    ranks = np.stack([midranks(column) for column in columns.T])
    within = np.empty_like(ranks)
    for rows in (positive, ~positive):
        within[:, rows] = np.stack([midranks(column[rows]) for column in columns.T])
    below = (ranks - within)[:, positive] / n
    above = 1 - (ranks - within)[:, ~positive] / m
    areas = np.array([np.sum(2 * (ranks - within)[k, positive]) / (2 * m * n) for k in range(models)])  # sums of whole numbers
    return DeLong(areas, _covariance(below) / m + _covariance(above) / n, m, n)


def midranks(x: np.ndarray) -> np.ndarray:
    """Ranks from 1, those of equal numbers being their mean. Shape: (N,) -> (N,)."""
    _, number, counts = np.unique(x, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[number.reshape(-1)]


def _covariance(placements: np.ndarray) -> np.ndarray:
    """Sample covariance of M rows of placements: (M, M); nan of a single column."""
    rows = placements.shape[1]
    if rows < 2:
        return np.full((len(placements), len(placements)), np.nan)
    off = placements - placements.mean(axis=1, keepdims=True)
    return off @ off.T / (rows - 1)
