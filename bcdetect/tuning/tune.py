"""From settings and data to a tuned config: the parts, the study's name, the workers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict

import numpy as np

from bcdetect.datasets import Dataset
from bcdetect.errors import InputError
from bcdetect.run import fingerprint
from bcdetect.tuning.study import Plan, finished, open_study, search
from bcdetect.workers import run_jobs


def inside(data: Dataset, parts: dict[str, np.ndarray]) -> Dataset:
    """The training and validation rows, which the inner folds draw on. Raises InputError where the test part shares any."""
    rows = np.sort(np.concatenate([parts["train"], parts["validation"]]))
    groups = data.groups
    if np.intersect1d(rows, parts["test"]).size or (groups is not None and set(groups[rows]) & set(groups[parts["test"]])):
        raise InputError("rows or groups of the test part are in the training part, too", file=data.provenance.get("file", ""))
    return data.subset(rows)


def study_name(plan: Plan, data: Dataset, parts: dict[str, np.ndarray]) -> str:
    """The same for the same data, parts, settings and plan, wherever the data lie: who shares a storage shares the study."""
    config = asdict(plan.config) | {"data": None}
    said = [config, [repr(r) for r in plan.space], plan.inner, plan.objective, plan.validation]
    digest = hashlib.sha256((json.dumps(said) + fingerprint(plan.config, data, parts)).encode()).hexdigest()
    return f"bcdetect-{digest[:20]}"


def tune(
    data: Dataset,
    plan: Plan,
    trials: int,
    storage: str,
    name: str,
    workers: int = 1,
    on_trial: Callable[[int, int], None] | None = None,
):
    """Run the study of that name to so many finished trials, in so many processes; `data` are the rows of the inner folds.

    Whatever ends a process, the next call goes on from the trials that were finished. Returns the study.
    """
    study = open_study(plan, data, storage, name)  # before there are workers, who would all make it at once
    if workers > 1 and finished(study) < trials:
        for _ in run_jobs(work, (data, plan, trials, storage, name, on_trial), [(k,) for k in range(workers)], workers):
            pass
    return search(data, plan, trials, storage, name, on_trial if workers == 1 else None)


def work(data: Dataset, plan: Plan, trials: int, storage: str, name: str, on_trial, number: int) -> None:
    """One of several workers; the first tells how far all are."""
    search(data, plan, trials, storage, name, None if number else on_trial)
