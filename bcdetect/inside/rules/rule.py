"""What is told of a kind of layer: what it does, how one of its numbers came about, how a gradient comes back through it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bcdetect.inside.wiring import Step

At = tuple[int, ...]  # where a number stands in a layer's output: its place, then its channel


@dataclass(frozen=True)
class Pieces:
    """What a number feeds in a next layer: those outputs, and how much each grows with it.

    `at` (n, axes) are their places and channels, `factor` (n,) the derivatives; the gradient that comes back is the sum of
    each output's gradient times its factor. `text` says so for the kind at hand. `size` (n,) is the size of what
    each factor is itself the sum of; None where it is a plain number.
    """

    at: np.ndarray
    factor: np.ndarray
    text: str
    size: np.ndarray | None = None

    def magnitude(self, gradient: np.ndarray) -> float:
        """What the rounding of the sum is to be measured by, for the gradients (n,) of the outputs."""
        return float(np.abs(gradient * (self.factor if self.size is None else self.size)).sum())


class Rule:
    """A kind of layer that nothing is known of; the base of all that are known.

    `inputs` are the outputs of the step's sources, without a batch axis. Arithmetic is in float64, over the engine's float32
    numbers: what differs from the engine's own result is its rounding.
    """

    text = "A layer of a kind that has no words here: it makes the numbers of its output from those of its input."
    equation = "y = f(x)"

    def arguments(self, step: Step) -> str:
        """The layer's arguments in words; empty where it has none."""
        return ""

    def number(self, step: Step, inputs: list[np.ndarray], at: At) -> dict:
        """How the output at `at` came about.

        `form` says what else the dict holds, `text` tells it in a sentence, `result` is the number, and `magnitude` the sum of
        the absolute values of what was added up, which the rounding of the engine is to be measured by.
        """
        return {"form": "none", "text": "There is no window to show for this kind of layer.", "result": None, "magnitude": None}

    def pieces(self, step: Step, slot: int, inputs: list[np.ndarray], at: At) -> Pieces | None:
        """What the number at `at` of input `slot` feeds in this layer; None where that is not known."""
        return None

    def copied_from(self, step: Step, at: At) -> At | None:
        """Where the output at `at` stands in the input, for a kind that moves numbers and leaves them as they are."""
        return None


def spot(at) -> dict:
    """A place and a channel, named."""
    *place, channel = (int(n) for n in at)
    return {"place": place, "channel": channel}


def strongest(values: np.ndarray, most: int) -> np.ndarray:
    """The numbers of the at most `most` entries that are largest in absolute value, the largest first."""
    return np.argsort(-np.abs(values), kind="stable")[:most]


def summed(at: np.ndarray, columns: dict[str, np.ndarray], products: np.ndarray, most: int) -> dict:
    """The largest of many products that add up, each with its place and its `columns`; and what the others add up to.

    Shape: at (n, axes), every column and products (n,).
    """
    shown = strongest(products, most)
    terms = [
        {**spot(at[i]), **{name: float(column[i]) for name, column in columns.items()}, "product": float(products[i])}
        for i in shown
    ]
    rest = np.delete(products, shown)
    return {"terms": terms, "others": {"count": len(rest), "sum": float(rest.sum())}, "sum": float(products.sum())}


def biased_sum(layer, k: int, text: str, at: np.ndarray, columns: dict[str, np.ndarray], products: np.ndarray, most: int) -> dict:
    """What `Rule.number` gives of an output of channel k that is many products, as `summed` takes them, plus a bias if any."""
    bias = float(layer.params["bias"][k]) if layer.bias else 0.0
    found = summed(at, columns, products, most)
    return {
        "form": "sum",
        "text": text,
        **found,
        "bias": bias if layer.bias else None,
        "result": found["sum"] + bias,
        "magnitude": np.abs(products).sum() + abs(bias),
    }


def by(sizes) -> str:
    """Sizes as text: 5 x 1."""
    return " x ".join(map(str, sizes))


def counted(count: int, noun: str) -> str:
    """Such as `1 place` or `4 places`."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")
