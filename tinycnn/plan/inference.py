"""A prediction as a plan: batch norms folded into the convolutions before them, a few rows at a time so that they stay in cache.

    conv, then gamma * (y - mean) / sqrt(var + eps) + beta    is    conv with weight * scale and bias * scale + shift,
    where scale = gamma / sqrt(var + eps) and shift = beta - mean * scale

A row's answer depends on nothing but the row and the weights, so that neither the number of rows taken at once nor the number of
threads shows in its bits.
"""

from __future__ import annotations

from math import prod

import numpy as np

from tinycnn.layers.base import walk
from tinycnn.ops.numba import elementwise as e
from tinycnn.ops.numba import norm as n
from tinycnn.ops.numba import pool as p
from tinycnn.ops.numba.kernel import Program
from tinycnn.ops.numba.lift import lift
from tinycnn.ops.numba.lines import NORMALISE, NORMALISE_RECTIFY, End, Source
from tinycnn.ops.numba.twins import memory, shares
from tinycnn.plan.base import Flow, Plan, convolution_of, keep_result
from tinycnn.plan.pairs import Item, chain

CACHE_BYTES = 1 << 22  # that the largest array between two layers may take


class InferencePlan(Plan):
    """Eval mode of a model for `rows` rows at once; with `front`, of these first items alone, and nothing folded.

    Not for two threads at once.
    """

    def __init__(self, model, rows: int, front: list[Item] | None = None):
        super().__init__(model.total_macs() * rows)
        self.rows, store = rows, model.built()
        self.folding, items = front is None, chain(model, checkpoints=False) if front is None else front
        layers = [layer for item in items for _, layer in walk(item.layer)]
        arrays = [array for layer in layers for array in (*layer.params.values(), *layer.buffers.values())]
        self.now = [store.values, store.buffers] if self.folding else arrays  # all that the weights are made of
        self.folds: list = []  # functions that bring folded weights up to date
        self.norms: list = []  # the batch norms that are folded
        self.weight_steps: list = []  # and steps that lay them out for the kernels
        x = Flow(Source(self.take((rows, *model.input_shape))), owned=False)
        y = self.written(infer_row(self, items, x))
        acts = self.acts_so_far()
        self.arena.lay_out()
        self.x, self.y = self.arena.array(x.array), self.arena.array(y.array)
        self.acts = self.compiled(acts)
        self.weights = Program(self.weight_steps, None, small=self.serial) if self.weight_steps else None
        self.seen: list[np.ndarray] | None = None  # what was folded
        self.eps: list[float] = []  # with these

    def run(self, x: np.ndarray) -> np.ndarray:
        """The logits of x (rows, *input_shape), after `refresh`; the next call overwrites them."""
        self.x[...] = x
        for act in self.acts:
            act()
        return self.y

    def refresh(self) -> None:
        """Fold and lay out the weights anew if they moved: anybody may write into a model's parameters."""
        eps = [layer.eps for layer in self.norms]
        if self.seen is not None and eps == self.eps and all(map(np.array_equal, self.seen, self.now)):
            return
        for fold in self.folds:
            fold()
        if self.weights is not None:
            self.weights.run()
        self.seen, self.eps = [array.copy() for array in self.now], eps


