"""Convolutions, fully connected layers and batch norms in training: the items that work for one another."""

from __future__ import annotations

from math import prod

import numpy as np

from tinycnn.ops.numba import norm as n
from tinycnn.ops.numba.lines import NORM_GRADIENT, NORM_RECTIFY_GRADIENT, NORMALISE, NORMALISE_RECTIFY, End, Source
from tinycnn.plan.base import Flow, convolution_of
from tinycnn.plan.rows import TrainedItem, masked


class Convolved(TrainedItem, kinds=("conv", "dense")):
    """A convolution or fully connected layer."""

    def forward(self, plan, flow, above):
        """The output is kept as the ReLU leaves it, or as it is for a batch norm behind."""
        self.conv = convolution_of(self.layer)
        c, params = self.conv, self.layer.params
        self.source = flow.reshaped(plan.batch, *c.window.size, c.channels)
        y = plan.take((plan.batch, *c.window.output, c.outputs))
        bias = params["bias"] if self.layer.bias else 0
        tables, moments, pivots = None, 0, 0
        if above and above.wants_moments() and not self.relu:
            tasks = c.tasks(plan.batch, turned=False)
            moments, pivots = plan.take((tasks, n.TABLE, c.outputs), np.float64), plan.take((tasks, c.outputs))
            tables = {"tasks": tasks, "moments": moments, "pivots": pivots}
        memory, borrowed = plan.borrowed()
        end = End(bias=bias, rectify=int(self.relu), moments=moments, pivots=pivots)
        plan.add(*c.forward(self.source.source, params["weight"], y, end, memory))
        plan.give(*borrowed)
        self.y = Flow(Source(y), owned=False, tables=tables)
        return self.y.reshaped(plan.batch, *self.layer.output_shape)

    def backward(self, plan, grad, below, wants_input):
        """Both gradients read what they need as it is; the gradient's buffer goes when they have."""
        c, params, grads = self.conv, self.layer.params, self.layer.grads
        if self.relu:
            grad = masked(plan, grad, self.y.array)
        lifted = grad.reshaped(plan.batch, *c.window.output, c.outputs)
        if self.learns:
            memory, borrowed = plan.borrowed()
            plan.add(*c.weight_gradient(self.source.source, lifted.source, grads["weight"], memory))
            plan.give(*borrowed)
        if self.learns and self.layer.bias:
            table = plan.take((n.sums_tasks(lifted.shape), c.outputs), np.float64)
            plan.add(*n.column_sums_steps(lifted.source, grads["bias"], table))
            plan.give(table)
        result = None
        if wants_input:
            x = plan.take((plan.batch, *c.window.size, c.channels))
            end, tables = below.gradient_end(plan, c.tasks(plan.batch, turned=True)) if below else (End(), None)
            memory, borrowed = plan.borrowed()
            plan.add(*c.input_gradient(lifted.source, params["weight"], x, end, memory))
            plan.give(*borrowed)
            result = Flow(Source(x), tables=tables).reshaped(plan.batch, *self.layer.input_shape)
        plan.release(grad)
        plan.give(self.y.array)
        return result


class Normalised(TrainedItem, kinds=("norm",)):
    """Batch norm, with a ReLU or without: its output is never written, its readers compute it from its input."""

    settled = False  # whether the statistics are known from a run before

    def of_batch(self) -> bool:
        """Whether the statistics are the batch's, or the running ones."""
        return not self.layer.frozen

    def again(self):
        """With the statistics of the first run, so that the running ones move once."""
        item = super().again()
        item.settled = True
        return item

    def wants_moments(self):
        """See `TrainedItem.wants_moments`."""
        return self.of_batch() and not self.settled

    def settings(self):
        """See `Row.settings`."""
        return self.layer.momentum, self.layer.eps

    def forward(self, plan, flow, above):
        """Statistics, and a scale and a shift a channel."""
        flow = plan.written(flow)
        self.x = flow
        if not self.settled:
            self._settle(plan, flow)
        mode = NORMALISE_RECTIFY if self.relu else NORMALISE
        return Flow(Source(flow.array, mode, scale=self.known["scale"], shift=self.known["shift"]), owned=False)

    def _settle(self, plan, flow):
        layer, channels = self.layer, flow.shape[-1]
        pixels = prod(flow.shape[:-1])
        if self.of_batch() and pixels == 1:
            raise layer.fail(f"got a training batch {flow.shape} with one value a channel; it needs at least two")
        tables = {"tasks": 0, "moments": 0, "pivots": 0}
        if self.of_batch():
            tables = flow.tables or self._moments(plan, flow)
        mean, variance, inverse, scale, shift = (np.empty(channels, np.float32) for _ in range(5))
        self.known = {"mean": mean, "scale": scale, "shift": shift}
        self.inverse = inverse
        plan.add(
            n.settle_step(
                channels=channels, **tables, gamma=layer.params["gamma"], beta=layer.params["beta"], variance=variance,
                inverse=inverse, **self.known, running_mean=layer.buffers["running_mean"],
                running_var=layer.buffers["running_var"], settings=np.array([layer.momentum, layer.eps]),
            )
        )  # fmt: skip
        if self.of_batch():
            plan.give(tables["moments"], tables["pivots"])

    def _moments(self, plan, flow):
        tasks, channels = n.sums_tasks(flow.shape), flow.shape[-1]
        moments, pivots = plan.take((tasks, n.TABLE, channels), np.float64), plan.take((tasks, channels))
        plan.add(n.sums_step(flow.array, End(moments=moments, pivots=pivots)))
        return {"tasks": tasks, "moments": moments, "pivots": pivots}

    def gradient_end(self, plan, tasks):
        """The sums over the gradient, taken while it is in cache; a frozen norm needs none."""
        if not self.learns:
            return End(), None
        sums = plan.take((tasks, n.TABLE, self.x.shape[-1]), np.float64)
        end = End(sums=sums, x=self.x.array, masked=int(self.relu), **self.known)
        return end, {"tasks": tasks, "sums": sums}

    def backward(self, plan, grad, below, wants_input):
        """The gradient's buffer, to be read together with the input's: see `lines.Source`."""
        grad, layer, channels = plan.written(grad), self.layer, grad.shape[-1]
        tables, grads = grad.tables, layer.grads
        if not self.learns:
            tables, grads = {"tasks": 0, "sums": 0}, {name: np.empty(channels, np.float32) for name in ("gamma", "beta")}
        elif tables is None:
            end, tables = self.gradient_end(plan, n.sums_tasks(grad.shape))
            plan.add(n.sums_step(grad.array, end))
        a, b, c = (np.empty(channels, np.float32) for _ in range(3))
        plan.add(
            n.settle_gradient_step(
                channels=channels, **tables, gamma=layer.params["gamma"], mean=self.known["mean"], inverse=self.inverse,
                grad_gamma=grads["gamma"], grad_beta=grads["beta"], a=a, b=b, c=c, of_batch=int(self.of_batch()),
            )
        )  # fmt: skip
        if self.learns:
            plan.give(tables["sums"])
        mode = NORM_RECTIFY_GRADIENT if self.relu else NORM_GRADIENT
        line = (self.known["scale"], self.known["shift"])
        result = Flow(Source(grad.array, mode, self.x.array, a, b, c, *line), grad.owned)
        if self.x.owned:  # written by this item for itself: then nobody below gives it back
            result = plan.written(result)
            plan.release(self.x)
        return result
