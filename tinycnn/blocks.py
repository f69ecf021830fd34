"""Containers that are more than a row: a body with a shortcut, paths side by side, and a gate over the channels."""

from __future__ import annotations

import math

import numpy as np

from tinycnn import init
from tinycnn.layers.activations import ReLU, Sigmoid
from tinycnn.layers.base import Layer, Shape, is_known, needs_space, shape_text
from tinycnn.layers.dense import Dense
from tinycnn.layers.pool import GlobalAvgPool
from tinycnn.model import Sequential
from tinycnn.ops.shapes import positive_int


class Residual(Layer):
    """y = body(x) + shortcut(x); without a shortcut, y = body(x) + x.

    Shape: that of the body's output; body and shortcut must agree. Source: He et al. 2016, equation 1 (arXiv:1512.03385).
    """

    def __init__(self, *body: Layer, shortcut: Layer | None = None):
        super().__init__()
        self.body = as_row(body)
        self.shortcut = None if shortcut is None else as_row((shortcut,))

    def children(self):
        """`body`, and `shortcut` where there is one."""
        return {"body": self.body} if self.shortcut is None else {"body": self.body, "shortcut": self.shortcut}

    def config(self):
        """The kinds and arguments of the layers inside."""
        shortcut = None if self.shortcut is None else self.shortcut.config()
        return {"kind": "Residual", "body": self.body.config(), "shortcut": shortcut}

    def setup(self, shape):
        """Both ways must end in the same shape; the error shows the shortcut to write."""
        output = lay_out_inside(self, "body", shape)
        other = shape if self.shortcut is None else lay_out_inside(self, "shortcut", shape)
        if other != output:
            raise self.fail(
                f"the body maps {shape_text(shape)} to {shape_text(output)}, but the shortcut gives {shape_text(other)}; "
                f"write Residual(..., shortcut={_shortcut_for(shape, output)})"
            )
        return output

    def forward(self, x, training, rng=None):
        """The sum of both ways."""
        y = self.body.forward(x, training, rng)
        return y + (x if self.shortcut is None else self.shortcut.forward(x, training, rng))

    def backward(self, grad):
        """The gradient runs back both ways and adds up."""
        grad_input = self.body.backward(grad)
        return grad_input + (grad if self.shortcut is None else self.shortcut.backward(grad))

    def forward_parameters(self, x, rng=None):
        """See `Layer.forward_parameters`."""
        if not is_known(self, Residual):
            return self.forward(x, True, rng)
        y = self.body.forward_parameters(x, rng)
        return y + (x if self.shortcut is None else self.shortcut.forward_parameters(x, rng))

    def backward_parameters(self, grad):
        """See `Layer.backward_parameters`: both ways to their own lowest layer that learns."""
        if not is_known(self, Residual):
            self.backward(grad)
            return
        for way in self.children().values():
            way.backward_parameters(grad)

    def infer(self, x):
        """See `Layer.infer`."""
        return self.body.infer(x) + (x if self.shortcut is None else self.shortcut.infer(x))

    def receptive_field(self, field):
        """The wider of both ways."""
        return _widest([child.receptive_field(field) for child in self.children().values()])

    def __repr__(self):
        shortcut = "" if self.shortcut is None else f", shortcut={self.shortcut!r}"
        return f"Residual({', '.join(map(repr, self.body.layers.values()))}{shortcut})"


class Branches(Layer):
    """Paths side by side over the same input, merged by concatenating their channels ("concat") or adding them ("add").

    Shape: x (N, H, W, C) -> y (N, OH, OW, sum of the paths' channels), or the paths' common shape with "add".
    Source: Szegedy et al. 2015 (arXiv:1409.4842).
    """

    def __init__(self, *paths: Layer, merge: str = "concat"):
        super().__init__()
        if merge not in ("concat", "add"):
            raise self.fail(f'merge is {merge!r}; it must be "concat" or "add"')
        if not paths:
            raise self.fail("got no path; it needs at least one layer")
        self.paths = [as_row((path,)) for path in paths]
        self.merge = merge

    def children(self):
        """`path_1`, `path_2`, ..."""
        return {f"path_{i}": path for i, path in enumerate(self.paths, 1)}

    def config(self):
        """The kinds and arguments of the layers inside."""
        return {"kind": "Branches", "paths": [path.config() for path in self.paths], "merge": self.merge}

    def setup(self, shape):
        """All paths must end in one shape, but for the channels when they are concatenated."""
        shapes = [lay_out_inside(self, name, shape) for name in self.children()]
        common = {shape if self.merge == "add" else shape[:-1] for shape in shapes}
        if len(common) > 1:
            what = "shape" if self.merge == "add" else "size"
            raise self.fail(f"its paths must end in the same {what}, got {', '.join(map(shape_text, shapes))}")
        if self.merge == "add":
            return shapes[0]
        self.cuts = np.cumsum([shape[-1] for shape in shapes])[:-1]
        return (*shapes[0][:-1], sum(shape[-1] for shape in shapes))

    def forward(self, x, training, rng=None):
        """Every path's output, merged."""
        return self._merge([path.forward(x, training, rng) for path in self.paths])

    def backward(self, grad):
        """Each path gets its share of the gradient; what comes out adds up."""
        grads = [path.backward(share) for path, share in zip(self.paths, self._split(grad), strict=True)]
        return sum(grads[1:], grads[0])

    def forward_parameters(self, x, rng=None):
        """See `Layer.forward_parameters`."""
        if not is_known(self, Branches):
            return self.forward(x, True, rng)
        return self._merge([path.forward_parameters(x, rng) for path in self.paths])

    def backward_parameters(self, grad):
        """See `Layer.backward_parameters`."""
        if not is_known(self, Branches):
            self.backward(grad)
            return
        for path, share in zip(self.paths, self._split(grad), strict=True):
            path.backward_parameters(share)

    def infer(self, x):
        """See `Layer.infer`."""
        return self._merge([path.infer(x) for path in self.paths])

    def receptive_field(self, field):
        """The widest path's."""
        return _widest([path.receptive_field(field) for path in self.paths])

    def _split(self, grad):
        """The inverse of `_merge`, for a gradient."""
        shares = [grad] * len(self.paths) if self.merge == "add" else np.split(grad, self.cuts, axis=-1)
        return map(np.ascontiguousarray, shares)

    def _merge(self, outputs):
        return sum(outputs[1:], outputs[0]) if self.merge == "add" else np.concatenate(outputs, axis=-1)

    def __repr__(self):
        return f"Branches({', '.join(map(repr, self.paths))}, merge={self.merge!r})"


