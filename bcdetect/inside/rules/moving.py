"""Layers that move numbers, repeat them, or leave them as they are: `form` "copy"."""

from __future__ import annotations

import numpy as np

from bcdetect.inside.rules.rule import At, Pieces, Rule, by, spot
from bcdetect.inside.rules.windows import with_channels


class Copy(Rule):
    """A kind whose outputs are single numbers of its input. Subclasses say which (`copied_from`), and `goes_to` the reverse."""

    told = "The same number, at another place."

    def number(self, step, inputs, at):
        """The number, and where it stands in the input."""
        source = self.copied_from(step, at)
        value = 0.0 if source is None else float(inputs[0][source])
        return {
            "form": "copy",
            "text": self.told if source is not None else "Padding: a 0 around the input.",
            "from": None if source is None else spot(source),
            "result": value,
            "magnitude": abs(value),
        }

    def pieces(self, step, slot, inputs, at):
        """1 for each copy."""
        copies = self.goes_to(step, at)
        text = "The gradient comes back as it is" if len(copies) == 1 else "The gradients of all copies of the number add up"
        return Pieces(copies, np.ones(len(copies)), f"{text}: nothing is computed here.")

    def goes_to(self, step, at: At) -> np.ndarray:
        """The outputs that are copies of the input's number at `at`. Shape: (n, axes)."""
        raise NotImplementedError


class Flattening(Copy):
    """Flatten and Reshape."""

    def __init__(self, text: str, equation: str):
        self.text, self.equation = text, equation

    def arguments(self, step):
        """The new shape."""
        return f"{by(step.layer.input_shape)} becomes {by(step.layer.output_shape)}"

    def copied_from(self, step, at):
        """The number of the same count."""
        return moved(at, step.layer.output_shape, step.layer.input_shape)

    def goes_to(self, step, at):
        """The number of the same count."""
        return np.array([moved(at, step.layer.input_shape, step.layer.output_shape)])


class Dropping(Copy):
    """Dropout, which does nothing in eval mode."""

    told = "Dropout does nothing for an answer: the number goes through as it is."
    text = (
        "In training, a random share of the numbers is set to 0, so that the network does not rely on any one of them. For an "
        "answer, as here, it does nothing: every number goes through as it is."
    )
    equation = "y = x"

    def arguments(self, step):
        """The rate."""
        return f"drops {100 * step.layer.rate:g} % in training" + ", whole channels" * step.layer.channels

    def copied_from(self, step, at):
        """Itself."""
        return at

    def goes_to(self, step, at):
        """Itself."""
        return np.array([at])


class Padding(Copy):
    """Pad."""

    text = "Puts zeros around the picture, so that a window can stand at its edge."
    equation = "y[place, c] = x[place - before, c], 0 outside"

    def arguments(self, step):
        """The zeros on each side."""
        return "zeros before and after: " + ", ".join(f"{before} and {after}" for before, after in step.layer.window.padding)

    def copied_from(self, step, at):
        """The place without the padding before it; None in the padding."""
        source = tuple(n - before for n, (before, _) in zip(at, step.layer.window.padding, strict=False))
        fits = all(0 <= n < size for n, size in zip(source, step.layer.input_shape, strict=False))
        return (*source, at[-1]) if fits else None

    def goes_to(self, step, at):
        """The place with the padding before it."""
        return np.array([[*(n + before for n, (before, _) in zip(at, step.layer.window.padding, strict=False)), at[-1]]])


class Repeating(Copy):
    """Upsample."""

    text = "Every number becomes a block of equal ones: the picture grows, and nothing is learned."
    equation = "y[place, c] = x[place // factor, c]"

    def arguments(self, step):
        """The factors."""
        return f"{by(step.layer.factors)} copies of each number"

    def copied_from(self, step, at):
        """The place over the factor."""
        return (*(n // factor for n, factor in zip(at, step.layer.factors, strict=False)), at[-1])

    def goes_to(self, step, at):
        """The block."""
        factors = np.array(step.layer.factors)
        block = np.indices(step.layer.factors).reshape(len(factors), -1).T + np.array(at[:-1]) * factors
        return with_channels(block, np.array(at[-1:]))


def moved(at: At, shape: tuple[int, ...], other: tuple[int, ...]) -> At:
    """Where the number at `at` of an array of `shape` stands when the same numbers are read as another shape."""
    return tuple(map(int, np.unravel_index(np.ravel_multi_index(at, shape), other)))
