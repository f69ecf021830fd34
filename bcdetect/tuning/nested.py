"""Tuning inside the folds of a cross-validation: no trial ever sees a row that its fold tests on."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace

import numpy as np

from bcdetect.calibration import Temperature, to_log_odds
from bcdetect.compare.contenders import Answer, Contender, LogisticRegression, likeliest, validation_share
from bcdetect.config import Config
from bcdetect.datasets import Dataset
from bcdetect.evaluation import fold_scores, train_network
from bcdetect.tuning.space import Range, settings, space_for
from bcdetect.tuning.study import Plan, best_trial, search

INNER = 5  # folds


@dataclass(frozen=True)
class TunedNetwork(Contender):
    """A CNN whose settings are the best of `trials`, judged on inner folds of the fold's training rows.

    It is then trained on all these rows, and its probabilities are calibrated by a temperature that was fitted to the best
    trial's answers on the inner folds: answers for rows that its networks had not learned from either.
    """

    config: Config
    space: tuple[Range, ...]
    trials: int
    inner: int = INNER

    def answer(self, data: Dataset, rest: np.ndarray, test: np.ndarray, seed: int) -> Answer:
        """See Contender; `facts` are the settings chosen, the inner folds' score and the temperature."""
        inside = data.subset(rest)
        share = validation_share(data, rest)
        plan = Plan(replace(self.config, seed=seed), self.space, self.inner, validation=share)
        answers: dict = {}
        study = search(inside, plan, self.trials, answers=answers)
        best = best_trial(study)
        chosen = settings(best.params, plan.config, data.pictures)
        p = train_network(data, rest, chosen, share).predict_rows(data, test)
        temperature = fitted(inside.y, answers["folds"])
        facts = {"settings": best.params, "inner": best.value, "temperature": float(temperature.temperature)}
        return likeliest(calibrated(temperature, p), facts)

    def described(self) -> dict:
        """See Contender."""
        tried = [repr(r) for r in self.space]
        return {"settings": asdict(self.config), "trials": self.trials, "inner": self.inner, "space": tried}


@dataclass(frozen=True)
class TunedFold:
    """`evaluation.run_fold` with tuning in it: the scores of both models, and the settings chosen."""

    trials: int

    def __call__(self, data: Dataset, test: np.ndarray, config: Config) -> tuple[dict[str, dict[str, float]], dict]:
        """Learn from all rows but `test`, and judge there."""
        rest = np.setdiff1d(np.arange(len(data.y)), test)
        found = {
            "cnn": TunedNetwork("CNN", config, space_for(data), self.trials).answer(data, rest, test, config.seed),
            "logistic": LogisticRegression().answer(data, rest, test, config.seed),
        }
        scores = {
            name: fold_scores(data.y[test], answer.probabilities, answer.predicted, data.class_names)
            for name, answer in found.items()
        }
        return scores, found["cnn"].facts


def fitted(y_true: np.ndarray, folds: list[tuple[np.ndarray, np.ndarray]]) -> Temperature:
    """The temperature of the inner folds' answers: of each its rows (n,) and probabilities (n, K)."""
    rows = np.concatenate([rows for rows, _ in folds])
    return Temperature.fit(to_log_odds(columns(np.concatenate([p for _, p in folds]))), y_true[rows])


def calibrated(temperature: Temperature, p: np.ndarray) -> np.ndarray:
    """Probabilities (n, K) after the temperature."""
    found = temperature.apply(to_log_odds(columns(p)))
    return np.column_stack([1 - found, found]) if found.ndim == 1 else found


def columns(p: np.ndarray) -> np.ndarray:
    """Of two classes the second column (n,), which is what `calibration` takes; else all (n, K)."""
    return p[:, 1] if p.shape[1] == 2 else p
