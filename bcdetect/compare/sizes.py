"""The learning curve over training-set size: would more rows help?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from bcdetect.compare.contenders import Contender, LogisticRegression, Network, fewest_of
from bcdetect.compare.ranking import LOSSES, entry, verdict
from bcdetect.config import Config
from bcdetect.datasets import Dataset
from bcdetect.errors import InputError
from bcdetect.evaluation import fold_scores, held_out_share, outer_folds
from bcdetect.splits import folds
from bcdetect.workers import run_jobs

STEPS = 10
LITTLE = 0.02  # of a score: nobody would gather as many rows again for less


@dataclass(frozen=True)
class LearningCurve:
    """Scores over the same J test folds after training on S growing shares of the other rows.

    Shape: rows (S,), the mean number of rows that were learned from; scores {model: {metric: (S, J)}}, of "CNN",
    "logistic regression", and the CNN on the very rows it learned from.
    """

    shares: tuple[float, ...]
    rows: tuple[float, ...]
    scores: dict[str, dict[str, np.ndarray]]
    repeats: int
    folds: int

    def summary(self) -> dict[str, dict[str, list[dict[str, float]]]]:
        """Mean, spread and corrected 95 % interval of each metric at each size."""
        held_out = held_out_share(self.folds)
        return {
            model: {metric: [entry(values, held_out, metric) for values in sizes] for metric, sizes in row.items()}
            for model, row in self.scores.items()
        }

    def gain(self, metric: str) -> tuple[float, dict[str, float]]:
        """The share nearest to one half, and what the CNN gains from there to all rows, fold by fold."""
        half = int(np.abs(np.array(self.shares) - 0.5).argmin())
        scores = self.scores["CNN"][metric]
        return self.shares[half], entry(scores[-1] - scores[half], held_out_share(self.folds))

    def verdict(self, metric: str) -> str:
        """Whether more data would help, in one line with its reason."""
        share, gain = self.gain(metric)
        name, found = metric.replace("_", " "), verdict(gain, metric)
        numbers = f"{name} {gain['mean']:+.4f} ({gain['low']:+.4f} to {gain['high']:+.4f})"
        step = f"from {100 * share:.0f} % to 100 % of the training rows"
        inside, outside = (float(self.scores[model][metric][-1].mean()) for model in ("CNN on its training rows", "CNN"))
        gap = f"on its training rows it has {inside:.4f}, on the test folds {outside:.4f}"
        if found == "ahead":
            return f"More data would probably help: {step} the CNN still gained, {numbers}; {gap}."
        if found == "behind":
            return f"More data of this kind would probably not help: {step} the CNN lost, {numbers}; {gap}."
        flat = f"{step} nothing shows beyond the spread of the folds, {numbers}; {gap}"
        if -LITTLE <= gain["low"] and gain["high"] <= LITTLE:
            return f"More data of this kind would probably change little: {flat}."
        return f"Whether more data would help cannot be told from these folds: {flat}."


def learning_curve(
    data: Dataset,
    config: Config,
    repeats: int,
    fold_count: int,
    steps: int = STEPS,
    workers: int = 1,
    on_fold: Callable[[int, int], None] | None = None,
) -> LearningCurve:
    """Train on 1, 2, ..., `steps` parts in `steps` of each fold's training rows, and test on the same folds as ever.

    Each set of rows holds the smaller ones; classes keep their shares, and groups stay whole. There are fewer steps where the
    smallest class has too few rows (or groups) for so many. Raises what `cross_validate` raises, and InputError where
    even two steps are too many.
    """
    tests = outer_folds(data, config, repeats, fold_count)
    rest = np.setdiff1d(np.arange(len(data.y)), tests[0][0])
    steps = min(steps, fewest_of(data, rest) // 3)  # one to learn from and one to choose the epoch by, and some to spare
    if steps < 2:
        raise InputError("too few rows, or groups, of a class to leave some out", hint="A learning curve needs six of each")
    jobs = [(test, seed, step, steps, config) for test, seed in tests for step in range(1, steps + 1)]
    found = []
    for result in run_jobs(fold_at_size, (data,), jobs, workers):
        found.append(result)
        if on_fold is not None:
            on_fold(len(found), len(jobs))
    rows, results = np.array([n for n, _ in found]).reshape(-1, steps), [scores for _, scores in found]
    scores = {
        model: {
            metric: np.array([result[model][metric] for result in results]).reshape(-1, steps).T for metric in results[0][model]
        }
        for model in results[0]
    }
    shares = tuple(step / steps for step in range(1, steps + 1))
    return LearningCurve(shares, tuple(rows.mean(axis=0).tolist()), scores, repeats, fold_count)


def fold_at_size(data: Dataset, test: np.ndarray, seed: int, step: int, steps: int, config: Config) -> tuple[int, dict]:
    """The number of rows learned from, and the scores of both models, and of the CNN on those rows."""
    rest = np.setdiff1d(np.arange(len(data.y)), test)
    rows = first_parts(data, rest, step, steps, seed)
    answers = {}
    contenders: list[Contender] = [Network("CNN", config), LogisticRegression()]
    for contender in contenders:
        answers[contender.name] = contender.answer(data, rows, np.concatenate([test, rows]), seed)
    cut = len(test)
    scores = {
        name: fold_scores(data.y[test], answer.probabilities[:cut], answer.predicted[:cut], data.class_names)
        for name, answer in answers.items()
    }
    own = answers["CNN"]
    scores["CNN on its training rows"] = fold_scores(data.y[rows], own.probabilities[cut:], own.predicted[cut:], data.class_names)
    return len(rows), scores


def first_parts(data: Dataset, rest: np.ndarray, step: int, steps: int, seed: int) -> np.ndarray:
    """The first `step` of `steps` equal parts of the rows `rest`, sorted: what is in fewer parts is in more, too."""
    if step == steps:
        return rest
    groups = None if data.groups is None else data.groups[rest]
    return np.sort(np.concatenate([rest[part] for part in folds(data.y[rest], groups, steps, seed, data.class_names)[:step]]))


def better(metric: str) -> str:
    """Which way the curve should go."""
    return "lower is better" if metric in LOSSES else "higher is better"
