"""Labels told by what should say nothing: the size of a file, a picture's shape, its border, which sequences are missing.

A small model gets one cue alone and must tell the classes of rows it was not fitted on. Where it can, a network can, and may
have learned the hospital instead of the disease.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bcdetect import metrics
from bcdetect.datasets import Dataset
from bcdetect.errors import InputError
from bcdetect.intervals import stratified_bootstrap
from bcdetect.splits import folds

# An AUC whose whole interval is above it is worth a look: .5 is chance, and over a few hundred rows chance reaches .6.
TELLS = 0.65
FOLDS = 5
BINS = 8  # of a number's quantiles, so that a class in the middle is found too
MOST_ROWS = 5000  # drawn where there are more: enough for an interval a few hundredths wide
RESAMPLES = 500
BORDER = 0.07  # of the side: two pixels of 28
CORNER = 0.15


@dataclass(frozen=True)
class Cue:
    """How well one cue tells the classes: AUC over folds and its 95 % interval.

    Of several classes it is the mean of the AUCs of each against the rest.
    """

    name: str
    auc: float
    low: float
    high: float

    @property
    def tells(self) -> bool:
        """Whether the interval is above TELLS."""
        return self.low > TELLS


def find_shortcuts(data: Dataset, groups: np.ndarray | None = None) -> list[Cue]:
    """Every cue that this data has, judged by cross-validation that keeps rows of one group (N,) together.

    Cues that too few rows of a class allow no folds for are left out.
    """
    groups = data.groups if groups is None else groups
    rows = _some_rows(len(data.y), groups)
    y, of_row = data.y[rows], None if groups is None else np.asarray(groups)[rows]
    found = []
    for name, features in cues(data, rows).items():
        try:
            scores = _out_of_fold(features, y, of_row, len(data.class_names))
        except InputError:
            continue
        auc = _auc(y, scores)
        low, high = stratified_bootstrap(y, scores, _auc, RESAMPLES, groups=of_row)
        found.append(Cue(name, auc, low, high))
    return found


def cues(data: Dataset, rows: np.ndarray) -> dict[str, np.ndarray]:
    """Each cue's numbers (n, k) for these rows; those that are the same in every row are left out."""
    found = {}
    facts = {name: values[rows] for name, values in (data.facts or {}).items()}
    facts = {name: values for name, values in facts.items() if np.isfinite(values).all() and (values > 0).all()}
    if "bytes" in facts:
        found["file size"] = _binned([facts["bytes"]])
    if {"height", "width"} <= facts.keys():
        height, width = facts["height"], facts["width"]
        found["picture dimensions"] = _binned([height, width, height / width])
    if data.pictures:
        found["border"] = np.concatenate([border(part.x) for part in data.chunks(rows)])
    if data.missing is not None:
        missing = data.missing[rows]
        found["missing sequences"] = np.column_stack([missing, missing.sum(axis=1)]).astype(np.float64)
    return {name: _standard(x) for name, x in found.items() if (x != x[0]).any()}


def border(x: np.ndarray) -> np.ndarray:
    """Mean and deviation of four strips and four corners, and how much of the frame is pure black or white.

    Shape: x (N, H, W, C) -> (N, 18) float64, in shares of full white.
    """
    white = np.iinfo(x.dtype).max
    (h, w), (ch, cw) = ([max(1, round(share * side)) for side in x.shape[1:3]] for share in (BORDER, CORNER))
    everything = slice(None)
    places = [(slice(h), everything), (slice(-h, None), everything), (everything, slice(w)), (everything, slice(-w, None))]
    places += [(top, left) for top in (slice(ch), slice(-ch, None)) for left in (slice(cw), slice(-cw, None))]
    cells = [x[:, down, across].reshape(len(x), -1) for down, across in places]
    columns = [cell.mean(axis=1, dtype=np.float64) / white for cell in cells]
    columns += [cell.std(axis=1, dtype=np.float64) / white for cell in cells]
    frame = np.concatenate(cells[:4], axis=1)
    columns += [(frame == value).mean(axis=1) for value in (0, white)]
    return np.column_stack(columns)


def _binned(numbers: list[np.ndarray]) -> np.ndarray:
    """Each number as a choice of one of BINS quantile bins: (N, bins in all) of 0 and 1."""
    columns = []
    for values in numbers:
        edges = np.unique(np.quantile(values, np.arange(1, BINS) / BINS, method="lower"))
        bins = np.searchsorted(edges, values, side="left")
        columns.append(bins[:, None] == np.arange(len(edges) + 1))
    return np.concatenate(columns, axis=1).astype(np.float64)


def _standard(x: np.ndarray) -> np.ndarray:
    std = x.std(axis=0)
    return (x - x.mean(axis=0)) / np.where(std > 1e-9, std, 1)


def _out_of_fold(x: np.ndarray, y: np.ndarray, groups: np.ndarray | None, classes: int) -> np.ndarray:
    """For each row the scores (N, K) of models that were fitted without it; of two classes (N,), the positive one's."""
    scores = np.empty((len(y), classes))
    for test in folds(y, groups, FOLDS, seed=0):
        train = np.setdiff1d(np.arange(len(y)), test)
        for k in range(classes):
            scores[test, k] = _logistic(x[train], y[train] == k, x[test])
    return scores[:, 1] if classes == 2 else scores


def _logistic(x: np.ndarray, y: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Logits (M,) for `asked` (M, F) of a logistic regression on x (N, F): Newton's steps, with 1 / 2 |weight|^2 as penalty.

    Source: Hastie, Tibshirani & Friedman 2009, The Elements of Statistical Learning, 4.4.1.
    """
    ones = np.column_stack([x, np.ones(len(x))])
    penalty = np.full(ones.shape[1], 1.0)
    penalty[-1] = 1e-6  # of the bias: next to none
    weight = np.zeros(ones.shape[1])
    for _ in range(25):
        p = 1 / (1 + np.exp(-np.clip(ones @ weight, -30, 30)))
        slope = ones.T @ (p - y) + penalty * weight
        curvature = (ones * (p * (1 - p) + 1e-9)[:, None]).T @ ones + np.diag(penalty)
        step = np.linalg.solve(curvature, slope)
        weight -= step
        if np.abs(step).max() < 1e-6:
            break
    return np.column_stack([asked, np.ones(len(asked))]) @ weight


def _auc(y: np.ndarray, scores: np.ndarray) -> float:
    return metrics.roc_auc_score(y, scores) if scores.ndim == 1 else metrics.macro_auc_score(y, scores)


def _some_rows(count: int, groups: np.ndarray | None) -> np.ndarray:
    """At most about MOST_ROWS row numbers, drawn with a fixed seed, whole groups only."""
    if count <= MOST_ROWS:
        return np.arange(count)
    rng = np.random.default_rng(0)
    if groups is None:
        return np.sort(rng.choice(count, MOST_ROWS, replace=False))
    names, of_row = np.unique(groups, return_inverse=True)
    rank = rng.permutation(len(names))[of_row]
    return np.flatnonzero(rank < len(names) * MOST_ROWS / count)
