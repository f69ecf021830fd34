"""The frozen front of a model in training: layers before the first that learns, which nothing will go back through.

They run as in prediction, a few rows at a time, and keep nothing; but no batch norm is folded into the convolution before it, so
that what the layers behind see has the bits that it has where nothing is frozen but the norms.
"""

from __future__ import annotations

import numpy as np

from tinycnn.layers.base import is_still, learns, walk
from tinycnn.layers.norm import BatchNorm
from tinycnn.plan.inference import InferencePlan, rows_at_once
from tinycnn.plan.pairs import Item


def cut(items: list[Item]) -> tuple[list[Item], list[Item]]:
    """The front, empty where nothing in it is frozen, and the rest."""
    count = next((i for i, item in enumerate(items) if not is_still(item.layer)), len(items))
    if 0 < count < len(items) and items[count].kind == "norm" and learns(items[count].layer):
        last = items[count - 1]
        count -= last.kind in ("conv", "dense") and last.relu is None  # which takes the sums for the norm's statistics
    if not any(inner.declared for item in items[:count] for _, inner in walk(item.layer)):
        count = 0
    return items[:count], items[count:]


class Front:
    """The front for batches of so many rows; `made` holds plans by their rows, which fronts of other batches use too."""

    def __init__(self, model, items: list[Item], batch: int, made: dict[int, InferencePlan]):
        at_once = rows_at_once(model, batch)
        for rows in {at_once, batch % at_once} - {0, *made}:
            made[rows] = InferencePlan(model, rows, items)
        self.parts = [(start, made[min(at_once, batch - start)]) for start in range(0, batch, at_once)]
        self.plans = list(dict.fromkeys(plan for _, plan in self.parts))
        self.norms = [layer for item in items for _, layer in walk(item.layer) if isinstance(layer, BatchNorm)]

    def settings(self) -> tuple:
        """See `Row.settings`."""
        return tuple(norm.eps for norm in self.norms)

    def run(self, x: np.ndarray, y: np.ndarray) -> None:
        """y (N, ...) = what the last layer gives for x (N, *input_shape)."""
        for plan in self.plans:
            plan.refresh()
        for start, plan in self.parts:
            y[start : start + plan.rows] = plan.run(x[start : start + plan.rows])
