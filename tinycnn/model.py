"""A model: layers run forward, then backward."""

from __future__ import annotations

from contextlib import contextmanager

import numpy as np

from tinycnn import ops
from tinycnn.divergence import keep_good
from tinycnn.layers.activations import Sigmoid, Softmax
from tinycnn.layers.base import Layer, is_below, is_known, is_still, learns, walk
from tinycnn.ops.shapes import positive_int
from tinycnn.parameters import check_lr_scale
from tinycnn.steps import train_step


class Tap:
    """What `capture` saw at one layer: `output` of the last forward, `grad` of the loss by that output, or None."""

    output: np.ndarray | None = None
    grad: np.ndarray | None = None


class Sequential(Layer):
    """Layers in a row, each fed with what the one before it gives; itself a layer, so that models nest.

    The layers are named by kind and number in their row, `conv2d_1`, and by a dotted path inside containers.

        model = Sequential(Conv2D(16, 3), ReLU(), GlobalAvgPool(), Dense(1)).build((64, 64, 1), seed=0)
        value = model.train_step(x, y, BCEWithLogits(), Adam(model.parameters(), lr=1e-3))
        probabilities = model.predict_proba(x)
    """

    def __init__(self, *layers: Layer):
        super().__init__()
        self.layers: dict[str, Layer] = {}
        counts: dict[str, int] = {}
        for layer in layers:
            if not isinstance(layer, Layer):
                raise self.fail(f"got {layer!r}; it needs layers, such as Dense(1)")
            kind = type(layer).__name__.lower()
            counts[kind] = counts.get(kind, 0) + 1
            self.layers[f"{kind}_{counts[kind]}"] = layer
        self.taps: dict[str, Tap] = {}
        self.steps = 0  # training steps taken; with the seed, all that the random numbers depend on
        self.seed = 0
        self._macs: int | None = None
        self._runner = None  # the plans, where the model runs on the kernels
        self._kept_from: int | None = None  # the first layer that holds what backward needs, if one went forward layer by layer

    # As a layer

    def children(self):
        """The layers by name."""
        return self.layers

    def config(self):
        """The kinds and arguments of all layers."""
        return {"kind": "Sequential", "layers": [layer.config() for layer in self.layers.values()]}

    def setup(self, shape):
        """Each layer's output shape is the next one's input shape."""
        for name, layer in self.layers.items():
            layer.name = name if self.name == "Sequential" else f"{self.name}.{name}"
            shape = layer.lay_out(shape)
        return shape

    def build(self, input_shape, seed=0, dtype=np.float32):
        """See `Layer.build`; also starts the count of training steps anew."""
        super().build(input_shape, seed, dtype)
        self.seed, self.steps = int(seed), 0
        return self

    def forward(self, x, training=False, rng=None):
        """The last layer's output. A model's own `rng` follows from its seed and the number of steps taken."""
        x = self.check(x)
        self._kept_from = 0
        if training and rng is None:
            rng = self._step_rng()
        with ops.backend_for(self.total_macs()):
            for name, layer in self.layers.items():
                x = self._seen(name, layer.forward(x, training, _stream_of(layer, rng)))
        return x

    def forward_parameters(self, x, rng=None):
        """See `Layer.forward_parameters`: what stands below the lowest layer that learns runs in eval mode."""
        if not is_known(self, Sequential):
            return self.forward(x, True, rng)
        x, lowest, rng = self.check(x), self._lowest(), self._step_rng() if rng is None else rng
        with ops.backend_for(self.total_macs()):
            for i, (name, layer) in enumerate(self.layers.items()):
                if i > lowest:
                    x = layer.forward(x, True, _stream_of(layer, rng))
                elif i < lowest and is_still(layer):
                    x = layer.infer(x)
                else:  # where it draws, training is not eval mode
                    x = layer.forward_parameters(x, _stream_of(layer, rng))
                x = self._seen(name, x)
        self._kept_from = lowest
        return x

    def backward(self, grad):
        """From the gradient of the output to that of the input, through the last forward; fills the grads of all not frozen."""
        self._check_kept(0)
        with ops.backend_for(self.total_macs()):
            for name, layer in reversed(self.layers.items()):
                grad = layer.backward(self._tapped(name, grad))
        return grad

    def backward_parameters(self, grad):
        """See `Layer.backward_parameters`: ends at the lowest layer that learns."""
        if not is_known(self, Sequential):
            self.backward(grad)
            return
        lowest = self._lowest()
        if lowest == len(self.layers):
            return
        self._check_kept(lowest)
        names = list(self.layers)
        with ops.backend_for(self.total_macs()):
            for name in reversed(names[lowest + 1 :]):
                grad = self.layers[name].backward(self._tapped(name, grad))
            self.layers[names[lowest]].backward_parameters(self._tapped(names[lowest], grad))

    def _lowest(self) -> int:
        """The number of the first layer that learns; that of all layers where none does."""
        return next((i for i, layer in enumerate(self.layers.values()) if learns(layer)), len(self.layers))

    def _check_kept(self, first):
        if self._kept_from is None or self._kept_from > first:
            raise self.fail("backward has no forward to go back through; call forward first (a train_step leaves nothing behind)")

    def _seen(self, name, x):
        if name in self.taps:
            self.taps[name].output = x.copy()
        return x

    def _tapped(self, name, grad):
        if name in self.taps:
            self.taps[name].grad = grad.copy()
        return grad

    def infer(self, x):
        """Forward in eval mode, keeping nothing: each activation is dropped as soon as the next one is there."""
        x = self.check(x)
        with ops.backend_for(self.total_macs()):
            for layer in self.layers.values():
                x = layer.infer(x)
        return x

    def check(self, x):
        """As for every layer; the model as a whole also takes another float type and casts it to its own."""
        x = super().check(x)
        # In C order, since BLAS sums in another order over another layout, and a column-wise table comes out of pandas.
        with np.errstate(over="ignore"):  # a float64 beyond float32 becomes infinite
            return x if self.store is None else np.ascontiguousarray(x, self.store.dtype)

    def activations(self):
        """None of its own: the output is its last layer's."""
        return 0

    def receptive_field(self, field):
        """Layer after layer."""
        for layer in self.layers.values():
            field = layer.receptive_field(field)
        return field

    # As a model

    def train_step(self, x, y, loss, optimizer, sample_weight=None, accumulate=1) -> float:
        """Forward, loss, backward, update; returns the loss before the update.

        With `accumulate` k the batch is taken in k parts, one after the other, so that memory is needed for a part alone; the
        gradients add up to the whole batch's, and one update follows. What differs is batch norm, which sees the parts.
        Frozen layers cost no weight gradient, and backward ends at the lowest layer that is not frozen.
        Shape: x (N, *input_shape); y as the loss takes it. Raises DivergenceError when the loss, a gradient or a running
        statistic is NaN or infinite; the model then holds the last weights that gave a finite loss.
        """
        return train_step(self, x, y, loss, optimizer, sample_weight, accumulate)

    def predict(self, x: np.ndarray, batch_size: int = 256) -> np.ndarray:
        """The logits of x (N, *input_shape), in eval mode: (N, *output_shape). A row's bits do not depend on its neighbours."""
        self.built()
        x, batch_size = self.check(x), positive_int(batch_size, f"{self.name}: batch_size")
        plans = self._plans(lambda: ops.runs_on(self.total_macs()))
        if plans is not None:
            with ops.backend("numba"):  # for layers that the plan runs as they are
                return plans.predict(self, x, batch_size)
        return np.concatenate([self.infer(x[i : i + batch_size]) for i in range(0, len(x), batch_size)])

    def predict_proba(self, x: np.ndarray, batch_size: int = 256) -> np.ndarray:
        """`predict` through a sigmoid (one output) or a softmax (several), unless the model ends in one. Shape: as predict's."""
        y = self.predict(x, batch_size)
        last = self
        while isinstance(last, Sequential) and last.layers:
            last = list(last.layers.values())[-1]
        if isinstance(last, (Sigmoid, Softmax)):
            return y
        return ops.sigmoid(y) if y.shape[-1] == 1 else ops.softmax(y)

    def total_macs(self) -> int:
        """Multiply-adds of a forward pass over one row."""
        if self._macs is None:
            self._macs = sum(layer.macs() for _, layer in walk(self))
        return self._macs

    def lay_out(self, shape):
        """See `Layer.lay_out`."""
        self._macs = None
        output = super().lay_out(shape)
        self.total_macs()  # now, so that predicting changes nothing here
        return output

    def freeze(self, *names: str) -> None:
        """Stop training the layers of these names and all inside them; without a name, the whole model.

        No gradient of a frozen layer's parameters is computed: theirs are 0. A frozen BatchNorm also keeps its running statistics
        and normalises by them; a frozen Dropout drops on. Raises ValueError for a name that no layer has.
        """
        self._set_frozen(names, True)

    def unfreeze(self, *names: str) -> None:
        """Undo `freeze`."""
        self._set_frozen(names, False)

    def _set_frozen(self, names, frozen):
        if self.is_inside():
            raise self.fail(f"it is part of a built model; say it there: model.freeze({self.name!r})")
        for name in names or ("",):
            self._named(name)
            for path, layer in walk(self):
                # A container is frozen as a whole, so freeing one layer inside ends that for all around it.
                if is_below(path, name) or (not frozen and is_below(name, path)):
                    layer.frozen = frozen
            for parameter in self.store.parameters if self.store else ():
                if is_below(parameter.name, name):
                    self.store.set_trainable(parameter, not frozen)

    def scale_lr(self, factor: float, *names: str) -> None:
        """Train the layers of these names, and all inside them, at `factor` times the optimizer's rate; without a name, all.

        From the next step on; 1 undoes it, and so does `build`. For a pretrained body: `model.scale_lr(0.1)`, then
        `model.scale_lr(1, "dense_1")`. Raises ValueError for a name that no layer has and a factor that is not above 0.
        """
        factor, parameters = check_lr_scale(factor, f"{self.name}: scale_lr"), self.parameters()
        for name in names:
            self._named(name)
        for parameter in parameters:
            if any(is_below(parameter.name, name) for name in names or ("",)):
                parameter.lr_scale = factor

    @contextmanager
    def capture(self, *names: str):
        """Record what forward and backward see at these layers (all leaf layers without a name).

            with model.capture("conv2d_2") as taps:
                model.backward(seed_gradient(model.forward(x)))
            taps["conv2d_2"].output, taps["conv2d_2"].grad

        `predict` keeps nothing and so fills no tap. Yields a dict of `Tap`. Raises ValueError for a name that no layer has.
        """
        names = names or tuple(path for path, layer in walk(self) if path and not layer.children())
        owned = []
        for name in names:
            self._named(name)
            owner, _, own_name = name.rpartition(".")
            if not isinstance(self._named(owner), Sequential):
                raise self.fail(f"{name!r} cannot be captured; take {owner!r}, or a layer inside it")
            owned.append((self._named(owner), own_name, Tap()))
        for owner, own_name, tap in owned:
            owner.taps[own_name] = tap
        try:
            yield {name: tap for name, (_, _, tap) in zip(names, owned, strict=True)}
        finally:
            for owner, own_name, _ in owned:
                owner.taps.pop(own_name, None)

    def cut(self, name: str) -> tuple[Sequential, Sequential]:
        """The layers up to that of this name, itself included, and those behind it: two models over the same layers and arrays.

        For looking inside: what the first predicts is what the second takes. Raises ValueError unless `name` is a layer of this
        row itself, not one inside a block.
        """
        self.built()
        if name not in self.layers:
            self._named(name)
            raise self.fail(f"{name!r} is inside a block; cut at {', '.join(self.layers)}")
        row = list(self.layers.items())
        at = list(self.layers).index(name) + 1
        return self._part(row[:at], self.input_shape), self._part(row[at:], self.layers[name].output_shape)

    def _part(self, layers, input_shape):
        part = Sequential()
        part.layers, part.store, part.seed, part.steps = dict(layers), self.store, self.seed, self.steps
        part.input_shape = input_shape
        part.output_shape = layers[-1][1].output_shape if layers else input_shape
        return part

    def _named(self, name: str) -> Layer:
        layers = dict(walk(self))
        if name not in layers:
            raise self.fail(f"there is no layer {name!r}; there are {', '.join(filter(None, layers))}")
        return layers[name]

    def get_state(self) -> dict[str, np.ndarray]:
        """A copy of every parameter and buffer, by name."""
        return {name: array.copy() for name, array in self._state().items()}

    def set_state(self, state: dict[str, np.ndarray]) -> None:
        """Copy such arrays in. Raises ValueError, changing nothing, unless names and shapes are the model's."""
        mine = self._state()
        if set(state) != set(mine):
            missing, unknown = sorted(set(mine) - set(state)), sorted(set(state) - set(mine))
            raise self.fail(f"the state does not fit: missing {missing}, unknown {unknown}")
        for name, array in mine.items():
            if np.shape(state[name]) != array.shape:
                raise self.fail(f"{name} has shape {array.shape}, the state's has {np.shape(state[name])}")
        for name, array in mine.items():
            array[...] = state[name]
        keep_good(self)

    def _state(self) -> dict[str, np.ndarray]:
        self.built()
        arrays = {}
        for path, layer in walk(self):
            for key, array in (*layer.params.items(), *layer.buffers.items()):
                arrays[f"{path}.{key}"] = array
        return arrays

    def summary(self) -> str:
        """A table: each layer's output shape, parameters, multiply-adds, activation memory and receptive field."""
        from tinycnn.summary import summary

        return summary(self)

    def _plans(self, backend):
        """The model's plans, where it runs as one: on the kernels, in their type; else None."""
        if self.store.dtype != np.float32 or not is_known(self, Sequential) or backend() != "numba":  # last: it may import numba
            return None
        if self._runner is None or self._runner.store is not self.store:
            from tinycnn.plan.runner import Runner  # imports numba

            self._runner = Runner(self)
        return self._runner

    def __getstate__(self):
        """Without the plans: a copy has memory of its own."""
        return {**self.__dict__, "_runner": None}

    def _stream(self, layer: Layer, first_row: int = 0):
        """The generator of a layer in this step, from a row of the batch on."""
        return _stream_of(layer, self._step_rng(first_row))

    def _step_rng(self, first_row: int = 0) -> np.random.Generator:
        """The generator of this step, from a row of the batch on."""
        from tinycnn.streams import step_generator  # loads numpy.random, which prediction does without

        return step_generator(self.seed, self.steps, first_row)

    def __repr__(self):
        return f"Sequential({', '.join(map(repr, self.layers.values()))})"


def _stream_of(layer: Layer, rng):
    """What `layer` draws from, if it draws; containers hand the step's generator on."""
    if rng is None or not layer.draws:
        return rng
    from tinycnn.streams import stream_of

    return stream_of(layer, rng)
