"""A training step: forward, loss, backward, update, on the plans or layer by layer, in one part or in several."""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite

import numpy as np

from tinycnn import ops
from tinycnn.divergence import divergence, keep_good
from tinycnn.layers.base import walk
from tinycnn.ops.shapes import positive_int
from tinycnn.optim import Optimizer


def train_step(model, x, y, loss: Callable, optimizer: Optimizer, sample_weight=None, accumulate: int = 1) -> float:
    """See `Sequential.train_step`."""
    store = model.built()
    if optimizer.parameters[0].flat[0] is not store.values:
        raise model.fail("the optimizer holds other parameters; make it from model.parameters() after build, load or copy")
    x, accumulate = model.check(x), positive_int(accumulate, f"{model.name}: accumulate")
    plans = model._plans(ops.trains_on)
    if plans and plans.watched():
        plans = None
    buffers = store.buffers.copy()  # forward moves the running statistics before anyone can know that they are bad
    backend = ops.backend("numba") if plans else ops.backend_for(model.total_macs())
    with backend, np.errstate(over="ignore", invalid="ignore"):  # an error follows instead
        try:
            if accumulate == 1:
                value, _ = _gradients(model, plans, x, y, loss, sample_weight, buffers)
            else:
                value = _accumulated(model, plans, x, y, loss, sample_weight, buffers, accumulate)
        except ValueError:  # labels that do not fit: as if the step had never been tried
            store.buffers[...] = buffers
            raise
        optimizer.step()
    model.steps += 1
    return value


def watched(model) -> bool:
    """Whether somebody captures what layers see: then they are run one by one, forward and backward, to the first."""
    return any(getattr(layer, "taps", None) for _, layer in walk(model))


def _gradients(model, plans, x, y, loss, sample_weight, buffers, first_row: int | None = None) -> tuple[float, float]:
    """The loss of the rows x, with its gradients in the model's store, and what the rows weigh beside others of their batch.

    `first_row` is their place in the batch where they are a part of it; `buffers` are from before the step.
    Raises DivergenceError.
    """
    store, at, weight = model.built(), first_row or 0, 1.0
    plan = plans.training_plan(model, len(x)) if plans else None
    captured = plan is None and watched(model)
    if plan:
        logits = plan.forward(x, model.seed, model.steps, at, lambda layer: model._stream(layer, at))
    elif captured:
        logits = model.forward(x, True, model._step_rng(at))
    else:
        logits = model.forward_parameters(x, model._step_rng(at))
    if first_row is not None:
        weight = _weight(loss, logits, y, sample_weight)
        if weight == 0:  # none of its rows counts, and a mean over them there is not
            store.grads[...] = 0
            return 0.0, 0.0
    value, grad = loss(logits, y, sample_weight)
    if not isfinite(value) or not np.isfinite(store.buffers).all():
        raise divergence(model, x, logits, buffers, "loss")
    keep_good(model, store.trained())
    if plan:
        model._kept_from = None
        plan.backward(grad)
    elif captured:
        model.backward(grad)
    else:
        model.backward_parameters(grad)
    if not all(np.isfinite(store.grads[span]).all() for span in store.trained()):
        raise divergence(model, x, logits, buffers, "gradient")
    return value, weight


def _accumulated(model, plans, x, y, loss, sample_weight, buffers, parts: int) -> float:
    """The whole batch's loss and gradients, part after part: means add up by what each part weighs.

    value = sum_i w_i * value_i / sum_i w_i,   grad = sum_i w_i * grad_i / sum_i w_i
    """
    store, rows, y = model.built(), len(x), np.asarray(y)
    weights = None if sample_weight is None else np.asarray(sample_weight)
    for what, array in (("labels", y), ("sample_weight", weights)):
        if array is not None and array.shape[:1] != (rows,):  # in parts, rows too many would not be seen
            raise model.fail(f"got {what} of shape {array.shape} for {rows} rows")
    if parts > rows:
        raise model.fail(f"accumulate={parts} cuts a batch of {rows} rows into more parts than it has rows")
    value, total, sums = 0.0, 0.0, np.zeros_like(store.grads)
    for part in range(parts):
        some = slice(part * rows // parts, (part + 1) * rows // parts)
        mean, weight = _gradients(
            model, plans, x[some], y[some], loss, None if weights is None else weights[some], buffers, some.start
        )
        value, total = value + weight * mean, total + weight
        for span in store.trained():
            sums[span] += sums.dtype.type(weight) * store.grads[span]
    if total == 0:
        raise model.fail("the weights of all rows sum to 0; at least one must be above 0")
    np.multiply(sums, sums.dtype.type(1 / total), out=store.grads)
    return value / total


def _weight(loss, logits, y, sample_weight) -> float:
    """What a part of a batch weighs; a loss that does not say it is a mean over rows, weighed by `sample_weight` alone."""
    if hasattr(loss, "total_weight"):
        return loss.total_weight(logits, y, sample_weight)
    return float(len(y) if sample_weight is None else np.sum(sample_weight, dtype=np.float64))
