"""The random numbers of a training step: counter-based, one stream a layer.

Apart from `model.py` and loaded at the first draw: NumPy loads its own `random` only when it is asked for, which takes as long as
all of tinycnn, and who only predicts never draws.
"""

from __future__ import annotations

import numpy as np

from tinycnn.layers.base import Layer


class StepGenerator(np.random.Generator):
    """A step's generator, which knows where in the batch the rows begin that it draws for."""

    first_row = 0


def step_generator(seed: int, step: int, first_row: int = 0) -> StepGenerator:
    """Keyed by seed and step; each layer then takes its own stream.

    The key is the seed; of the counter's four numbers the last is the step, the third the layer's stream.
    """
    rng = StepGenerator(np.random.Philox(key=seed, counter=[0, 0, 0, step]))
    rng.first_row = first_row
    return rng


def stream_of(layer: Layer, rng: np.random.Generator) -> np.random.Generator:
    """The generator that `layer` draws from: its own stream of the step's, so that no layer shifts another's numbers.

    A part of a batch gets the numbers that its rows would get in the whole one.
    """
    stream = np.random.Generator(rng.bit_generator.jumped(layer.stream))
    if first_row := getattr(rng, "first_row", 0):
        blocks, rest = divmod(first_row * layer.drawn(), 8)  # float32 numbers, of which a step of the counter gives eight
        stream.bit_generator.advance(blocks)
        stream.random(rest, dtype=np.float32)
    return stream
