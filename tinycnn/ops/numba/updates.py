"""The optimizers' steps in one pass over memory: see `ops.numpy.update` for what they compute."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numba import carray

from tinycnn.ops.numba.elementwise import FLOATS
from tinycnn.ops.numba.kernel import Program, address, kernel, tasks_for
from tinycnn.ops.numba.passes import adadelta_rows, adagrad_rows, adam_rows, nesterov_rows, rmsprop_rows, sgd_rows

SGD, NESTEROV, ADAGRAD, ADADELTA, RMSPROP, ADAM = range(6)


def can_move(*arrays: np.ndarray) -> bool:
    """Whether the kernel takes these arrays: float32, one float behind the other, and not empty."""
    return all(array.dtype == np.float32 and array.size and array.flags.c_contiguous for array in arrays)


def move(kind: int, settings: tuple[float, ...], value: np.ndarray, grad: np.ndarray, *state: np.ndarray) -> None:
    """One step in place; `settings` are the numbers that the kind's pass reads. Shape: one or two (P,) arrays of state."""
    places = [address(array) for array in (value, grad, *state)]
    program, numbers = _program(kind, value.size, *places, *[0] * (2 - len(state)))
    numbers[: len(settings)] = settings
    program.run()


@lru_cache(maxsize=16)  # a model's arrays stay where they are, and to lay out a step takes longer than a small one runs
def _program(kind: int, floats: int, value: int, grad: int, first: int, second: int) -> tuple[Program, np.ndarray]:
    settings, tasks = np.empty(7, np.float32), tasks_for(-(-floats // FLOATS))
    step = update(
        tasks, tasks=tasks, kind=kind, value=value, grad=grad, first=first, second=second, settings=settings, floats=floats
    )
    return Program([step], small=tasks == 1), settings


@kernel("tasks kind value grad first second settings floats")
def update(task, worker, p):
    """A share of the parameters."""
    p = carray(p, 1)[0]
    start, end = task * p.floats // p.tasks, (task + 1) * p.floats // p.tasks
    value, grad, first, second, n = (
        p.value + 4 * start,
        p.grad + 4 * start,
        p.first + 4 * start,
        p.second + 4 * start,
        end - start,
    )
    if p.kind == SGD:
        sgd_rows(1, n, value, 0, grad, 0, first, 0, value, 0, first, 0, p.settings)
    elif p.kind == NESTEROV:
        nesterov_rows(1, n, value, 0, grad, 0, first, 0, value, 0, first, 0, p.settings)
    elif p.kind == ADAGRAD:
        adagrad_rows(1, n, value, 0, grad, 0, first, 0, value, 0, first, 0, p.settings)
    elif p.kind == ADADELTA:
        adadelta_rows(1, n, value, 0, grad, 0, first, 0, second, 0, value, 0, first, 0, second, 0, p.settings)
    elif p.kind == RMSPROP:
        rmsprop_rows(1, n, value, 0, grad, 0, first, 0, second, 0, value, 0, first, 0, second, 0, p.settings)
    else:
        adam_rows(1, n, value, 0, grad, 0, first, 0, second, 0, value, 0, first, 0, second, 0, p.settings)
