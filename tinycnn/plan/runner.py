"""A model's plans: made at first use for each number of rows, kept while they fit."""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np

from tinycnn.layers.base import walk
from tinycnn.model import Sequential
from tinycnn.plan.inference import InferencePlan, rows_at_once
from tinycnn.plan.training import TrainingPlan

KEPT = 3  # plans of each kind: a whole batch, the smaller last one, a single row


class Runner:
    """The plans of one model. Several threads may predict at once: they take turns."""

    def __init__(self, model):
        self.store = model.store
        self.rows = [layer for _, layer in walk(model) if isinstance(layer, Sequential)]
        self.training: list[TrainingPlan] = []
        self.inference: list[InferencePlan] = []
        self.fronts: dict[int, InferencePlan] = {}
        self.lock = threading.Lock()

    def watched(self) -> bool:
        """Whether somebody captures what layers see: then they are run one by one."""
        return any(row.taps for row in self.rows)

    def training_plan(self, model, batch: int) -> TrainingPlan:
        """The plan for a training step of `batch` rows. All share one block of memory: the largest plan's."""
        self.inference.clear()  # their memory is of no use while the weights move
        fresh = [plan for plan in self.training if plan.made_for == plan.settings()]
        if len(fresh) < len(self.training):
            self.training, self.fronts = fresh, {}
        block = self.training[0].arena.block if self.training else None
        plan = _kept(self.training, lambda plan: plan.batch == batch, lambda: TrainingPlan(model, batch, block, self.fronts))
        if block is not None and plan.arena.block is not block:
            self.training = [plan]
        return plan

    def predict(self, model, x: np.ndarray, batch_size: int) -> np.ndarray:
        """The logits of x (N, *input_shape) in eval mode."""
        y = np.empty((len(x), *model.output_shape), np.float32)
        step, fresh = rows_at_once(model, min(batch_size, len(x))), set()
        with self.lock:
            for start in range(0, len(x), step):
                part = x[start : start + step]
                rows = len(part)
                plan = _kept(self.inference, lambda plan, n=rows: plan.rows == n, lambda n=rows: InferencePlan(model, n))
                if plan not in fresh:  # once a call: to compare a large model's weights takes as long as a row of it
                    plan.refresh()
                    fresh.add(plan)
                y[start : start + rows] = plan.run(part)
        return y


def _kept(plans: list, fits: Callable, make: Callable):
    """The plan that fits, moved to the front; made if there is none, and the one used longest ago dropped."""
    plan = next((plan for plan in plans if fits(plan)), None) or make()
    plans[:] = [plan, *(other for other in plans if other is not plan)][:KEPT]
    return plan
