"""The exponential moving average of a model's weights: often better than the last ones, at the cost of one pass a step.

ema = EMA(model)
for x, y in batches:
    model.train_step(x, y, loss, optimizer)
    ema.update()
with ema.applied():
    probabilities = model.predict_proba(x_test)
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from tinycnn.divergence import keep_good
from tinycnn.layers.base import Layer
from tinycnn.parameters import check_state


class EMA:
    """Averages of all values and buffers of `model`, starting at what they are now.

        average += (1 - d) * (value - average),   d = min(decay, (1 + t) / (10 + t)),   t = updates so far

    The second term keeps the start, which is far from everything that follows, from weighing long. Running statistics are
    averaged alike, so that they fit the averaged weights.
    Source: Polyak & Juditsky 1992 for averaging; d as TensorFlow's `ExponentialMovingAverage` with `num_updates`.

    After a DivergenceError the averages may hold the step that failed: make a new EMA.
    Every method raises ValueError once the model has been built anew or become part of another: its arrays are then others.
    """

    def __init__(self, model: Layer, decay: float = 0.999):
        if not 0 <= decay < 1:
            raise ValueError(f"EMA: decay={decay} must be at least 0 and below 1")
        self.model, self.store, self.decay = model, model.built(), float(decay)
        self.updates = 0
        self.values, self.buffers = self.store.values.copy(), self.store.buffers.copy()
        self._scratch = np.empty_like(self.values), np.empty_like(self.buffers)
        self._applied = False

    def update(self) -> None:
        """Take in the model's present numbers; call it after every step."""
        keep = min(self.decay, (1 + self.updates) / (10 + self.updates))
        with np.errstate(over="ignore", invalid="ignore"):  # weights that blew up: the next train_step says so
            for average, now, scratch in self._arrays():
                np.subtract(now, average, out=scratch)
                scratch *= 1 - keep
                average += scratch
        self.updates += 1

    @contextmanager
    def applied(self) -> Iterator[None]:
        """The model holds the averages inside the `with`, and what it held before, bit for bit, after it.

        What is changed inside is lost, so do not train there. Not to be entered twice.
        """
        arrays = self._arrays()
        before = [now.copy() for _, now, _ in arrays]
        try:
            self._applied = True
            for average, now, _ in arrays:
                now[...] = average
            yield
        finally:
            for (_, now, _), old in zip(arrays, before, strict=True):
                now[...] = old
            self._applied = False

    def copy_to_model(self) -> None:
        """Make the averages the model's own numbers, for good."""
        for average, now, _ in self._arrays():
            now[...] = average
        keep_good(self.model)

    def get_state(self) -> dict[str, np.ndarray | int]:
        """A copy of the averages, by the names of the model's state, and how many `updates` made them."""
        self._arrays()
        return {"updates": self.updates, **{name: array.copy() for name, array in self._named().items()}}

    def set_state(self, state: dict[str, np.ndarray | int]) -> None:
        """Copy such a state in. Raises ValueError, changing nothing, unless names, shapes and types are the model's."""
        self._arrays()
        mine = self._named()
        self.updates = check_state(mine, "updates", state, "EMA")
        for name, array in mine.items():
            array[...] = state[name]

    def _arrays(self) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """(average, the model's, scratch) of the values and of the buffers."""
        if self.model.store is not self.store:
            raise ValueError("EMA: the model's arrays are no more those averaged (it was built anew); make a new EMA(model)")
        if self._applied:
            raise ValueError("EMA: the averages are in the model now; leave `with ema.applied()` first")
        pairs = ((self.values, self.store.values), (self.buffers, self.store.buffers))
        return [(*pair, scratch) for pair, scratch in zip(pairs, self._scratch, strict=True)]

    def _named(self) -> dict[str, np.ndarray]:
        return self.store.named(self.values, self.buffers)
