"""All other items in training: activations, pooling, dropout, shapes, shortcuts, and layers that the planner does not know."""

from __future__ import annotations

from contextlib import nullcontext
from math import prod

import numpy as np

from tinycnn.ops.numba import elementwise as e
from tinycnn.ops.numba import pool as p
from tinycnn.ops.numba.lift import lift
from tinycnn.ops.numba.lines import End, Source
from tinycnn.ops.numba.random import draw_step
from tinycnn.ops.numba.twins import shares
from tinycnn.plan.base import Flow, Plan, keep_result
from tinycnn.plan.pairs import chain
from tinycnn.plan.rows import Row, TrainedItem, masked
from tinycnn.recompute import buffers_kept, forgetting


class Rectified(TrainedItem, kinds=("relu",)):
    """A ReLU that stands alone."""

    def forward(self, plan, flow, above):
        """Written."""
        flow = plan.written(flow)
        self.y = plan.take(flow.shape)
        plan.add(e.combine_step(e.RECTIFY, flow.array, 0, self.y))
        self.x = flow
        return Flow(Source(self.y), owned=False)

    def backward(self, plan, grad, below, wants_input):
        """The gradient where the output is above 0."""
        grad = masked(plan, grad, self.y)
        plan.give(self.y)
        plan.release(self.x)
        return grad


class Pooled(TrainedItem, kinds=("max", "average")):
    """Max or average pooling."""

    def forward(self, plan, flow, above):
        """Reads its input through a batch norm and a ReLU."""
        layer = self.layer
        self.window = lift(layer.input_shape[:-1], layer.window)
        shape = (plan.batch, *layer.output_shape)
        self.y = plan.take(shape)
        self.winner = plan.take(shape, np.uint8) if self.is_max() else 0
        self.shares = 0 if self.is_max() else shares(layer.input_shape[:-1], layer.window, layer.count_padding)
        plan.add(p.pool_step(flow.source, self.y, self.winner, self.shares, self.window))
        self.x = flow
        return Flow(Source(self.y), owned=False)

    def backward(self, plan, grad, below, wants_input):
        """Every window's gradient to where it came from."""
        grad = plan.written(grad)
        step = lambda x, end: p.pool_gradient_step(grad.array, self.winner, self.shares, x, end, self.window)  # noqa: E731
        result = handed_down(plan, self, below, step) if wants_input else None
        if self.is_max():
            plan.give(self.winner)
        finished(plan, self, grad)
        return result

    def is_max(self) -> bool:
        """Or average."""
        return self.kind == "max"


class Averaged(TrainedItem, kinds=("mean",)):
    """The mean over all positions."""

    def forward(self, plan, flow, above):
        """Reads its input through a batch norm and a ReLU."""
        self.y = plan.take((plan.batch, *self.layer.output_shape))
        self.share = np.array([1 / prod(self.layer.input_shape[:-1])], np.float32)
        plan.add(p.mean_step(flow.source, self.y, self.share))
        self.x = flow
        return Flow(Source(self.y), owned=False)

    def backward(self, plan, grad, below, wants_input):
        """The same share for every position."""
        grad = plan.written(grad)
        step = lambda x, end: p.mean_gradient_step(grad.array, self.share, x, end)  # noqa: E731
        result = handed_down(plan, self, below, step) if wants_input else None
        finished(plan, self, grad)
        return result


def handed_down(plan: Plan, item: TrainedItem, below: TrainedItem | None, step) -> Flow:
    """The gradient of what was pooled, an image a task, by `step(x, end)`; with the sums that the item below wants."""
    x = plan.take((plan.batch, *item.layer.input_shape))
    end, tables = below.gradient_end(plan, plan.batch) if below else (End(), None)
    plan.add(step(x, end))
    return Flow(Source(x), tables=tables)


def finished(plan: Plan, item: TrainedItem, grad: Flow) -> None:
    """Give back what a pooling held from its forward on, and the gradient that it has read."""
    plan.release(grad)
    plan.give(item.y)
    plan.release(item.x)


class Dropped(TrainedItem, kinds=("dropout",)):
    """Dropout: the random numbers themselves are kept, instead of a mask."""

    def settings(self):
        """See `Row.settings`."""
        return self.layer.rate, self.layer.channels  # with channels it is no item of this kind any more

    def forward(self, plan, flow, above):
        """The numbers are those of `Dropout.forward`."""
        if self.layer.rate == 0:
            return flow
        flow, layer = plan.written(flow), self.layer
        self.noise, self.y = plan.take(flow.shape), plan.take(flow.shape)
        plan.add(draw_step(self.noise, plan.state, layer.stream))
        self.drawn_with = np.array([layer.rate, 1 / (1 - layer.rate)], np.float32)
        plan.add(e.combine_step(e.DROP, flow.array, self.noise, self.y, self.drawn_with))
        self.x = flow
        return Flow(Source(self.y), owned=False)

    def backward(self, plan, grad, below, wants_input):
        """The same numbers pass, with the same factor."""
        if self.layer.rate == 0:
            return grad
        grad = plan.written(grad)
        result = grad.array if grad.owned else plan.take(grad.shape)
        plan.add(e.combine_step(e.DROP, grad.array, self.noise, result, self.drawn_with))
        plan.give(self.y, self.noise)
        plan.release(self.x)
        return Flow(Source(result))


