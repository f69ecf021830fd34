"""Contenders on the same folds: every one fitted on the same rows, every one judged on the same test rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bcdetect import metrics
from bcdetect.compare.contenders import Answer, Contender, Majority
from bcdetect.compare.keeping import kept
from bcdetect.compare.ranking import entry
from bcdetect.config import Config
from bcdetect.datasets import Dataset
from bcdetect.evaluation import fold_scores, held_out_share, outer_folds
from bcdetect.workers import run_jobs


@dataclass(frozen=True)
class Comparison:
    """What J = repeats x folds test folds gave: scores {contender: {metric: (J,)}}, and with two classes how well the
    probabilities are calibrated, over all rows of a repeat at once, {contender: {metric: (repeats,)}}.
    """

    contenders: tuple[Contender, ...]
    scores: dict[str, dict[str, np.ndarray]]
    calibration: dict[str, dict[str, np.ndarray]]
    facts: dict[str, list[dict]]
    repeats: int
    folds: int

    @property
    def held_out(self) -> float:
        """n_test / (n_test + n_train), as the corrected intervals need it."""
        return held_out_share(self.folds)

    def summary(self) -> dict[str, dict[str, dict[str, float]]]:
        """Mean, spread and corrected 95 % interval of each metric of each contender."""
        return {
            name: {metric: entry(values, self.held_out, metric) for metric, values in row.items()}
            for name, row in self.scores.items()
        }

    def difference(self, name: str, other: str, metric: str) -> dict[str, float]:
        """One contender minus another, fold by fold: mean, spread and corrected 95 % interval."""
        return entry(self.scores[name][metric] - self.scores[other][metric], self.held_out)


def compare(
    data: Dataset,
    contenders: Sequence[Contender],
    config: Config,
    repeats: int,
    fold_count: int,
    workers: int = 1,
    on_fold: Callable[[int, int], None] | None = None,
    keep: Path | None = None,
) -> Comparison:
    """Fit and judge every contender on `repeats` x `fold_count` folds, stratified and by group, drawn from the settings' seed.

    The folds are those of `evaluation.cross_validate`. The result does not depend on `workers`. With the folder `keep` each
    answer is kept there as it comes, and what is there already is not computed again. Raises what `cross_validate` raises.
    """
    folds = outer_folds(data, config, repeats, fold_count)
    jobs = [(contender, test, seed, keep) for test, seed in folds for contender in contenders]
    answers = []
    for answer in run_jobs(answer_fold, (data,), jobs, workers):
        answers.append(answer)
        if on_fold is not None:
            on_fold(len(answers), len(jobs))
    scores, calibration, facts = {}, {}, {}
    for number, contender in enumerate(contenders):
        mine = answers[number :: len(contenders)]
        rows = [
            fold_scores(data.y[test], a.probabilities, a.predicted, data.class_names)
            for (test, _), a in zip(folds, mine, strict=True)
        ]
        scores[contender.name] = {metric: np.array([row[metric] for row in rows]) for metric in rows[0]}
        facts[contender.name] = [answer.facts for answer in mine]
        if len(data.class_names) == 2 and not isinstance(contender, Majority):  # who says the same of all rows
            pooled = [slice(r * fold_count, (r + 1) * fold_count) for r in range(repeats)]
            calibration[contender.name] = _calibration(data.y, [(folds[part], mine[part]) for part in pooled])
    return Comparison(tuple(contenders), scores, calibration, facts, repeats, fold_count)


def answer_fold(data: Dataset, contender: Contender, test: np.ndarray, seed: int, keep: Path | None) -> Answer:
    """One contender's answer for one test fold, learned from all other rows."""
    rest = np.setdiff1d(np.arange(len(data.y)), test)
    return kept(keep, data, contender, test, seed, lambda: contender.answer(data, rest, test, seed))


def _calibration(y: np.ndarray, repeats: list) -> dict[str, np.ndarray]:
    """ECE in ten equal bins, slope and intercept, each over all rows of a repeat, out of fold."""
    found: dict[str, list[float]] = {"ece": [], "calibration_slope": [], "calibration_intercept": []}
    for folds, answers in repeats:
        rows = np.concatenate([test for test, _ in folds])
        p = np.concatenate([answer.probabilities[:, 1] for answer in answers])
        found["ece"].append(metrics.expected_calibration_error(y[rows], p))
        found["calibration_slope"].append(metrics.calibration_slope(y[rows], p))
        found["calibration_intercept"].append(metrics.calibration_intercept(y[rows], p))
    return {name: np.array(values) for name, values in found.items()}
