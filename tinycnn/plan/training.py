"""A training step as a plan: every item's forward in order, every item's backward in reverse, over memory laid out once.

Frozen layers before the first that learns are no part of it: they run as in prediction (`front`), and leave nothing behind.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tinycnn.layers.base import walk
from tinycnn.ops.numba.lines import Source
from tinycnn.plan import convolved, others  # noqa: F401  they make the kinds of items known
from tinycnn.plan.base import Flow, Plan
from tinycnn.plan.front import Front, cut
from tinycnn.plan.pairs import chain
from tinycnn.plan.rows import Row


class TrainingPlan(Plan):
    """Forward and backward for batches of `batch` rows, in `block` if that is large enough. Not for two threads at once.

    `fronts` holds what the plans of a model's other batches made of its front, if any did.
    """

    def __init__(self, model, batch: int, block: np.ndarray | None = None, fronts: dict | None = None):
        super().__init__(model.total_macs() * batch)
        self.batch, self.store = batch, model.built()
        self.layers = [layer for _, layer in walk(model)]
        before, items = cut(chain(model))
        self.front = Front(model, before, batch, {} if fronts is None else fronts) if before else None
        self.row = Row(items)
        self.made_for = self.settings()
        self.state = np.zeros(4, np.uint64)  # what random numbers depend on: the seed's two halves, the step, the first row
        shape = before[-1].layer.output_shape if before else model.input_shape
        x = Flow(Source(self.take((batch, *shape))), owned=False)
        y = self.written(self.row.forward(self, x, None))
        forward = self.acts_so_far()
        grad = Flow(Source(self.take((batch, *model.output_shape))))
        self.row.backward(self, grad, None)
        backward = self.acts_so_far()
        self.arena.lay_out(block)
        self.x, self.y, self.grad = (self.arena.array(flow.array) for flow in (x, y, grad))
        self.forward_acts, self.backward_acts = self.compiled(forward), self.compiled(backward)
        self.stream_of: Callable | None = None

    def settings(self) -> tuple:
        """What the steps depend on beside arrays and shapes, and a user may change from step to step."""
        frozen = tuple(layer.frozen for layer in self.layers)
        return frozen, self.row.settings(), self.front.settings() if self.front else ()

    def forward(self, x: np.ndarray, seed: int, step: int, first_row: int, stream_of: Callable) -> np.ndarray:
        """The logits of rows from `first_row` of the batch on; `stream_of(layer)` gives a layer's own generator for them."""
        if self.front:
            self.front.run(x, self.x)
        else:
            self.x[...] = x
        self.state[:] = seed & 0xFFFFFFFFFFFFFFFF, seed >> 64, step, first_row
        self.stream_of = stream_of
        for act in self.forward_acts:
            act()
        return self.y.copy()  # its memory serves backward too

    def backward(self, grad: np.ndarray) -> None:
        """Fill the gradients of all parameters that learn, from that of the logits."""
        self.grad[...] = grad
        for act in self.backward_acts:
            act()
