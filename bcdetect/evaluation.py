"""Numbers that hold: repeated cross-validation with a paired baseline."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from bcdetect import metrics
from bcdetect.baselines import Logistic
from bcdetect.classifier import Classifier
from bcdetect.config import Config
from bcdetect.datasets import Dataset
from bcdetect.errors import InputError, UsageError
from bcdetect.intervals import corrected_interval
from bcdetect.splits import assign, folds
from bcdetect.training import train_classifier
from bcdetect.workers import run_jobs

FOLD_VALIDATION = 0.1  # of a fold's training rows: enough to choose an epoch, and the network keeps nearly what the baseline gets


@dataclass(frozen=True)
class CrossValidation:
    """The scores of the CNN and of logistic regression on the same R x K test folds: {model: {metric: (R * K,)}}."""

    scores: dict[str, dict[str, np.ndarray]]
    test_share: float  # n_test / (n_test + n_train), n_train being the rows that are trained on
    repeats: int
    folds: int
    chosen: tuple[dict, ...] = ()  # where every fold tuned for itself: the settings each chose

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
    tune: int = 0,
) -> CrossValidation:
    """Train and test on `repeats` x `fold_count` stratified folds, by group where there are groups.

    Everything is fitted inside the fold: preprocessing and network on its training rows, of which a stratified
    FOLD_VALIDATION chooses the epoch; the baseline, which chooses nothing, gets all of them. With `tune`, so many trials of
    other settings are judged on inner folds of the fold's training rows, and the best are what is trained (see
    `tuning.nested`). The result does not depend on `workers`. `on_fold` gets the number done and the number of all. Raises
    InputError for fewer rows (or groups) of a class than folds, UsageError for settings that start from a saved model.
    """
    function = run_fold
    if tune:
        from bcdetect.tuning.nested import TunedFold

        function = TunedFold(tune)
    jobs = [(test, replace(config, seed=seed)) for test, seed in outer_folds(data, config, repeats, fold_count)]
    results, chosen = [], []
    for result in run_jobs(function, (data,), jobs, workers):
        if tune:
            result, settings = result
            chosen.append(settings)
        results.append(result)
        if on_fold is not None:
            on_fold(len(results), len(jobs))
    scores = {model: {name: np.array([r[model][name] for r in results]) for name in results[0][model]} for model in results[0]}
    return CrossValidation(scores, held_out_share(fold_count), repeats, fold_count, tuple(chosen))


def outer_folds(data: Dataset, config: Config, repeats: int, fold_count: int) -> list[tuple[np.ndarray, int]]:
    """The rows of each test fold, repeat after repeat, and a seed for what is trained without them.

    They follow from the seed alone, so that all that is judged on them can be paired. Raises as `cross_validate` does.
    """
    if repeats < 1 or fold_count < 2:
        raise InputError(f"{repeats} repeats of {fold_count} folds", hint="Ask for at least 1x2, such as --cv 10x10")
    if config.init is not None:
        raise UsageError("folds cannot start from a saved model: it may have seen the rows they test on", hint="Leave init out")
    found = []
    for repeat in range(repeats):
        tests = folds(data.y, data.groups, fold_count, _seed(config.seed, repeat), data.class_names)
        found += [(test, _seed(config.seed, repeat, number)) for number, test in enumerate(tests)]
    return found


def held_out_share(fold_count: int) -> float:
    """n_test / (n_test + n_train) of a fold, n_train being the rows that a network is trained on.

    Where the last epoch is kept it is trained on FOLD_VALIDATION more: the share, and the interval, are a little large then.
    """
    trained = (1 - 1 / fold_count) * (1 - FOLD_VALIDATION)
    return (1 / fold_count) / (1 / fold_count + trained)


def run_fold(data: Dataset, test: np.ndarray, config: Config) -> dict[str, dict[str, float]]:
    """Train both models without the rows `test`, and score them there."""
    rest = np.setdiff1d(np.arange(len(data.y)), test)
    classifier = train_network(data, rest, config)
    scale = type(classifier.preprocessing).fit(data, rest)
    logistic = Logistic(scale.flat(data, rest), data.y[rest], len(data.class_names))
    answers = {
        "cnn": classifier.predict_rows(data, test),
        "logistic": logistic.predict_proba(scale.flat(data, test)),
    }
    return {name: fold_scores(data.y[test], p, classifier.decide(p), data.class_names) for name, p in answers.items()}


def train_network(data: Dataset, rows: np.ndarray, config: Config, validation: float = FOLD_VALIDATION) -> Classifier:
    """A network trained on these rows alone, of which a stratified share `validation` chooses the epoch.

    Where the settings keep the last epoch's weights there is nothing to choose, and the network is trained on all of the rows.
    """
    groups = None if data.groups is None else data.groups[rows]
    part = assign(data.y[rows], groups, (1 - validation, validation), config.seed, data.class_names)
    train = rows if config.monitor == "last" else rows[part == 0]
    return train_classifier(data, train, rows[part == 1], config)[0]


def fold_scores(y_true: np.ndarray, p: np.ndarray, y_pred: np.ndarray, class_names: Sequence[str]) -> dict[str, float]:
    """The metrics of one test fold, without intervals, by the names that `scores.score_part` gives them.

    Shape: y_true (n,), probabilities p (n, K), y_pred (n,), and K class names.
    """
    if p.shape[1] > 2:
        of_each = {f"sensitivity of {name}": metrics.sensitivity(y_true == k, y_pred == k) for k, name in enumerate(class_names)}
        return {
            "accuracy": metrics.accuracy_score(y_true, y_pred, p.shape[1]),
            **of_each,
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


def _seed(*key: int) -> int:
    """A seed of its own for each repeat and fold."""
    return int(np.random.SeedSequence(key).generate_state(1)[0])
