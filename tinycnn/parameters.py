"""Where a model's numbers live: values, gradients and buffers in one flat array each, seen through named views."""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite, prod

import numpy as np

from tinycnn.ops.shapes import is_int


class Declared:
    """What a layer says it will need, before anything is allocated: a shape, how to start, and whether weight decay applies."""

    __slots__ = ("decays", "initialiser", "shape")

    def __init__(self, shape: tuple[int, ...], initialiser: Callable, decays: bool = False):
        self.shape, self.initialiser, self.decays = shape, initialiser, decays


class Parameter:
    """One trainable array: `name` (path in the model), `value` and `grad` (views; write into them, in place).

    `decays` says whether weight decay applies (weights yes, biases and norms no); `trainable` is False while frozen.
    `lr_scale` is its own factor of the learning rate, finite and above 0; see `Sequential.scale_lr`.
    `flat` is the pair of flat arrays behind value and grad, `start` the place in them.
    """

    __slots__ = ("decays", "flat", "grad", "lr_scale", "name", "start", "trainable", "value")

    def __init__(self, name: str, declared: Declared, flat: tuple[np.ndarray, np.ndarray], start: int):
        self.name, self.decays, self.trainable, self.lr_scale = name, declared.decays, True, 1.0
        self.flat, self.start = flat, start
        self.value, self.grad = (_view(array, start, declared.shape) for array in flat)

    def part_of(self, flat: np.ndarray) -> np.ndarray:
        """A view of the same place, in the same shape, in another flat array laid out like the model's."""
        return _view(flat, self.start, self.value.shape)

    def __repr__(self):
        return f"Parameter({self.name}, shape={self.value.shape}{'' if self.trainable else ', frozen'})"


class Arrays(dict):
    """A layer's named arrays. Assigning to a name copies into its array, so that views stay views."""

    def __init__(self, owner: str, arrays: dict | None = None):
        super().__init__(arrays or {})
        self.owner = owner

    def __setitem__(self, name, value):
        value = np.asarray(value)
        if value.shape != self[name].shape:
            raise ValueError(f"{self.owner}: {name} has shape {self[name].shape}, got {value.shape}")
        self[name][...] = value

    def place(self, name: str, array: np.ndarray) -> None:
        """Put a view of the flat arrays under a new name."""
        super().__setitem__(name, array)

    def __reduce__(self):
        return Arrays, (self.owner, dict(self))  # a copy is filled at once, not name by name through __setitem__

    def __missing__(self, name):
        has = f"there are {', '.join(self)}" if self else "call build(input_shape) first"
        raise ValueError(f"{self.owner}: there is no {name!r}; {has}")


class Store:
    """The flat arrays of a layer or model, and the Parameters that view them.

    `layers` is a list of (path, layer) whose declarations are to be met. Decaying parameters come first in the flat arrays, so
    that an optimizer sees at most two runs of them.
    """

    def __init__(self, layers: list, dtype):
        self.dtype = np.dtype(dtype)
        declared = [(path, layer, key, d) for path, layer in layers for key, d in layer.declared.items()]
        held = [(path, layer, key, d) for path, layer in layers for key, d in layer.declared_buffers.items()]
        self.values, self.grads = (np.zeros(_total(d for *_, d in declared), self.dtype) for _ in range(2))
        self.buffers = np.zeros(_total(d for *_, d in held), self.dtype)
        self.good: np.ndarray | None = None  # the values that last gave a finite loss; see tinycnn.divergence
        self._trained_of: list[bool] | None = None  # the settings that these were found for
        self._trained: list[slice] = []
        for _, layer in layers:
            for arrays in (layer.params, layer.grads, layer.buffers):
                arrays.clear()
        self.parameters = self._lay_out(declared)
        self.held: dict[str, tuple[int, tuple[int, ...]]] = {}  # each buffer's place in the flat array, and its shape
        start = 0
        for path, layer, key, d in held:
            self.held[_name(path, key)] = start, d.shape
            layer.buffers.place(key, _view(self.buffers, start, d.shape))
            layer.buffers[key] = d.initialiser(None, d.shape)
            start += prod(d.shape)

    def _lay_out(self, declared: list) -> list[Parameter]:
        starts, start, flat = {}, 0, (self.values, self.grads)
        for path, _, key, d in sorted(declared, key=lambda item: not item[-1].decays):
            starts[path, key] = start
            start += prod(d.shape)
        parameters = []
        for path, layer, key, d in declared:
            parameter = Parameter(_name(path, key), d, flat, starts[path, key])
            layer.params.place(key, parameter.value)
            layer.grads.place(key, parameter.grad)
            parameters.append(parameter)
        return parameters

    def set_trainable(self, parameter: Parameter, trainable: bool) -> None:
        """Freeze a parameter, whose gradient then is 0, or let it learn again."""
        if not trainable:
            parameter.grad[...] = 0
        elif not parameter.trainable and self.good is not None:
            parameter.part_of(self.good)[...] = parameter.value
        parameter.trainable = trainable

    def trained(self) -> list[slice]:
        """The stretches of the flat arrays that are to be trained: what is frozen is neither looked at nor copied in a step."""
        trainable = [p.trainable for p in self.parameters]
        if trainable != self._trained_of:
            self._trained_of, cuts = trainable, []
            for p in sorted((p for p in self.parameters if p.trainable), key=lambda p: p.start):
                end = p.start + p.value.size
                if cuts and cuts[-1].stop == p.start:
                    cuts[-1] = slice(cuts[-1].start, end)
                else:
                    cuts.append(slice(p.start, end))
            self._trained = cuts
        return self._trained

    def named(self, values: np.ndarray, buffers: np.ndarray) -> dict[str, np.ndarray]:
        """Views by name into two flat arrays that are laid out like the model's own."""
        arrays = {p.name: p.part_of(values) for p in self.parameters}
        return arrays | {name: _view(buffers, start, shape) for name, (start, shape) in self.held.items()}


def check_lr_scale(scale: float, owner: str) -> float:
    """The factor as a float. Raises ValueError unless it is finite and above 0 (`freeze` is what stops a parameter)."""
    if not (isfinite(scale) and scale > 0):
        raise ValueError(f"{owner}: lr_scale is {scale}; it must be finite and above 0 (freeze a layer to stop it)")
    return float(scale)


def check_state(mine: dict[str, np.ndarray], counter: str, state: dict, owner: str) -> int:
    """Raise ValueError unless `state` holds arrays of my names, shapes and types, and the count `counter`, which is returned."""
    if set(state) != {*mine, counter}:
        missing, unknown = sorted({*mine, counter} - set(state)), sorted(set(state) - {*mine, counter})
        raise ValueError(f"{owner}: the state does not fit: missing {missing}, unknown {unknown}")
    count = state[counter]
    if isinstance(count, np.ndarray) and count.shape == ():  # as a file gives it back
        count = count[()]
    if not is_int(count) or count < 0:
        raise ValueError(f"{owner}: {counter} is {count!r}; it must be an int of at least 0")
    for name, array in mine.items():
        given = np.asarray(state[name])
        if given.shape != array.shape or given.dtype != array.dtype:
            wanted, got = f"shape {array.shape} and dtype {array.dtype}", f"{given.shape} and {given.dtype}"
            raise ValueError(f"{owner}: {name} has {wanted}, the state's has {got}")
    return int(count)


def _name(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _total(declared) -> int:
    return sum(prod(d.shape) for d in declared)


def _view(flat: np.ndarray, start: int, shape: tuple[int, ...]) -> np.ndarray:
    return flat[start : start + prod(shape)].reshape(shape)
