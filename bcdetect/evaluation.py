"""Numbers that hold: repeated cross-validation with a paired baseline."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from bcdetect import metrics
from bcdetect.baselines import Logistic
from bcdetect.config import Config
from bcdetect.datasets import Dataset
from bcdetect.errors import InputError, UsageError
from bcdetect.intervals import corrected_interval
from bcdetect.splits import assign, folds
from bcdetect.training import train_classifier

FOLD_VALIDATION = 0.1  # of a fold's training rows: enough to choose an epoch, and the network keeps nearly what the baseline gets


@dataclass(frozen=True)
class CrossValidation:
    """The scores of the CNN and of logistic regression on the same R x K test folds: {model: {metric: (R * K,)}}."""

    scores: dict[str, dict[str, np.ndarray]]
    test_share: float  # n_test / (n_test + n_train), n_train being the rows that are trained on
    repeats: int
    folds: int

    def summary(self) -> dict[str, dict[str, dict[str, float]]]:
        """For each model, and for "difference" (CNN minus logistic): mean, spread and corrected 95 % interval of each metric.

        An interval is cut at the bounds of its metric.
        """
        cnn, logistic = self.scores["cnn"], self.scores["logistic"]
        rows = {**self.scores, "difference": {name: cnn[name] - logistic[name] for name in cnn}}
        return {name: {m: self._entry(m, values, name) for m, values in row.items()} for name, row in rows.items()}

    def _entry(self, metric: str, values: np.ndarray, row: str) -> dict[str, float]:
        mean, low, high = corrected_interval(values, self.test_share)
        if row != "difference":  # the t interval knows no bounds, the metric does
            low, high = max(low, 0.0), high if metric == "log_loss" else min(high, 1.0)
        spread = {"sd": float(values.std(ddof=1)), "min": float(values.min()), "max": float(values.max())}
        return {"mean": mean, "low": low, "high": high, **spread}


def cross_validate(
    data: Dataset,
    config: Config,
    repeats: int,
    fold_count: int,
    workers: int = 1,
    on_fold: Callable[[int, int], None] | None = None,
) -> CrossValidation:
    """Train and test on `repeats` x `fold_count` stratified folds, by group where there are groups.

    Everything is fitted inside the fold: preprocessing and network on its training rows, of which a stratified
    FOLD_VALIDATION chooses the epoch; the baseline, which chooses nothing, gets all of them. The result does not
    depend on `workers`. `on_fold` gets the number done and the number of all. Raises InputError for fewer rows (or groups)
    of a class than folds, UsageError for settings that start from a saved model.
    """
    if repeats < 1 or fold_count < 2:
        raise InputError(f"{repeats} repeats of {fold_count} folds", hint="Ask for at least 1x2, such as --cv 10x10")
    if config.init is not None:
        raise UsageError("folds cannot start from a saved model: it may have seen the rows they test on", hint="Leave init out")
    jobs = []
    for repeat in range(repeats):
        for number, test in enumerate(folds(data.y, data.groups, fold_count, _seed(config.seed, repeat), data.class_names)):
            jobs.append((data, test, replace(config, seed=_seed(config.seed, repeat, number))))
    results = []
    for result in _run(jobs, workers):
        results.append(result)
        if on_fold is not None:
            on_fold(len(results), len(jobs))
    scores = {model: {name: np.array([r[model][name] for r in results]) for name in results[0][model]} for model in results[0]}
    trained = (1 - 1 / fold_count) * (1 - FOLD_VALIDATION)
    return CrossValidation(scores, (1 / fold_count) / (1 / fold_count + trained), repeats, fold_count)


def run_fold(data: Dataset, test: np.ndarray, config: Config) -> dict[str, dict[str, float]]:
    """Train both models without the rows `test`, and score them there."""
    rest = np.setdiff1d(np.arange(len(data.y)), test)
    groups = None if data.groups is None else data.groups[rest]
    part = assign(data.y[rest], groups, (1 - FOLD_VALIDATION, FOLD_VALIDATION), config.seed, data.class_names)
    classifier, _ = train_classifier(data, rest[part == 0], rest[part == 1], config)
    scale = type(classifier.preprocessing).fit(data, rest)
    logistic = Logistic(scale.flat(data, rest), data.y[rest], len(data.class_names))
    answers = {
        "cnn": classifier.predict_rows(data, test),
        "logistic": logistic.predict_proba(scale.flat(data, test)),
    }
    return {name: _fold_scores(data.y[test], p, classifier.decide(p)) for name, p in answers.items()}


def _fold_scores(y_true, p, y_pred) -> dict[str, float]:
    if p.shape[1] > 2:
        return {
            "accuracy": metrics.accuracy_score(y_true, y_pred, p.shape[1]),
            "macro_f1": metrics.macro_f1_score(y_true, y_pred, p.shape[1]),
            "macro_auc": metrics.macro_auc_score(y_true, p),
        }
    return {
        "accuracy": metrics.accuracy_score(y_true, y_pred),
        "sensitivity": metrics.sensitivity(y_true, y_pred),
        "specificity": metrics.specificity(y_true, y_pred),
        "f1": metrics.f1_score(y_true, y_pred),
        "roc_auc": metrics.roc_auc_score(y_true, p[:, 1]),
        "log_loss": metrics.log_loss(y_true, p[:, 1]),
        "brier": metrics.brier_score_loss(y_true, p[:, 1]),
    }


def _run(jobs: list, workers: int):
    """The jobs' results in order, here or in worker processes of one BLAS thread each."""
    if workers == 1:
        yield from (run_fold(*job) for job in jobs)
        return
    from multiprocessing import get_context

    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(dict.fromkeys(names, "1"))  # read when a worker loads NumPy; spawned, since a fork can hang its threads
    try:
        with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
            yield from pool.map(run_fold, *zip(*jobs, strict=True))
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def _seed(*key: int) -> int:
    """A seed of its own for each repeat and fold."""
    return int(np.random.SeedSequence(key).generate_state(1)[0])
