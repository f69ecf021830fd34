"""The fully connected layer: every input times its weight."""

from __future__ import annotations

import numpy as np

from bcdetect.inside.rules.rule import Pieces, Rule, biased_sum, counted

TERMS = 20  # inputs that are shown, those that weigh most


class FullyConnected(Rule):
    """Dense: `form` "sum"."""

    text = (
        "Every output looks at every input: each input times a weight of its own, all added up. What speaks for an output has "
        "a positive product, what speaks against it a negative one."
    )
    equation = "y[k] = bias[k] + sum over i of x[i] * weight[i, k]"

    def arguments(self, step):
        """Such as `16 units`."""
        return counted(step.layer.units, "unit") + ", no bias" * (not step.layer.bias)

    def number(self, step, inputs, at):
        """The products that weigh most, the sum of the others, the bias."""
        layer, (k,) = step.layer, at
        x, weight = inputs[0].astype(np.float64), layer.params["weight"][:, k].astype(np.float64)
        text = f"The sum of {counted(len(x), 'product')} of an input and its weight{', plus the bias' * layer.bias}."
        return biased_sum(layer, k, text, np.arange(len(x))[:, None], {"value": x, "weight": weight}, x * weight, TERMS)

    def pieces(self, step, slot, inputs, at):
        """The input's weight in every unit."""
        units = np.arange(step.layer.units)[:, None]
        text = f"The number goes to {counted(len(units), 'unit')}: each hands back its gradient times the weight between them."
        return Pieces(units, step.layer.params["weight"][at[-1]].astype(np.float64), text)
