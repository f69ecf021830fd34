"""Trials by workers over one storage: none is lost when a process is killed, none is done twice."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from bcdetect.config import Config
from bcdetect.datasets import Dataset
from bcdetect.errors import TrainingError, UsageError
from bcdetect.evaluation import FOLD_VALIDATION
from bcdetect.tuning.alive import is_dead, me
from bcdetect.tuning.optuna import GRACE, experimental, opened, optuna
from bcdetect.tuning.space import Range, holds, settings, values_of
from bcdetect.tuning.trial import OBJECTIVES, inner_answers, judged

WORKER = "worker"  # names of what a trial keeps beside its value
SAME_AS = "same_as"
DIVERGED = "diverged"
PAUSE = 0.2  # seconds between looks at what others do


@dataclass(frozen=True)
class Plan:
    """What a study is: the settings it starts from, what is tried, and how a trial is judged."""

    config: Config
    space: tuple[Range, ...]
    inner: int = 5
    objective: str = "log_loss"
    validation: float = FOLD_VALIDATION  # share of an inner fold's training rows that chooses the epoch


class Withdrawn(Exception):
    """A trial beyond the number that was asked for."""


def search(
    data: Dataset,
    plan: Plan,
    trials: int,
    storage: str | None = None,
    name: str = "study",
    on_trial: Callable[[int, int], None] | None = None,
    answers: dict | None = None,
):
    """Run trials until the study has so many finished ones, and return it; several processes may do so at once.

    Every row of `data` serves the inner folds: it must hold no row that is to judge the result. A trial is finished when it has
    a value or was pruned. Those that a killed process left are tried anew. `storage` is a URL of Optuna's, None this process's
    memory. The dict `answers` is filled with the inner folds' rows and probabilities of the best trial that was run here.
    Raises UsageError without Optuna, or for another study of that name.
    """
    study = open_study(plan, data, storage, name)
    while True:
        recover(study)
        done = finished(study)
        if on_trial is not None:
            on_trial(done, trials)
        if done >= trials:
            return study
        if len(_taken(study)) >= trials:
            time.sleep(PAUSE)  # the last ones are under way elsewhere; should their workers die, they are ours
            continue
        with experimental():
            study.optimize(lambda trial: _run(trial, study, data, plan, trials, answers), n_trials=1, catch=(Withdrawn,))


def open_study(plan: Plan, data: Dataset, storage: str | None, name: str):
    """The study of that name, made if there is none. Raises UsageError for a storage that cannot be used."""
    pruner = optuna().pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=1)
    try:
        with experimental():
            place = None if storage is None else opened(storage)
            study = optuna().create_study(
                study_name=name,
                storage=place,
                sampler=keyed_sampler(plan.config.seed),
                pruner=pruner,
                direction=OBJECTIVES[plan.objective],
                load_if_exists=True,
            )
    except Exception as error:  # a driver's own kind, for each of the storages
        raise UsageError(f"the storage cannot be used: {str(error).splitlines()[0]}", hint="Pass a URL of Optuna's") from error
    own = values_of(plan.config, plan.space, data)
    if holds(plan.space, own) and not study.get_trials(deepcopy=False):
        study.enqueue_trial(own, skip_if_exists=True)  # the settings that are to be beaten come first
    return study


def finished(study) -> int:
    """How many trials have a value or were pruned."""
    return sum(trial.state.name in ("COMPLETE", "PRUNED") for trial in study.get_trials(deepcopy=False))


def best_trial(study):
    """The finished trial with the best value. Raises TrainingError where none has one."""
    if not any(trial.state.name == "COMPLETE" for trial in study.get_trials(deepcopy=False)):
        raise TrainingError("no trial came to its end: training diverged in all of them", hint="Start from a smaller rate")
    return study.best_trial


def recover(study) -> int:
    """Mark the trials of dead workers as failed and queue their settings again; returns how many."""
    found = 0
    with experimental():
        optuna().storages.fail_stale_trials(study)  # other machines' that show no sign of life
    for trial in study.get_trials(deepcopy=False, states=(optuna().trial.TrialState.RUNNING,)):
        if not _is_left(trial):
            continue
        with suppress(ValueError, RuntimeError):  # another process was first
            study.tell(trial.number, state=optuna().trial.TrialState.FAIL)
            study.enqueue_trial(trial.params)
            found += 1
    return found


def _is_left(trial) -> bool:
    """Whether the worker of a trial that is under way is dead, or died before it could say who it is."""
    owner = trial.user_attrs.get(WORKER)
    if owner is None:
        return (datetime.now() - trial.datetime_start).total_seconds() > GRACE
    return is_dead(owner)


def keyed_sampler(seed: int):
    """Optuna's TPE, its random numbers keyed by (seed, trial number).

    The storage gives every number once, so that two workers never draw alike, and a resumed study has no generator to lose.
    Source: Bergstra et al. 2011, NeurIPS.
    """

    class Keyed(optuna().samplers.BaseSampler):
        def before_trial(self, study, trial):
            key = int(np.random.SeedSequence([seed, trial.number]).generate_state(1)[0])
            with experimental():
                self.inner = optuna().samplers.TPESampler(seed=key, constant_liar=True, n_startup_trials=10)

        def infer_relative_search_space(self, study, trial):
            return self.inner.infer_relative_search_space(study, trial)

        def sample_relative(self, study, trial, search_space):
            return self.inner.sample_relative(study, trial, search_space)

        def sample_independent(self, study, trial, param_name, param_distribution):
            return self.inner.sample_independent(study, trial, param_name, param_distribution)

    return Keyed()


def _run(trial, study, data: Dataset, plan: Plan, trials: int, answers: dict | None) -> float:
    """The objective: the mean over the inner folds, pruned where it is worse than most after as many folds."""
    trial.set_user_attr(WORKER, me())
    if sum(number < trial.number for number in _taken(study)) >= trials:
        raise Withdrawn
    values = {r.name: r.suggest(trial) for r in plan.space}
    twin = _twin(study, trial, values)
    if twin is not None:
        trial.set_user_attr(SAME_AS, twin.number)
        if twin.state.name == "PRUNED":
            raise optuna().TrialPruned
        return twin.value
    config, scores, found = settings(values, plan.config, data.pictures), [], []
    try:
        for rows, p in inner_answers(data, config, plan.inner, plan.validation):
            scores.append(judged(data.y[rows], p, plan.objective))
            found.append((rows, p))
            trial.report(float(np.mean(scores)), len(scores) - 1)
            if len(scores) < plan.inner and trial.should_prune():
                raise optuna().TrialPruned
    except TrainingError:
        trial.set_user_attr(DIVERGED, True)
        raise optuna().TrialPruned from None
    trial.set_user_attr("folds", scores)
    value = float(np.mean(scores))
    if answers is not None and (
        "value" not in answers or (value < answers["value"]) == (OBJECTIVES[plan.objective] == "minimize")
    ):
        answers.update(value=value, folds=found)
    return value


def _twin(study, trial, values: dict):
    """An earlier trial of the same settings that has finished; waits for one that is under way."""
    while True:
        waits = False
        for other in study.get_trials(deepcopy=False):
            if other.number >= trial.number or other.state.name not in ("COMPLETE", "PRUNED", "RUNNING"):
                continue
            if other.state.name == "RUNNING":
                waits |= all(values[name] == value for name, value in other.params.items())  # or what is known of them so far
            elif other.params == values:
                return other
        if not waits:
            return None
        time.sleep(PAUSE)
        recover(study)


def _taken(study) -> list[int]:
    """The numbers of the trials that are finished or under way."""
    return [t.number for t in study.get_trials(deepcopy=False) if t.state.name in ("COMPLETE", "PRUNED", "RUNNING")]
