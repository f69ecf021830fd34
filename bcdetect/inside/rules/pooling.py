"""Pooling: one number of many, the largest or the mean."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from bcdetect.inside.rules.convolution import padded
from bcdetect.inside.rules.rule import Pieces, Rule, by, counted
from bcdetect.inside.rules.windows import covering, inside, marked, taps, values_under
from bcdetect.inside.wiring import Step
from tinycnn.layers.pool import GlobalPool
from tinycnn.ops import numpy as reference

SHOWN = 4096  # numbers of a window


class MaxPooling(Rule):
    """MaxPool1D to 3D, and GlobalMaxPool: `form` "maximum"."""

    text = (
        "Of every window only the largest number is kept, in each channel by itself: what was found stays, its exact place is "
        "given up, and the picture shrinks. On the way back the gradient goes to that winner alone."
    )
    equation = "y[place, c] = the largest x[place * stride + tap, c] of all taps"

    def arguments(self, step):
        """Such as `2 x 2, stride 2 x 2, no padding`."""
        return pool_words(step.layer)

    def number(self, step, inputs, at):
        """The window's numbers, and which one won: its tap and its place in the input."""
        values, within, places = _window(step, inputs[0], at)
        tap = np.unravel_index(values.argmax(), within.shape)
        value = values[tap]
        return {
            "form": "maximum",
            "text": f"The largest of {counted(int(within.sum()), 'number')}; the first, where several are equal.",
            "first": places[(0,) * within.ndim],
            "window": marked(values, within) if within.size <= SHOWN else None,
            "winner": {"tap": tap, "place": places[tap], "channel": at[-1], "value": value},
            "result": value,
            "magnitude": abs(value),
        }

    def pieces(self, step, slot, inputs, at):
        """1 for the windows that the number won, 0 for those that it lost."""
        *place, channel = at
        outputs = outputs_over(step, place)
        winners = self.winners(step, inputs[0], channel)[tuple(outputs.T)].reshape(len(outputs), len(place))
        found = (winners == place).all(axis=1)
        wins = int(found.sum())
        text = f"The number lies in {counted(len(found), 'window')} and won {wins}: a gradient goes to the winner alone."
        return Pieces(np.column_stack([outputs, np.full(len(outputs), channel)]), found.astype(np.float64), text)

    def winners(self, step: Step, x: np.ndarray, channel: int) -> np.ndarray:
        """The place in the input x (H, W, C) that each output of a channel was taken from. Shape: (OH, OW, 2)."""
        window = step.layer.window
        _, won = reference.max_pool(x[None, ..., channel, None], window)
        won = won[0, ..., 0]
        first = np.moveaxis(np.indices(won.shape), 0, -1) * window.stride - [before for before, _ in window.padding]
        places = first + np.stack(np.unravel_index(won, window.kernel), axis=-1)
        return places.reshape(*step.layer.output_shape[:-1], len(window.kernel))


class AveragePooling(Rule):
    """AvgPool1D to 3D, and GlobalAvgPool: `form` "mean"."""

    text = (
        "Every window becomes the mean of its numbers, in each channel by itself: the picture shrinks, and small shifts of the "
        "input change little. On the way back every number of the window gets the same share of the gradient."
    )
    equation = "y[place, c] = (sum over taps of x[place * stride + tap, c]) / count"

    def arguments(self, step):
        """Such as `2 x 1, stride 2 x 1, no padding`."""
        counts = getattr(step.layer, "count_padding", False)
        return pool_words(step.layer) + ", padding counted as zeros" * counts

    def number(self, step, inputs, at):
        """The window's numbers, their sum and their count."""
        values, within, places = _window(step, inputs[0], at)
        inner, count = values[within], _count(step, within)
        return {
            "form": "mean",
            "text": f"The mean of {counted(count, 'number')}.",
            "first": places[(0,) * within.ndim],
            "window": marked(values, within) if within.size <= SHOWN else None,
            "sum": inner.sum(),
            "count": count,
            "result": inner.sum() / count,
            "magnitude": np.abs(inner).sum() / count,
        }

    def pieces(self, step, slot, inputs, at):
        """1 / count for every window that the number lies in."""
        *place, channel = at
        outputs, size = outputs_over(step, place), step.layer.input_shape[:-1]
        shares = [1 / _count(step, inside(_places(step, output), size)) for output in outputs]
        text = f"The number lies in {counted(len(outputs), 'window')}, and gets 1 / count of the gradient of each."
        return Pieces(np.column_stack([outputs, np.full(len(outputs), channel)]), np.array(shares, np.float64), text)


def pool_words(layer) -> str:
    """The window in words."""
    if isinstance(layer, GlobalPool):
        return f"one window, the whole {by(layer.input_shape[:-1])}"
    return f"{by(layer.size)}, stride {by(layer.stride)}, {padded(layer.padding)}"


def outputs_over(step: Step, place: Sequence[int]) -> np.ndarray:
    """The output's places whose windows hold a place of the input. Shape: (n, axes); (1, 0) for a global pooling."""
    if isinstance(step.layer, GlobalPool):
        return np.zeros((1, 0), int)
    return covering(step.layer.window, place, step.layer.output_shape[:-1])[0]


def _places(step, place) -> np.ndarray:
    if isinstance(step.layer, GlobalPool):
        return np.moveaxis(np.indices(step.layer.input_shape[:-1]), 0, -1)
    return taps(step.layer.window, place)


def _window(step, x, at):
    """The window's numbers with -inf outside, which are within, and their places."""
    places = _places(step, at[:-1])
    values, within = values_under(x[..., at[-1:]], places, -np.inf)
    return values[..., 0], within, places


def _count(step, within) -> int:
    return prod(within.shape) if getattr(step.layer, "count_padding", False) else int(within.sum())
