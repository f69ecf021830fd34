"""How good one set of settings is: networks trained and judged on inner folds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from bcdetect import metrics
from bcdetect.config import Config
from bcdetect.datasets import Dataset
from bcdetect.evaluation import outer_folds, train_network

OBJECTIVES = {"log_loss": "minimize", "auc": "maximize"}


def inner_answers(data: Dataset, config: Config, inner: int, validation: float) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """For each of `inner` folds of all rows of `data`: its rows (n,), and probabilities (n, K) learned without them.

    The folds and seeds follow from the settings' seed alone: every trial is judged on the same ones.
    """
    for test, seed in outer_folds(data, config, 1, inner):
        rest = np.setdiff1d(np.arange(len(data.y)), test)
        yield test, train_network(data, rest, replace(config, seed=seed), validation).predict_rows(data, test)


def judged(y_true: np.ndarray, probabilities: np.ndarray, objective: str) -> float:
    """Mean log loss, or the AUC (macro for three and more classes). Shape: y_true (n,), probabilities (n, K)."""
    if objective == "auc":
        classes = probabilities.shape[1]
        score = (
            metrics.roc_auc_score(y_true, probabilities[:, 1]) if classes == 2 else metrics.macro_auc_score(y_true, probabilities)
        )
        return float(score)
    p = probabilities[np.arange(len(y_true)), y_true].astype(np.float64)
    return float(-np.log(np.maximum(p, np.finfo(np.float32).eps)).mean())
