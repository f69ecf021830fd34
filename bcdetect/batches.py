"""Which rows make up a batch, and what the network sees of them: made when it is asked for, never for all rows at once."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from bcdetect.config import Config
from bcdetect.datasets import Dataset


class Rows:
    """Some rows of a data set, as the network takes them; `y` (N,) are their class numbers."""

    def __init__(self, data: Dataset, rows: np.ndarray, preprocessing):
        self.data, self.rows, self.preprocessing = data, np.asarray(rows), preprocessing
        self.y = data.y[self.rows]

    def __len__(self) -> int:
        return len(self.rows)

    def inputs(self, chosen: np.ndarray) -> np.ndarray:
        """The rows of these places among them, preprocessed. Shape: (n, *input_shape) float32."""
        return self.preprocessing.transform(*(array[self.rows[chosen]] for array in self.data.inputs()))

    def chunks(self) -> Iterator[np.ndarray]:
        """The places of all rows, as many at a time as memory is sure to hold."""
        size = self.data.rows_at_once()
        for start in range(0, len(self), size):
            yield np.arange(start, min(start + size, len(self)))

    def missing(self, chosen: np.ndarray) -> np.ndarray | None:
        """Which sequences of these rows were not taken. Shape: (n, C), or None."""
        return None if self.data.missing is None else self.data.missing[self.rows[chosen]]


def epoch_rows(y: np.ndarray, config: Config, epoch: int) -> np.ndarray:
    """The epoch's rows in random order; with `balance` "oversample", small classes are drawn again up to the largest."""
    rng = np.random.default_rng([config.seed, epoch])
    rows = np.arange(len(y))
    if config.balance == "oversample":
        counts = np.bincount(y)
        extra = [rng.choice(np.flatnonzero(y == k), counts.max() - n) for k, n in enumerate(counts) if n]
        rows = np.concatenate([rows, *extra])
    return rng.permutation(rows)


def batches(count: int, size: int) -> Iterator[slice]:
    """Slices of `size`; a last batch of one row, which batch norm cannot take, joins its neighbour."""
    starts = list(range(0, count, size))
    if len(starts) > 1 and count - starts[-1] == 1:
        starts.pop()
    for start, end in zip(starts, [*starts[1:], count], strict=True):
        yield slice(start, end)
