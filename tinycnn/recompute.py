"""Gradient checkpointing: a block that computes its inside twice, so that it need not be kept in between."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tinycnn.blocks import as_row, lay_out_inside
from tinycnn.layers.base import Layer, walk


class Checkpoint(Layer):
    """The layers in a row, of which only the input is kept: backward runs them forward once more, then back.

    Training then needs the memory of one block's inside at a time, and of what goes from block to block, at the cost of one more
    forward pass: in blocks of about sqrt(n) layers, memory grows with sqrt(n). Every bit is that of the layers without the block:
    dropout draws the same numbers twice, and running statistics move once. (On the fast kernels a ReLU right behind the block is
    no longer computed with a norm at its end, which rounds otherwise; keep the two together.)
    What layers keep outside of `params` and `buffers` is put back after each run.

        Sequential(Checkpoint(Conv2D(16, 3), BatchNorm(), ReLU()), Checkpoint(Conv2D(16, 3), BatchNorm(), ReLU()), ...)

    Shape: that of the last layer's output. Source: Chen et al. 2016 (arXiv:1604.06174).
    """

    def __init__(self, *layers: Layer):
        super().__init__()
        self.body = as_row(layers)

    def children(self):
        """`body`."""
        return {"body": self.body}

    def config(self):
        """The kinds and arguments of the layers inside."""
        return {"kind": "Checkpoint", "body": self.body.config()}

    def setup(self, shape):
        """As the layers in a row."""
        return lay_out_inside(self, "body", shape)

    def forward(self, x, training, rng=None):
        """The last layer's output; nothing is kept but what it takes to do it again."""
        self.x, self.training, self.rng = self.check(x), training, rng
        self.rng_state = None if rng is None else rng.bit_generator.state
        with forgetting(self.body):
            return self.body.forward(x, training, rng)

    def backward(self, grad):
        """Forward once more, then back."""
        with forgetting(self.body):
            with buffers_kept(self.body):
                self.body.forward(self.x, self.training, self._same_rng())
            return self.body.backward(grad)

    def backward_parameters(self, grad):
        """See `Layer.backward_parameters`."""
        with forgetting(self.body):
            with buffers_kept(self.body):
                if self.training:
                    self.body.forward_parameters(self.x, self._same_rng())
                else:
                    self.body.forward(self.x, False)
            self.body.backward_parameters(grad)

    def infer(self, x):
        """See `Layer.infer`."""
        return self.body.infer(x)

    def activations(self):
        """None of its own: the output is its last layer's."""
        return 0

    def receptive_field(self, field):
        """Layer after layer."""
        return self.body.receptive_field(field)

    def _same_rng(self):
        """The generator as it was in the first run, so that whoever draws from it gets the same numbers."""
        if self.rng is not None:
            self.rng.bit_generator.state = self.rng_state
        return self.rng

    def __repr__(self):
        return f"Checkpoint({', '.join(map(repr, self.body.layers.values()))})"


@contextmanager
def forgetting(layer: Layer) -> Iterator[None]:
    """Drop, at the end, what the layers of a tree kept for backward inside the `with`."""
    before = [(inner, dict(vars(inner))) for _, inner in walk(layer)]
    try:
        yield
    finally:
        for inner, attributes in before:
            vars(inner).clear()
            vars(inner).update(attributes)


@contextmanager
def buffers_kept(layer: Layer) -> Iterator[None]:
    """Put the running statistics of a tree back at the end."""
    before = [(array, array.copy()) for _, inner in walk(layer) for array in inner.buffers.values()]
    try:
        yield
    finally:
        for array, values in before:
            array[...] = values
