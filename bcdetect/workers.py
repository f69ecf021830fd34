"""Many jobs of one function: one after the other here, or in worker processes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

from bcdetect.errors import UsageError

_shared: tuple = ()  # in a worker process: what all its jobs need, sent once


def run_jobs(function: Callable, shared: tuple, jobs: Sequence[tuple], workers: int) -> Iterator:
    """`function(*shared, *job)` for each job, in order. Worker processes have one BLAS thread each, and get `shared` once.

    Whatever ends this process ends them as well. Raises what a job raised, UsageError where a worker was killed.
    """
    if workers == 1:
        yield from (function(*shared, *job) for job in jobs)
        return
    from multiprocessing import active_children, get_context

    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(dict.fromkeys(names, "1"))  # read when a worker loads NumPy; spawned, since a fork can hang its threads
    others = active_children()
    try:
        with ProcessPoolExecutor(workers, get_context("spawn"), _receive, shared) as pool:
            try:
                yield from pool.map(_do, [function] * len(jobs), jobs)
            except BaseException:  # the pool would wait for jobs whose results no one takes any more
                for worker in active_children():
                    if worker not in others:
                        worker.terminate()
                raise
    except BrokenProcessPool as error:
        raise UsageError("a worker process was killed, perhaps for want of memory", hint="Use fewer with --threads 1") from error
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def _receive(*shared) -> None:
    global _shared
    _shared = shared


def _do(function: Callable, job: tuple):
    return function(*_shared, *job)