def rows_at_once(model, most: int) -> int:
    """How many rows are taken at once, from the model's shapes alone: as many as stay in cache.

    But each time all weights are read, which Winograd lays out as four times as many: so where they outweigh a row's activations,
    as many rows as they do it times.
    """
    sizes = [prod(layer.output_shape) for layer in _leaves(model)]
    weights = sum(prod(declared.shape) for layer in _leaves(model) for declared in layer.declared.values())
    return max(1, min(most, max(CACHE_BYTES // (4 * max(sizes)), 4 * weights // sum(sizes))))


def _leaves(layer):
    children = layer.children().values()
    return [leaf for child in children for leaf in _leaves(child)] if children else [layer]


def infer_row(plan: InferencePlan, items: list[Item], flow: Flow) -> Flow:
    """The flow behind the last item."""
    items = list(items)
    while items:
        item, norm = items.pop(0), None
        if plan.folding and item.kind in ("conv", "dense") and item.relu is None and items and items[0].kind == "norm":
            norm = items.pop(0)
        flow = _convolved(plan, item, norm, flow) if item.kind in ("conv", "dense") else KINDS[item.kind](plan, item, flow)
    return flow


def _convolved(plan, item, norm, flow):
    layer, rectify = item.layer, int((norm or item).relu is not None)
    c = convolution_of(layer)
    weight, bias = layer.params["weight"], layer.params["bias"] if layer.bias else 0
    if norm:
        weight, bias = np.empty_like(weight), np.empty(c.outputs, np.float32)

        def fold():
            scale, shift = _line(norm.layer)
            np.multiply(layer.params["weight"], scale, out=weight)
            bias[...] = shift + layer.params["bias"] * scale if layer.bias else shift

        plan.folds.append(fold)
        plan.norms.append(norm.layer)
    source = flow.reshaped(plan.rows, *c.window.size, c.channels).source
    y = plan.take((plan.rows, *c.window.output, c.outputs))
    end = End(bias=bias, rectify=rectify)
    *weight_steps, step = c.forward(source, weight, y, end, memory)
    plan.weight_steps.extend(weight_steps)
    plan.add(step)
    plan.release(flow)
    return Flow(Source(y)).reshaped(plan.rows, *layer.output_shape)


def _normalised(plan, item, flow):
    flow = plan.written(flow)
    scale, shift = np.empty((2, flow.shape[-1]), np.float32)
    if plan.folding:

        def fold():
            scale[...], shift[...] = _line(item.layer)

        plan.folds.append(fold)
        plan.norms.append(item.layer)
    else:  # to the bits of a training step
        plan.weight_steps.append(running_step(item.layer, scale, shift))
    mode = NORMALISE_RECTIFY if item.relu else NORMALISE
    return Flow(Source(flow.array, mode, scale=scale, shift=shift), flow.owned)


def _line(layer):
    """Scale and shift of a batch norm by its running statistics."""
    scale = layer.params["gamma"] / np.sqrt(layer.buffers["running_var"] + np.float32(layer.eps))
    return scale, layer.params["beta"] - layer.buffers["running_mean"] * scale


def running_step(layer, scale, shift):
    """The same by the kernel that settles batch norms in training."""
    mean, variance, inverse = np.empty((3, len(scale)), np.float32)
    return n.settle_step(
        tasks=0, channels=len(scale), moments=0, pivots=0, gamma=layer.params["gamma"], beta=layer.params["beta"], mean=mean,
        variance=variance, inverse=inverse, scale=scale, shift=shift, running_mean=layer.buffers["running_mean"],
        running_var=layer.buffers["running_var"], settings=np.array([layer.momentum, layer.eps]),
    )  # fmt: skip


def _rectified(plan, item, flow):
    flow = plan.written(flow)
    y = flow.array if flow.owned else plan.take(flow.shape)
    plan.add(e.combine_step(e.RECTIFY, flow.array, 0, y))
    return Flow(Source(y))


def _pooled(plan, item, flow):
    layer, is_max = item.layer, item.kind == "max"
    y = plan.take((plan.rows, *layer.output_shape))
    winner = plan.take(y.shape, np.uint8) if is_max else 0
    each = 0 if is_max else shares(layer.input_shape[:-1], layer.window, layer.count_padding)
    plan.add(p.pool_step(flow.source, y, winner, each, lift(layer.input_shape[:-1], layer.window)))
    if is_max:
        plan.give(winner)
    plan.release(flow)
    return Flow(Source(y))


def _averaged(plan, item, flow):
    y = plan.take((plan.rows, *item.layer.output_shape))
    share = np.array([1 / prod(item.layer.input_shape[:-1])], np.float32)
    plan.add(p.mean_step(flow.source, y, share))
    plan.release(flow)
    return Flow(Source(y))


def _dropped(plan, item, flow):
    return flow


def _flattened(plan, item, flow):
    return plan.written(flow).reshaped(plan.rows, *item.layer.output_shape)


def _summed(plan, item, flow):
    flow = plan.written(flow)
    x = Flow(flow.source, owned=False)
    first = plan.written(infer_row(plan, chain(item.layer.body, checkpoints=False), x))
    second = x if item.layer.shortcut is None else plan.written(infer_row(plan, chain(item.layer.shortcut, checkpoints=False), x))
    y = first.array if first.owned else plan.take(first.shape)
    plan.add(e.combine_step(e.ADD_RECTIFY if item.relu else e.ADD, first.array, second.array, y))
    plan.release(second)
    plan.release(flow)
    return Flow(Source(y))


def _row(plan, item, flow):
    return infer_row(plan, chain(item.layer.body, checkpoints=False), flow)


def _foreign(plan, item, flow):
    flow = plan.written(flow)
    layer, x, y = item.layer, flow.array, plan.take((plan.rows, *item.layer.output_shape))

    def run():
        keep_result(layer, "forward", layer.infer(plan.arena.array(x)), plan.arena.array(y))

    plan.call(run)
    plan.release(flow)
    return Flow(Source(y))


KINDS = {
    "norm": _normalised,
    "relu": _rectified,
    "max": _pooled,
    "average": _pooled,
    "mean": _averaged,
    "dropout": _dropped,
    "flatten": _flattened,
    "residual": _summed,
    "checkpoint": _row,
    "foreign": _foreign,
}