class SqueezeExcite(Layer):
    """Weigh every channel by what the whole picture says of it.

        y = x * gate(x),    gate = sigmoid(Dense(C)(relu(Dense(units)(mean of x over the space))))

    Shape: x (N, ..., C) -> y (N, ..., C), for any rank. units is C // ratio, at least 1, or given as such.
    Source: Hu, Shen & Sun 2018, equations 2 to 4 (arXiv:1709.01507).
    """

    arguments = ("ratio", "units")

    def __init__(self, ratio=16, units=None):
        super().__init__()
        self.ratio = positive_int(ratio, f"{self.name}: ratio")
        self.units = None if units is None else positive_int(units, f"{self.name}: units")
        self.squeeze, self.excite = Dense(1, initialiser=init.he), Dense(1)  # their sizes follow from the channels
        self.gate = Sequential(GlobalAvgPool(), self.squeeze, ReLU(), self.excite, Sigmoid())

    def children(self):
        """`gate`."""
        return {"gate": self.gate}

    def setup(self, shape):
        """The shape stays."""
        needs_space(self, shape)
        self.squeeze.units, self.excite.units = self.units or max(1, shape[-1] // self.ratio), shape[-1]
        lay_out_inside(self, "gate", shape)
        return shape

    def forward(self, x, training, rng=None):
        """Every channel times its weight."""
        self.x = self.check(x)
        self.weight = self._spread(self.gate.forward(x, training, rng))
        return x * self.weight

    def backward(self, grad):
        """The product rule: what the gate passes, and what a channel's weight is worth."""
        worth = (grad * self.x).sum(axis=tuple(range(1, grad.ndim - 1)))
        return grad * self.weight + self.gate.backward(worth)

    def infer(self, x):
        """See `Layer.infer`."""
        return self.check(x) * self._spread(self.gate.infer(x))

    def receptive_field(self, field):
        """The whole input."""
        return None

    def _spread(self, weight):
        return weight.reshape(len(weight), *(1,) * (len(self.input_shape) - 1), -1)


def as_row(layers: tuple[Layer, ...]) -> Sequential:
    """The layers as one Sequential; a lone Sequential is taken as it is."""
    return layers[0] if len(layers) == 1 and isinstance(layers[0], Sequential) else Sequential(*layers)


def lay_out_inside(container: Layer, name: str, shape: Shape) -> Shape:
    """Lay out a container's child under its full name."""
    child = container.children()[name]
    child.name = f"{container.name}.{name}"
    return child.lay_out(shape)


def _shortcut_for(shape: Shape, output: Shape) -> str:
    """The layer that maps `shape` to `output`, as code."""
    if len(output) == 1:
        return f"tc.Dense({output[-1]})" if len(shape) == 1 else f"tc.Sequential(tc.Flatten(), tc.Dense({output[-1]}))"
    if len(shape) != len(output):
        return f"a layer that does the same, to {shape_text(output)}"
    sizes = list(zip(shape[:-1], output[:-1], strict=True))
    strides = tuple(math.ceil(before / after) for before, after in sizes)
    if all(math.ceil(before / s) == after for (before, after), s in zip(sizes, strides, strict=True)):
        kernel, options = 1, "" if set(strides) == {1} else f", stride={_short(strides)}"
    else:  # no stride does it: a kernel that cuts as much off as the body does, or padding where the body grows
        padding = tuple(max(0, -(-(after - before) // 2)) for before, after in sizes)
        kernel = _short(tuple(n + 2 * p - after + 1 for (n, after), p in zip(sizes, padding, strict=True)))
        options = f", padding={_short(padding)}"
    return f"tc.Conv{len(sizes)}D({output[-1]}, {kernel}{options})"


def _short(values: Shape) -> int | Shape:
    return values[0] if len(set(values)) == 1 else values


def _widest(fields):
    if any(field is None for field in fields):
        return None
    sizes, distances = zip(*fields, strict=True)
    return tuple(map(max, zip(*sizes, strict=True))), tuple(map(max, zip(*distances, strict=True)))
