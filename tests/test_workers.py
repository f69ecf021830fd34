"""Worker processes: results in order, what they need sent once, and none left behind."""

import os
import signal
import time
from multiprocessing import active_children

import numpy as np
import pytest

from bcdetect.errors import UsageError
from bcdetect.workers import run_jobs


def scaled(factor, number):
    return factor * number


def first_fails(number):
    if number == 0:
        raise ValueError("the first")
    time.sleep(300)


def dies(number):
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize("workers", [1, 2])
def test_results_are_in_order(workers):
    found = list(run_jobs(scaled, (np.arange(3),), [(k,) for k in range(5)], workers))
    np.testing.assert_array_equal(found, np.arange(5)[:, None] * np.arange(3))


def test_an_error_of_one_ends_the_others():
    with pytest.raises(ValueError, match="the first"):
        list(run_jobs(first_fails, (), [(0,), (1,)], 2))
    assert not active_children()


def test_whoever_takes_no_more_results_leaves_no_worker():
    results = run_jobs(scaled, (2,), [(k,) for k in range(4)], 2)
    assert next(results) == 0
    results.close()
    assert not active_children()


def test_a_killed_worker_is_one_clear_error_and_the_environment_is_as_before():
    before = dict(os.environ)
    with pytest.raises(UsageError, match="killed"):
        list(run_jobs(dies, (), [(0,), (1,)], 2))
    assert dict(os.environ) == before
