"""Items in training: what each must offer, and how a row of them runs forward and backward.

Each item's `forward` takes the flow from the item before and gives its own; its `backward` takes the gradient of what it gave and
gives that of what it took, or None where nobody wants it. Both only write down steps.

What an item gave stays until its own backward: the items behind have had their use of it by then.
"""

from __future__ import annotations

import copy

from tinycnn.layers.base import learns
from tinycnn.ops.numba import elementwise as e
from tinycnn.ops.numba.lines import End, Source
from tinycnn.plan.base import Flow, Plan
from tinycnn.plan.pairs import Item


class Row:
    """Items one after the other. `fed`: whether something that learns stands below, which wants the gradient of the input."""

    def __init__(self, items: list[Item], fed: bool = False):
        self.items: list[TrainedItem] = []
        for item in items:
            self.items.append(TrainedItem.kinds[item.kind](item, fed))
            fed = fed or self.items[-1].learns

    def settings(self) -> tuple:
        """What the steps depend on beside arrays and shapes, and a user may change from step to step: rates, say."""
        return tuple(setting for item in self.items for setting in item.settings())

    def forward(self, plan: Plan, flow: Flow, above) -> Flow:
        """The last item's flow. The first items, if nothing will go back through them, keep nothing."""
        behind = [*self.items[1:], above]
        lowest = next((i for i, item in enumerate(self.items) if item.fed or item.learns), len(self.items))
        with plan.noting() as held:
            for item, above in zip(self.items[:lowest], behind, strict=False):
                flow = item.forward(plan, flow, above)
                plan.give_all_but(flow, held)
        for item, above in zip(self.items[lowest:], behind[lowest:], strict=False):
            flow = item.forward(plan, flow, above)
        return flow

    def backward(self, plan: Plan, grad: Flow, below) -> Flow | None:
        """The gradient of the first item's input. `below` is the item in front of the row, or None.

        It ends above the items that nothing wants a gradient of.
        """
        for i in reversed(range(len(self.items))):
            item = self.items[i]
            if not (item.fed or item.learns):
                return None
            grad = item.backward(plan, grad, self.items[i - 1] if i else below, item.fed)
        return grad

    def again(self) -> Row:
        """The row as it is planned once more, to the same numbers, where it was run and forgotten."""
        row = copy.copy(self)
        row.items = [item.again() for item in self.items]
        return row


class TrainedItem:
    """One item in training; `forward` and `backward` as in `Row`, with the neighbours they may work for."""

    kinds: dict[str, type[TrainedItem]] = {}  # of items, by the names that `pairs` gives them

    def __init_subclass__(cls, kinds: tuple[str, ...]):
        TrainedItem.kinds.update(dict.fromkeys(kinds, cls))

    def __init__(self, item: Item, fed: bool):
        self.kind, self.layer, self.relu = item.kind, item.layer, item.relu is not None
        self.fed, self.learns = fed, learns(item.layer)

    def settings(self) -> tuple:
        """See `Row.settings`."""
        return ()

    def again(self) -> TrainedItem:
        """See `Row.again`."""
        return copy.copy(self)

    def wants_moments(self) -> bool:
        """Whether the convolution below should take the sums for a batch's statistics while it is at it."""
        return False

    def gradient_end(self, plan: Plan, tasks: int) -> tuple[End, dict | None]:
        """What the one who computes the gradient of this item's output should do for it at once, and the tables it fills."""
        return End(), None


def masked(plan: Plan, grad: Flow, y) -> Flow:
    """The gradient where y > 0."""
    grad = plan.written(grad)
    result = grad.array if grad.owned else plan.take(grad.shape)
    plan.add(e.combine_step(e.WHERE_POSITIVE, grad.array, y, result))
    return Flow(Source(result))
