"""What every layer is: arguments, named arrays, forward and backward."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from math import prod

import numpy as np

from tinycnn.ops.shapes import is_int, per_axis
from tinycnn.parameters import Arrays, Declared, Parameter, Store

Shape = tuple[int, ...]


class Layer:
    """The contract of a layer. To write one, subclass it, call `super().__init__()` first in its constructor, and give it

    - `arguments`: the names of the constructor's arguments, each kept as an attribute of that name;
    - `setup(shape) -> shape`: check the arguments against the input's shape (without the batch), `declare` parameters and
      buffers, return the output's shape;
    - `forward(x, training, rng=None)` and `backward(grad)`: begin forward with `x = self.check(x)`, keep on self what backward
      needs, leave x as it is; backward fills `self.grads` unless `self.frozen`, returns the gradient of the input, and leaves
      `grad` as it is;
    - `draws = True` if forward draws random numbers in training: it then gets a generator of its own;
    - `macs()` and `receptive_field()` where the table of `summary()` should know them.

    Then `tinycnn.gradcheck(YourLayer(), shape)` proves the gradient. `tinycnn.save` takes tinycnn's own layers only, since a file
    cannot carry code; carry the weights of others with `get_state`.
    """

    arguments: tuple[str, ...] = ()
    draws = False  # whether forward draws random numbers in training

    def __init__(self):
        self.name = type(self).__name__
        self.input_shape: Shape | None = None
        self.output_shape: Shape | None = None
        self.declared: dict[str, Declared] = {}
        self.declared_buffers: dict[str, Declared] = {}
        self.params, self.grads, self.buffers = (Arrays(self.name) for _ in range(3))
        self.frozen = False
        self.stream = 0  # this layer's number in the tree: its own sequence of random numbers
        self.store: Store | None = None  # only at the root of what was built

    # What a kind of layer defines

    def setup(self, shape: Shape) -> Shape:
        """Check arguments against `shape` (no batch axis), declare parameters, return the output's shape."""
        return shape

    def forward(self, x: np.ndarray, training: bool, rng: np.random.Generator | None = None) -> np.ndarray:
        """The layer's output for a batch x (N, *input_shape)."""
        raise NotImplementedError(f"{type(self).__name__} has no forward")

    def backward(self, grad: np.ndarray) -> np.ndarray:
        """From the gradient of the output, (N, *output_shape), to that of the last forward's input; fills `self.grads`."""
        raise NotImplementedError(f"{type(self).__name__} has no backward")

    def forward_parameters(self, x: np.ndarray, rng: np.random.Generator | None = None) -> np.ndarray:
        """Forward in training, for `backward_parameters` alone to follow.

        With the bits of `forward`; but of what stands below the lowest layer inside that learns, nothing is kept.
        """
        return self.forward(x, True, rng)

    def backward_parameters(self, grad: np.ndarray) -> None:
        """Fill `self.grads` alone: all that the lowest layer that learns need do in training."""
        self.backward(grad)

    def children(self) -> dict[str, Layer]:
        """The layers inside, by name; empty but for containers."""
        return {}

    def macs(self) -> int:
        """Multiply-adds of a forward pass over one row, not counting the layers inside."""
        return 0

    def activations(self) -> int:
        """The numbers that the output of one row holds, not counting the layers inside."""
        return prod(self.output_shape)

    def drawn(self) -> int:
        """The random numbers, as float32, that one row takes in training, where `draws` is True."""
        return prod(self.input_shape)

    def receptive_field(self, field: tuple[Shape, Shape] | None) -> tuple[Shape, Shape] | None:
        """From (size, distance of neighbours) in input positions an axis, at the input, to that at the output.

        None means the whole input.
        """
        return field

    # What every layer can do

    def build(self, input_shape: Shape, seed: int = 0, dtype=np.float32) -> Layer:
        """Infer all shapes (raising ValueError where they do not fit), allocate, and draw all parameters from `seed`.

        `input_shape` has no batch axis. Returns self. A layer inside that was trained before is drawn anew too: carry its
        weights over with `get_state` and `set_state`.
        """
        if not isinstance(input_shape, (tuple, list)):
            raise ValueError(f"{self.name}: the input's shape is {input_shape!r}; give a tuple, without the batch axis")
        if not is_int(seed) or not 0 <= seed < 1 << 128:
            raise ValueError(f"{self.name}: seed is {seed!r}; it must be an int from 0 to 2^128 - 1")
        if np.dtype(dtype).name not in ("float32", "float64"):
            raise ValueError(f"{self.name}: dtype is {dtype!r}; it must be float32 or float64")
        if self.is_inside():
            raise self.fail("it is part of a built model, which would lose it; build that model, or a new layer like this one")
        self.lay_out(per_axis(tuple(input_shape), len(input_shape), f"{self.name}: the input's shape"))
        self.allocate(dtype)
        rng = np.random.default_rng(seed)
        for _, layer in walk(self):
            for key, declared in layer.declared.items():
                layer.params[key] = declared.initialiser(rng, declared.shape)
        return self

    def lay_out(self, shape: Shape) -> Shape:
        """Set names' and shapes, here and inside, without allocating anything; returns the output's shape."""
        self.declared, self.declared_buffers = {}, {}
        for arrays in (self.params, self.grads, self.buffers):
            arrays.owner = self.name
        self.input_shape = tuple(shape)
        self.output_shape = tuple(self.setup(self.input_shape))
        return self.output_shape

    def allocate(self, dtype=np.float32) -> None:
        """Allocate what `lay_out` declared, all zeros, and number the layers."""
        layers = list(walk(self))
        places: dict[int, str] = {}
        for path, layer in layers:
            first = places.setdefault(id(layer), path)
            if first != path:
                raise ValueError(f"{self.name}: the same layer object stands at {first} and at {path}; make one for each")
        for number, (_, layer) in enumerate(layers):
            layer.stream, layer.store = number, None
        self.store = Store(layers, dtype)
        frozen = [path for path, layer in layers if layer.frozen]
        for parameter in self.store.parameters:
            parameter.trainable = not any(is_below(parameter.name, path) for path in frozen)

    def is_inside(self) -> bool:
        """Whether this is a layer of a larger model that was built: its arrays are views of that model's."""
        return self.store is None and self.input_shape is not None and any(layer.params for _, layer in walk(self))

    def parameters(self) -> list[Parameter]:
        """Every parameter, in the order of the layers; frozen ones are marked so and skipped by optimizers."""
        return list(self.built().parameters)

    def built(self) -> Store:
        """The flat arrays of what was built; ValueError before `build`."""
        if self.store is None:
            raise ValueError(f"{self.name} is not built (on its own): call build(input_shape) first")
        return self.store

    def infer(self, x: np.ndarray) -> np.ndarray:
        """Forward in eval mode, keeping nothing; safe from several threads at once."""
        twin = object.__new__(type(self))  # a shallow copy shares the parameters; what forward keeps goes with the copy
        twin.__dict__.update(self.__dict__)
        return twin.forward(x, training=False)

    def declare(self, name: str, shape: Shape, initialiser: Callable, decays: bool = False) -> None:
        """Announce a parameter, drawn by `initialiser(rng, shape)` as in `tinycnn.init`; weight decay applies if `decays`."""
        self.declared[name] = Declared(shape, initialiser, decays)

    def declare_buffer(self, name: str, shape: Shape, initialiser: Callable) -> None:
        """Announce an array that is part of the state but not trained."""
        self.declared_buffers[name] = Declared(shape, initialiser)

    def config(self) -> dict:
        """The kind and the constructor's arguments, as JSON can hold them."""
        return {"kind": type(self).__name__, **{name: getattr(self, name) for name in self.arguments}}

    def check(self, x: np.ndarray) -> np.ndarray:
        """Return x if this layer can take it; ValueError naming the layer, what it got and what it needs otherwise."""
        if self.input_shape is None:
            raise ValueError(f"{self.name} is not built: call build(input_shape) first")
        if not isinstance(x, np.ndarray) or x.dtype.kind != "f":
            got = f"dtype {x.dtype}" if isinstance(x, np.ndarray) else type(x).__name__
            raise ValueError(f"{self.name}: got {got}; it needs a float array (x.astype('float32'))")
        if x.shape[1:] != self.input_shape or x.ndim == 0:
            raise ValueError(f"{self.name}: got shape {x.shape}; it needs {shape_text(self.input_shape)}")
        if len(x) == 0:
            raise ValueError(f"{self.name}: got an empty batch {x.shape}; it needs at least one row")
        return x

    def __setstate__(self, state: dict):
        """Tie the arrays of a deep copy or an unpickled model, which are views no more, to flat arrays again."""
        self.__dict__.update(state)
        if self.store is not None:
            old, layers = self.store, [layer for _, layer in walk(self)]
            kept = [[dict(arrays) for arrays in (layer.params, layer.grads, layer.buffers)] for layer in layers]
            self.allocate(old.dtype)
            for layer, (params, grads, buffers) in zip(layers, kept, strict=True):
                for mine, theirs in ((layer.params, params), (layer.grads, grads), (layer.buffers, buffers)):
                    for name, array in theirs.items():
                        mine[name] = array
            for mine, theirs in zip(self.store.parameters, old.parameters, strict=True):
                mine.lr_scale = theirs.lr_scale
            self.store.good = old.good

    def __copy__(self):
        """A deep copy: two models over the same arrays would be neither's."""
        return copy.deepcopy(self)

    def fail(self, what: str) -> ValueError:
        """A ValueError that names this layer."""
        return ValueError(f"{self.name}: {what}")

    def __repr__(self):
        arguments = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.arguments)
        return f"{type(self).__name__}({arguments})"