class Flattened(TrainedItem, kinds=("flatten",)):
    """Another shape."""

    def forward(self, plan, flow, above):
        """Channels move, so nothing can be left to the reader."""
        self.x = plan.written(flow)
        return Flow(self.x.source, owned=False).reshaped(plan.batch, *self.layer.output_shape)

    def backward(self, plan, grad, below, wants_input):
        """Back."""
        plan.release(self.x)
        return plan.written(grad).reshaped(plan.batch, *self.layer.input_shape)


class Summed(TrainedItem, kinds=("residual",)):
    """A body and a shortcut, added; with a ReLU or without."""

    def __init__(self, item, fed):
        super().__init__(item, fed)
        self.body = Row(chain(self.layer.body), fed)
        self.shortcut = None if self.layer.shortcut is None else Row(chain(self.layer.shortcut), fed)

    def settings(self):
        """See `Row.settings`."""
        return self.body.settings() + (self.shortcut.settings() if self.shortcut else ())

    def again(self):
        """See `Row.again`."""
        item = super().again()
        item.body, item.shortcut = self.body.again(), self.shortcut and self.shortcut.again()
        return item

    def forward(self, plan, flow, above):
        """Both ways read the same input."""
        self.x = plan.written(flow)
        x = Flow(self.x.source, owned=False)
        ways = [self.body.forward(plan, x, None), self.shortcut.forward(plan, x, None) if self.shortcut else x]
        self.ways = [plan.written(way) for way in ways]
        self.y = plan.take((plan.batch, *self.layer.output_shape))
        kind = e.ADD_RECTIFY if self.relu else e.ADD
        plan.add(e.combine_step(kind, *(way.array for way in self.ways), self.y))
        for way in self.ways:
            plan.release(way)
        return Flow(Source(self.y), owned=False)

    def backward(self, plan, grad, below, wants_input):
        """The gradient runs back both ways and adds up."""
        grad = masked(plan, grad, self.y) if self.relu else plan.written(grad)
        plan.give(self.y)
        shared = Flow(grad.source, owned=False)
        first = self.body.backward(plan, shared, None)
        second = self.shortcut.backward(plan, shared, None) if self.shortcut else shared
        result = None
        if wants_input:
            first, second = plan.written(first), plan.written(second)
            result = first.array if first.owned else plan.take(first.shape)
            plan.add(e.combine_step(e.ADD, first.array, second.array, result))
            plan.release(second)
        plan.release(grad)
        plan.release(self.x)
        return Flow(Source(result)) if wants_input else None


class Checkpointed(TrainedItem, kinds=("checkpoint",)):
    """A row of which only what it gives is kept; it is planned twice."""

    def __init__(self, item, fed):
        super().__init__(item, fed)
        self.row = Row(chain(self.layer.body), fed)

    def settings(self):
        """See `Row.settings`."""
        return self.row.settings()

    def again(self):
        """See `Row.again`."""
        item = super().again()
        item.row = self.row.again()
        return item

    def wants_moments(self):
        """What its first item wants."""
        return bool(self.row.items) and self.row.items[0].wants_moments()

    def gradient_end(self, plan, tasks):
        """What its last item wants; all that a norm there reads is kept, since it is what the row gives."""
        return self.row.items[-1].gradient_end(plan, tasks) if self.row.items else super().gradient_end(plan, tasks)

    def forward(self, plan, flow, above):
        """All memory is given back but for the output's, and that of the sums which a norm above reads at once."""
        self.x, forgets = flow, plan.forgets
        plan.forgets = True
        with plan.noting() as held:
            result = self.row.forward(plan, flow, above)
        plan.forgets = forgets
        plan.give_all_but(result, held)
        self.output = held.get(result.array.offset)  # None where the row only passed its input on
        return Flow(result.source, owned=False, tables=result.tables)

    def backward(self, plan, grad, below, wants_input):
        """Forward once more, and back."""
        row = self.row.again()
        row.forward(plan, self.x, None)
        grad = row.backward(plan, grad, below)
        if self.output is not None:
            plan.give(self.output)
        return grad


class Foreign(TrainedItem, kinds=("foreign",)):
    """A layer that the planner does not know: run as it is, between two programs."""

    repeated = False  # whether this is the second run

    def again(self):
        """See `Row.again`."""
        item = super().again()
        item.repeated = True
        return item

    def forward(self, plan, flow, above):
        """The layer keeps what it needs by itself."""
        self.x = plan.written(flow)
        self.y = plan.take((plan.batch, *self.layer.output_shape))
        layer, x, y, fed = self.layer, self.x.array, self.y, self.fed
        forgets, repeated = plan.forgets, self.repeated

        def run():
            x_now, rng = plan.arena.array(x), plan.stream_of(layer)
            with forgetting(layer) if forgets else nullcontext(), buffers_kept(layer) if repeated else nullcontext():
                result = layer.forward(x_now, True, rng) if fed else layer.forward_parameters(x_now, rng)
            keep_result(layer, "forward", result, plan.arena.array(y))

        plan.call(run)
        return Flow(Source(y), owned=False)

    def backward(self, plan, grad, below, wants_input):
        """Likewise."""
        grad = plan.written(grad)
        layer, from_, to = self.layer, grad.array, plan.take((plan.batch, *self.layer.input_shape)) if wants_input else None

        def run():
            if to is None:
                layer.backward_parameters(plan.arena.array(from_))
            else:
                keep_result(layer, "backward", layer.backward(plan.arena.array(from_)), plan.arena.array(to))

        plan.call(run)
        plan.release(grad)
        plan.give(self.y)
        plan.release(self.x)
        return Flow(Source(to)) if wants_input else None
