"""What training and inference plans share: steps collected into programs, memory taken and given back, and what flows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np

from tinycnn.layers.base import Layer
from tinycnn.layers.dense import Dense
from tinycnn.ops.numba.convolution import Convolution, convolution
from tinycnn.ops.numba.elementwise import write_step
from tinycnn.ops.numba.kernel import Program, Step
from tinycnn.ops.numba.lines import PLAIN, Source
from tinycnn.ops.shapes import POINT
from tinycnn.plan.arena import Arena, Buffer

SERIAL_MACS = 2_000_000  # of a batch, below which waking a second thread costs more than it brings


def convolution_of(layer: Layer) -> Convolution:
    """The convolution that a layer is; a fully connected one is a convolution over single pixels."""
    if isinstance(layer, Dense):
        return convolution((1,), POINT, *layer.input_shape, layer.units, 1)
    return convolution(layer.input_shape[:-1], layer.window, layer.input_shape[-1], layer.filters, layer.groups)


def keep_result(layer: Layer, method: str, result: np.ndarray, place: np.ndarray) -> None:
    """Copy what a layer that the planner does not know gave to its place. Raises ValueError where it does not fit."""
    if np.shape(result) != place.shape:
        raise layer.fail(f"{method} gave shape {np.shape(result)}; its setup and the batch say {place.shape}")
    place[...] = result


class Flow:
    """What goes from item to item: a source, and where it is a gradient, the tables its producer filled for the item below.

    `owned` says that the buffer may be written over and given back by whoever takes the flow.
    """

    def __init__(self, source: Source, owned: bool = True, tables: dict | None = None):
        self.source, self.owned, self.tables = source, owned, tables

    @property
    def array(self) -> Buffer:
        """The buffer, whatever its reader sees in it."""
        return self.source.array

    @property
    def shape(self) -> tuple[int, ...]:
        """(N, ..., C)."""
        return self.source.array.shape

    def reshaped(self, *shape: int) -> Flow:
        """The same buffer in another shape (its channels, where the reader sees more than the buffer, stay the last axis)."""
        array = self.source.array.reshaped(*shape)
        return Flow(self.source._replace(array=array), self.owned, self.tables)


class Plan:
    """Programs and Python calls in a row, over one arena."""

    def __init__(self, macs: int):
        self.arena = Arena()
        self.serial = macs < SERIAL_MACS
        self.notes: list[dict[int, Buffer]] = []  # see `noting`
        self.forgets = False  # whether what is planned now will be computed once more, and keeps nothing
        self.acts: list = []
        self._steps: list[Step] = []

    def add(self, *steps: Step) -> None:
        """Steps to run next."""
        self._steps.extend(steps)

    def call(self, function: Callable) -> None:
        """A Python function to call next, without arguments."""
        self.acts = [*self.flush(), function]

    def flush(self) -> list:
        """All acts so far; what was added since the last call becomes one program."""
        if self._steps:
            self.acts.append(self._steps)
            self._steps = []
        return self.acts

    def acts_so_far(self) -> list:
        """End a row of acts and begin a new one."""
        acts, self.acts = self.flush(), []
        return acts

    def compiled(self, acts: list) -> list[Callable]:
        """Acts as functions to call, now that the memory is there."""
        return [Program(act, self.arena.address, self.serial).run if isinstance(act, list) else act for act in acts]

    def take(self, shape: tuple[int, ...], dtype=np.float32) -> Buffer:
        """See `Arena.take`."""
        buffer = self.arena.take(shape, dtype)
        for note in self.notes:
            note[buffer.offset] = buffer
        return buffer

    def give(self, *buffers: Buffer) -> None:
        """See `Arena.give`."""
        for buffer in buffers:
            self.arena.give(buffer)
            for note in self.notes:
                note.pop(buffer.offset, None)

    @contextmanager
    def noting(self) -> Iterator[dict[int, Buffer]]:
        """The buffers, by their places, that are taken inside the `with` and not given back there."""
        note: dict[int, Buffer] = {}
        self.notes.append(note)
        yield note
        self.notes.pop()

    def give_all_but(self, flow: Flow, held: dict[int, Buffer]) -> None:
        """Give back what was noted, but for what a flow refers to."""
        kept = {flow.array.offset, *(table.offset for table in (flow.tables or {}).values() if isinstance(table, Buffer))}
        self.give(*[buffer for place, buffer in held.items() if place not in kept])

    def release(self, flow: Flow) -> None:
        """Give back a flow's buffer, if it is the flow's own."""
        if flow.owned:
            self.give(flow.array)

    def borrowed(self):
        """A function that takes buffers for one job, and the list to give back after it."""
        buffers: list[Buffer] = []

        def memory(shape, dtype=np.float32):
            buffers.append(self.take(shape, dtype))
            return buffers[-1]

        return memory, buffers

    def written(self, flow: Flow) -> Flow:
        """The flow with what its reader sees written to a buffer; in place where the buffer is the flow's own."""
        if flow.source.mode == PLAIN:
            return flow
        array = flow.array if flow.owned else self.take(flow.shape)
        self.add(write_step(flow.source, array))
        return Flow(Source(array))