def walk(layer: Layer, path: str = "") -> Iterator[tuple[str, Layer]]:
    """Every layer of a tree with its dotted path, parents first, in the order data flows."""
    yield path, layer
    for name, child in layer.children().items():
        yield from walk(child, f"{path}.{name}" if path else name)


def learns(layer: Layer) -> bool:
    """Whether anything here or inside is to be trained: it has parameters and is not frozen."""
    return any(inner.declared and not inner.frozen for _, inner in walk(layer))


def is_still(layer: Layer) -> bool:
    """Whether training runs this layer as eval mode does: nothing here or inside learns, keeps statistics, or draws."""
    return not any(inner.draws or (not inner.frozen and (inner.declared or inner.declared_buffers)) for _, inner in walk(layer))


def is_known(layer: Layer, known: type[Layer]) -> bool:
    """Whether a layer computes what its `known` kind computes: nobody has written one of the methods anew."""
    methods = ("forward", "forward_parameters", "backward", "backward_parameters", "infer")
    same = all(getattr(type(layer), method) is getattr(known, method) for method in methods)
    return same and not any(method in vars(layer) for method in methods)


def needs_space(layer: Layer, shape: Shape) -> None:
    """Raise ValueError, in the layer's name, for an input without a spatial axis."""
    if len(shape) < 2:
        raise layer.fail(f"got an input of shape {shape}; it needs at least one spatial axis before the channels")


def is_below(name: str, path: str) -> bool:
    """Whether the dotted `name` is `path` or stands inside it; every name is below the root's empty path."""
    return not path or name == path or name.startswith(path + ".")


def shape_text(shape: Shape) -> str:
    """A shape with its batch axis, such as (N, 28, 28, 1)."""
    return f"(N, {', '.join(map(str, shape))})" if shape else "(N,)"
