"""What happens to a row before the network sees it: fitted on the training part only, the same object ever after.

`Standardiser` is for tables, `PictureScaler` for pictures; both have `fit`, `transform`, `flat` for the baselines, and `state`.
"""

from __future__ import annotations

import numpy as np

from bcdetect.datasets import Dataset

BLOCKS = 16  # a side, into which a picture is cut for a baseline that sees no shapes
FAR = 1e9  # deviations from the mean; no measurement is that far off, and float32 sums of what is may overflow


class Standardiser:
    """Each feature minus the training part's mean, over its standard deviation (that of a constant feature counts as 1).

    The network sees a table row as an image: x (N, F) float64 -> (N, F, 1, 1) float32.
    """

    def __init__(self, mean: np.ndarray, std: np.ndarray):
        self.mean, self.std = np.asarray(mean, np.float64), np.asarray(std, np.float64)

    @classmethod
    def fit(cls, data: Dataset, rows: np.ndarray) -> Standardiser:
        """Learn mean and deviation from the training part's rows."""
        x = data.x[rows]
        with np.errstate(over="ignore", invalid="ignore"):  # a deviation that is not finite: `beyond` then says so
            std = x.std(axis=0)
            varies = x.min(axis=0) < x.max(axis=0)  # the deviation of a constant is not 0 where its mean was rounded
            return cls(x.mean(axis=0), np.where(varies & (std > 0), std, 1.0))

    def scaled(self, x: np.ndarray) -> np.ndarray:
        """(x - mean) / std. Shape: x (N, F) -> (N, F) float64."""
        return (x - self.mean) / self.std

    def flat(self, data: Dataset, rows: np.ndarray) -> np.ndarray:
        """For the baselines: the rows, scaled. Shape: (n, F) float64."""
        return self.scaled(data.x[rows])

    def transform(self, x: np.ndarray) -> np.ndarray:
        """What the network takes. Shape: x (N, F) -> (N, F, 1, 1) float32; a value beyond float32 becomes infinite."""
        with np.errstate(over="ignore"):
            return self.scaled(x).astype(np.float32)[:, :, None, None]

    def beyond(self, x: np.ndarray) -> np.ndarray:
        """Which values are NaN, or so far from the training part that no answer means anything. Shape: x (N, F) -> (N, F)."""
        with np.errstate(over="ignore", invalid="ignore"):
            return ~(np.abs(self.scaled(x)) <= FAR) | ~np.isfinite(self.std)

    def state(self) -> dict[str, np.ndarray]:
        """The fitted numbers, by name; `Standardiser(**state)` is this object again."""
        return {"mean": self.mean, "std": self.std}


class PictureScaler:
    """Each channel minus the training part's mean, over its standard deviation, counted in shares of full white.

    Shape: x (N, H, W, C) uint8 or uint16 -> (N, H, W, C) float32. A sequence that was not taken is 0 everywhere: the mean.
    """

    def __init__(self, mean: np.ndarray, std: np.ndarray, size: np.ndarray):
        self.mean, self.std = np.asarray(mean, np.float32), np.asarray(std, np.float32)
        self.size = np.asarray(size, np.int64)  # (H, W)

    @classmethod
    def fit(cls, data: Dataset, rows: np.ndarray) -> PictureScaler:
        """Learn mean and deviation from the training part's rows, passing over sequences that were not taken."""
        channels, white = data.x.shape[-1], np.iinfo(data.x.dtype).max
        count, total, squares = np.zeros((3, channels))
        for part in data.chunks(rows):
            there = np.ones((len(part.y), channels), bool) if part.missing is None else ~part.missing
            shares = part.x.astype(np.float64) / white
            count += there.sum(axis=0) * part.x[0, ..., 0].size
            total += np.einsum("nhwc,nc->c", shares, there)
            squares += np.einsum("nhwc,nc->c", np.square(shares), there)
        mean = total / np.maximum(count, 1)
        std = np.sqrt(np.maximum(squares / np.maximum(count, 1) - mean**2, 0))
        return cls(mean, np.where(std > 1e-6, std, 1), np.array(data.x.shape[1:3]))

    def ends(self) -> tuple[np.ndarray, np.ndarray]:
        """The values that black and white have for the network. Shape: (C,) each."""
        return -self.mean / self.std, (1 - self.mean) / self.std

    def transform(self, x: np.ndarray, missing: np.ndarray | None = None) -> np.ndarray:
        """What the network takes; grey pictures serve a network of colour, and the other way round."""
        scaled = as_channels(x, len(self.mean)).astype(np.float32)
        scaled *= 1 / (self.std * np.float32(np.iinfo(x.dtype).max))
        scaled -= self.mean / self.std
        if missing is not None:
            scaled *= ~missing[:, None, None, :]
        return scaled

    def flat(self, data: Dataset, rows: np.ndarray) -> np.ndarray:
        """For the baselines: the means over at most 16 x 16 blocks of each picture. Shape: (n, blocks * C) float64."""
        tops, lefts = (np.linspace(0, n, min(n, BLOCKS) + 1).astype(int) for n in data.x.shape[1:3])
        areas = np.diff(tops)[:, None, None] * np.diff(lefts)[:, None]
        found = []
        for part in data.chunks(rows):
            sums = np.add.reduceat(np.add.reduceat(self.transform(*part.inputs()), tops[:-1], axis=1), lefts[:-1], axis=2)
            found.append((sums / areas).reshape(len(part.y), -1).astype(np.float64))
        return np.concatenate(found)

    def state(self) -> dict[str, np.ndarray]:
        """The fitted numbers, by name; `PictureScaler(**state)` is this object again."""
        return {"mean": self.mean, "std": self.std, "size": self.size}


def as_channels(x: np.ndarray, channels: int) -> np.ndarray:
    """Colour pictures (..., 3) for a network of grey ones, or grey ones (..., 1) for a network of colour."""
    if x.shape[-1] == channels:
        return x
    if channels == 3:
        return np.repeat(x, 3, axis=-1)
    return np.rint(x.mean(axis=-1, keepdims=True)).astype(x.dtype)
