"""A convolution in all three directions, on whichever kernels serve it; with the memory they need beside their operands."""

from __future__ import annotations

from math import prod
from typing import NamedTuple

import numpy as np

from tinycnn.ops.numba import depthwise, direct, weight_gradient, winograd
from tinycnn.ops.numba.kernel import Step
from tinycnn.ops.numba.lift import Lifted, lift
from tinycnn.ops.numba.lines import End, Source
from tinycnn.ops.roads import road, weight_road
from tinycnn.ops.shapes import Window


class Convolution(NamedTuple):
    """A convolution and its road, see `ops.roads`.

    `memory(shape, dtype)` gives arrays that only the steps themselves use.
    """

    road: str
    window: Lifted
    channels: int
    outputs: int
    groups: int

    def forward(self, source: Source, weight, y, end: End, memory) -> list[Step]:
        """y (N, D, H, W, OC) from a source (N, D, H, W, C)."""
        return self._steps(source, weight, y, end, memory, self.window, self.channels, self.outputs, False)

    def input_gradient(self, grad: Source, weight, x, end: End, memory) -> list[Step]:
        """x (N, D, H, W, C), the gradient of the input, from that of the output."""
        return self._steps(grad, weight, x, end, memory, self.window.turned(), self.outputs, self.channels, True)

    def weight_gradient(self, x: Source, grad: Source, grad_weight, memory) -> list[Step]:
        """grad_weight (KD, KH, KW, C / groups, OC)."""
        w, groups = self.window, self.groups
        inputs, outputs = self.channels // groups, self.outputs // groups
        taken = weight_road(self.road, x.array.shape[0] * prod(w.output))
        if taken == "winograd":
            count = winograd.product_parts(x.array.shape[0], w, inputs, outputs)
            parts = memory((count * winograd.product_floats(inputs, outputs),), np.float32)
            return winograd.winograd_gradient_steps(x, grad, grad_weight, parts, w)
        if taken == "depthwise":
            tasks = depthwise.depthwise_tasks(x.array.shape[0], w)
            table = memory((tasks, w.taps(), self.channels), np.float64)
            return depthwise.depthwise_gradient_steps(x, grad, grad_weight, table, w)
        parts = memory((weight_gradient.parts_floats(x.array.shape[0], w, inputs, outputs, groups),), np.float32)
        return weight_gradient.weight_gradient_steps(x, grad, grad_weight, parts, w, groups)

    def _steps(self, source, weight, y, end, memory, w, inputs, outputs, turned):
        if self.road == "winograd":
            transformed = memory((winograd.transformed_floats(inputs, outputs),), np.float32)
            return winograd.winograd_steps(source, weight, transformed, y, end, w, turned)
        if self.road == "depthwise":
            return [depthwise.depthwise_step(source, weight, y, end, w, turned)]
        packed = memory((direct.packed_floats(w.taps(), inputs // self.groups, outputs // self.groups, self.groups),), np.float32)
        return direct.conv_steps(source, weight, packed, y, end, w, self.groups, turned)

    def tasks(self, batch: int, turned: bool) -> int:
        """The tasks of forward, or `turned` of the input gradient: the rows of an End's tables."""
        w = self.window.turned() if turned else self.window
        if self.road == "winograd":
            return winograd.winograd_tasks(batch, w, self.channels + self.outputs)
        if self.road == "depthwise":
            return depthwise.depthwise_tasks(batch, w)
        return direct.conv_tasks(batch, w, (self.channels if turned else self.outputs) // self.groups)


def convolution(size: tuple[int, ...], window: Window, channels: int, outputs: int, groups: int) -> Convolution:
    """A convolution over an input of some size."""
    return Convolution(road(size, window, channels, outputs, groups), lift(size, window), channels, outputs, groups)
