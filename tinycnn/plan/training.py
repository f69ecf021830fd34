"""A training step as a plan: every item's forward in order, every item's backward in reverse, over memory laid out once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tinycnn.ops.numba.lines import Source
from tinycnn.plan import convolved, others  # noqa: F401  they make the kinds of items known
from tinycnn.plan.base import Flow, Plan
from tinycnn.plan.pairs import chain
from tinycnn.plan.rows import Row


class TrainingPlan(Plan):
    """Forward and backward for batches of `batch` rows, in `block` if that is large enough. Not for two threads at once."""

    def __init__(self, model, batch: int, block: np.ndarray | None = None):
        super().__init__(model.total_macs() * batch)
        self.batch, self.store = batch, model.built()
        self.row = Row(chain(model))
        self.made_for = self.row.settings()
        self.state = np.zeros(3, np.uint64)  # what random numbers depend on: the seed's two halves, and the step
        x = Flow(Source(self.take((batch, *model.input_shape))), owned=False)
        y = self.written(self.row.forward(self, x, None))
        forward = self.acts_so_far()
        grad = Flow(Source(self.take((batch, *model.output_shape))))
        self.row.backward(self, grad, None, wants_input=False)
        backward = self.acts_so_far()
        self.arena.lay_out(block)
        self.x, self.y, self.grad = (self.arena.array(flow.array) for flow in (x, y, grad))
        self.forward_acts, self.backward_acts = self.compiled(forward), self.compiled(backward)
        self.stream_of: Callable | None = None

    def forward(self, x: np.ndarray, seed: int, step: int, stream_of: Callable) -> np.ndarray:
        """The logits. `stream_of(layer)` gives a layer's own generator for this step."""
        self.x[...] = x
        self.state[:] = seed & 0xFFFFFFFFFFFFFFFF, seed >> 64, step
        self.stream_of = stream_of
        for act in self.forward_acts:
            act()
        return self.y.copy()  # its memory serves backward too

    def backward(self, grad: np.ndarray) -> None:
        """Fill the gradients of all parameters, from that of the logits."""
        self.grad[...] = grad
        for act in self.backward_acts:
            act()
