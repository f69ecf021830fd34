"""Blocks: where several ways come together again."""

from __future__ import annotations

import numpy as np

from bcdetect.inside.rules.rule import Pieces, Rule, spot


class Adding(Rule):
    """Residual, and Branches that add: `form` "added"."""

    def __init__(self, text: str, equation: str):
        self.text, self.equation = text, equation

    def number(self, step, inputs, at):
        """What each way brings; `source` is the number of the way."""
        values = [float(x[at]) for x in inputs]
        return {
            "form": "added",
            "text": f"{len(values)} ways meet here, and what they bring is added up.",
            "parts": [{"source": slot, **spot(at), "value": value} for slot, value in enumerate(values)],
            "result": sum(values),
            "magnitude": sum(map(abs, values)),
        }

    def pieces(self, step, slot, inputs, at):
        """1: a sum hands its gradient to each part as it is."""
        return Pieces(np.array([at]), np.ones(1), "A sum hands its gradient back to every way as it is.")


class Joining(Rule):
    """Branches: `form` "joined" where they concatenate; where they add, as `Adding`."""

    text = (
        "Several paths look at the same input side by side, each in its own way; their channels are laid behind each other, or "
        "added up."
    )
    equation = "y = the channels of path 1, then those of path 2, and so on; or y = path 1(x) + path 2(x) + ..."

    def __init__(self):
        self.adding = Adding(self.text, self.equation)

    def arguments(self, step):
        """The number of paths, and how they merge."""
        layer = step.layer
        return f"{len(layer.paths)} paths, " + ("added up" if layer.merge == "add" else "channels laid behind each other")

    def number(self, step, inputs, at):
        """Which path the channel comes from."""
        if step.layer.merge == "add":
            return self.adding.number(step, inputs, at)
        *place, channel = at
        ends = np.cumsum([x.shape[-1] for x in inputs])
        slot = int(np.searchsorted(ends, channel, side="right"))
        own = channel - (ends[slot - 1] if slot else 0)
        value = float(inputs[slot][(*place, own)])
        return {
            "form": "joined",
            "text": f"Channel {channel} is channel {own} of path {slot + 1}.",
            "from": {"source": slot, **spot((*place, own))},
            "result": value,
            "magnitude": abs(value),
        }

    def pieces(self, step, slot, inputs, at):
        """1 for the path's own channel."""
        if step.layer.merge == "add":
            return self.adding.pieces(step, slot, inputs, at)
        before = sum(x.shape[-1] for x in inputs[:slot])
        return Pieces(np.array([(*at[:-1], at[-1] + before)]), np.ones(1), "The path's channels get back their own gradients.")


class Gating(Rule):
    """SqueezeExcite: `form` "product"; the second input is the gate, one number a channel."""

    text = (
        "Weighs whole channels: a small network looks at the mean of every channel and says, from 0 to 1, how much of each "
        "channel is to be let through."
    )
    equation = "y[place, c] = x[place, c] * gate[c]"

    def arguments(self, step):
        """The width of the small network."""
        return f"a gate of {step.layer.squeeze.units} hidden units"

    def number(self, step, inputs, at):
        """The number and its channel's weight."""
        x, gate = float(inputs[0][at]), float(inputs[1][at[-1]])
        return {
            "form": "product",
            "text": "The number times the weight that the gate gives its channel.",
            "parts": [{"source": 0, **spot(at), "value": x}, {"source": 1, **spot(at[-1:]), "value": gate}],
            "result": x * gate,
            "magnitude": abs(x * gate),
        }

    def pieces(self, step, slot, inputs, at):
        """The gate for the number; for the gate, every number of the channel."""
        x, gate = inputs
        if slot == 0:
            return Pieces(np.array([at]), np.array([gate[at[-1]]], np.float64), "The gradient times the gate of the channel.")
        places = np.indices(x.shape[:-1]).reshape(x.ndim - 1, -1).T
        every = np.column_stack([places, np.full(len(places), at[-1])])
        text = "The gate weighs every number of its channel: it gets each one's gradient times that number."
        return Pieces(every, x[..., at[-1]].astype(np.float64).ravel(), text)
