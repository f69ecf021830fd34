"""The learning-rate range test: which rates a model can be trained at, found by one short run through all of them."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable, Iterator

import numpy as np

from tinycnn.divergence import DivergenceError
from tinycnn.model import Sequential
from tinycnn.ops.shapes import is_int
from tinycnn.optim import Optimizer

SMOOTHING = 0.9  # of the running loss that says when to stop


def lr_range_test(
    model: Sequential,
    batches: Iterable,
    loss: Callable,
    optimizer: Optimizer,
    low: float = 1e-6,
    high: float = 1.0,
    steps: int = 100,
    stop: float = 4.0,
) -> tuple[np.ndarray, np.ndarray]:
    """Train with a rate that grows from step to step, and return the rates and the losses met at them: two arrays (S,).

        rate(s) = low * (high / low)^(s / (steps - 1))

    A good highest rate for `OneCycle` lies somewhat below the one at which the losses begin to rise. `batches` gives pairs (x, y)
    and is gone through again where it has fewer than `steps`; S is below `steps` where it cannot be, where training diverged, or
    where the running mean of the losses is above `stop` times its lowest. Model and optimizer are left as they were, bit for bit:
    weights, gradients, running statistics, counts of steps, the optimizer's state and rate.
    Raises ValueError for rates or steps that make no sense, and where there is no batch.
    Source: Smith 2017, section 3.3 (arXiv:1506.01186), in equal factors instead of equal steps.
    """
    if not 0 < low < high < math.inf:
        raise ValueError(f"lr_range_test: needs 0 < low={low} < high={high}, finite")
    if not is_int(steps) or steps < 2 or not stop > 1:
        raise ValueError(f"lr_range_test: steps={steps!r} must be an int of at least 2 and stop={stop} above 1")
    rates, losses, running, lowest = low * (high / low) ** (np.arange(steps) / (steps - 1)), [], 0.0, math.inf
    store, around = model.built(), _everything(model, optimizer)
    try:
        first = optimizer.steps
        optimizer.schedule = lambda step: rates[step - first]
        for (x, y), _ in zip(_again_and_again(batches), rates, strict=False):
            try:
                losses.append(model.train_step(x, y, loss, optimizer))
            except DivergenceError:
                break
            running = SMOOTHING * running + (1 - SMOOTHING) * losses[-1]
            mean = running / (1 - SMOOTHING ** len(losses))
            lowest = min(lowest, mean)
            if mean > stop * lowest:
                break
    finally:
        _put_back(model, optimizer, store, around)
    return rates[: len(losses)], np.array(losses)


def _again_and_again(batches: Iterable) -> Iterator:
    count, before = 0, -1
    while count > before:
        before = count
        for batch in batches:
            count += 1
            yield batch
    if count == 0:
        raise ValueError("lr_range_test: got no batch; it needs pairs (x, y)")


def _everything(model, optimizer):
    store = model.built()
    arrays = [store.values, store.grads, store.buffers, *optimizer.state.values()]
    return [(a, a.copy()) for a in arrays], copy.copy(store.good), model.steps, optimizer.steps, optimizer.lr, optimizer.schedule


def _put_back(model, optimizer, store, around):
    pairs, store.good, model.steps, optimizer.steps, optimizer.lr, optimizer.schedule = around
    for array, before in pairs:
        array[...] = before
