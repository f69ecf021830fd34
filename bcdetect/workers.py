"""Many jobs of one function: one after the other here, or in worker processes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor

_shared: tuple = ()  # in a worker process: what all its jobs need, sent once


def run_jobs(function: Callable, shared: tuple, jobs: Sequence[tuple], workers: int) -> Iterator:
    """`function(*shared, *job)` for each job, in order. Worker processes have one BLAS thread each, and get `shared` once."""
    if workers == 1:
        yield from (function(*shared, *job) for job in jobs)
        return
    from multiprocessing import get_context

    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(dict.fromkeys(names, "1"))  # read when a worker loads NumPy; spawned, since a fork can hang its threads
    try:
        with ProcessPoolExecutor(workers, get_context("spawn"), _receive, shared) as pool:
            yield from pool.map(_do, [function] * len(jobs), jobs)
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def _receive(*shared) -> None:
    global _shared
    _shared = shared


def _do(function: Callable, job: tuple):
    return function(*_shared, *job)
