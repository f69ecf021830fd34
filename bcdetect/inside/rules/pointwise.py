"""Activations: each number by itself; and Softmax, whose numbers share a whole."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bcdetect.inside.rules.rule import Pieces, Rule
from tinycnn.ops import numpy as reference


class Activation(Rule):
    """A function of one number: `form` "function". `value(layer, x)` and `slope(layer, x, y)` work on arrays."""

    def __init__(self, text: str, equation: str, value: Callable, slope: Callable):
        self.text, self.equation = f"{text} {BENT}", equation
        self.value, self.slope = value, slope

    def arguments(self, step):
        """The slope, where it has one."""
        return f"slope {step.layer.slope:g}" if "slope" in step.layer.arguments else ""

    def number(self, step, inputs, at):
        """The value before and after."""
        x = np.array([inputs[0][at]], np.float64)
        y = self.value(step.layer, x)
        how = "It stays as it is." if y == x else "It is cut off." if y == 0 else "It is bent."
        return {
            "form": "function",
            "text": f"Each number goes through by itself. {how}",
            "before": x[0],
            "result": y[0],
            "magnitude": max(abs(x[0]), abs(y[0])),
        }

    def pieces(self, step, slot, inputs, at):
        """The function's slope at the number."""
        x = np.array([inputs[0][at]], np.float64)
        slope = self.slope(step.layer, x, self.value(step.layer, x))
        how = {0.0: "It is stopped: the function is flat here.", 1.0: "It is passed on as it is."}
        text = how.get(float(slope[0]), "The gradient times the slope of the function at the number.")
        return Pieces(np.array([at]), slope, text, np.maximum(np.abs(slope), 1))  # a small slope is 1 minus nearly as much


class Shares(Rule):
    """Softmax: `form` "shares"."""

    text = (
        "Scores become shares: all are above 0 and add up to 1, and a score that is larger by 1 has a share 2.7 times as large."
    )
    equation = "y[k] = exp(x[k]) / sum over j of exp(x[j])"

    def number(self, step, inputs, at):
        """Every channel's power at the place, and their sum; powers are of what is left after the largest is taken off."""
        scores = inputs[0][at[:-1]].astype(np.float64)
        powers = np.exp(scores - scores.max())
        y = powers[at[-1]] / powers.sum()
        return {
            "form": "shares",
            "text": "The power of the score over the sum of all; the largest is first taken off all, which changes nothing.",
            "scores": scores[:MOST],
            "powers": powers[:MOST],
            "sum": powers.sum(),
            "result": y,
            "magnitude": y,
        }

    def pieces(self, step, slot, inputs, at):
        """y[k] * (1 for itself - y): a share that grows takes from all others."""
        *place, c = at
        y = reference.softmax(inputs[0][tuple(place)].astype(np.float64))
        every = np.column_stack([np.tile(place, (len(y), 1)), np.arange(len(y))]).astype(int)
        return Pieces(every, y * ((np.arange(len(y)) == c) - y[c]), "A share that grows takes from all the others.")


BENT = "Without a bend between them, layers in a row could do no more than one."
MOST = 256  # scores that are shown
ONE = np.ones(1)

ACTIVATIONS = {
    "ReLU": Activation(
        "Keeps what is above 0 and cuts off what is below; the gradient passes where it kept, and is stopped where it cut.",
        "y = max(x, 0)",
        lambda layer, x: reference.relu(x),
        lambda layer, x, y: reference.relu_backward(ONE, y),
    ),
    "LeakyReLU": Activation(
        "Keeps what is above 0, and a small share of what is below, so that some gradient always passes.",
        "y = x where x > 0, else slope * x",
        lambda layer, x: reference.leaky_relu(x, layer.slope),
        lambda layer, x, y: reference.leaky_relu_backward(ONE, y, layer.slope),
    ),
    "ELU": Activation(
        "Keeps what is above 0 and bends what is below smoothly towards -1.",
        "y = x where x > 0, else exp(x) - 1",
        lambda layer, x: reference.elu(x),
        lambda layer, x, y: reference.elu_backward(ONE, y),
    ),
    "GELU": Activation(
        "A smooth ReLU: weighs each number by the chance that a normal random number is smaller.",
        "y = x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x^3)))",
        lambda layer, x: reference.gelu(x),
        lambda layer, x, y: reference.gelu_backward(ONE, x),
    ),
    "SiLU": Activation(
        "A smooth ReLU: weighs each number by its own sigmoid.",
        "y = x / (1 + exp(-x))",
        lambda layer, x: reference.silu(x),
        lambda layer, x, y: reference.silu_backward(ONE, x),
    ),
    "Tanh": Activation(
        "Presses every number into -1 to 1.",
        "y = (exp(x) - exp(-x)) / (exp(x) + exp(-x))",
        lambda layer, x: reference.tanh(x),
        lambda layer, x, y: reference.tanh_backward(ONE, y),
    ),
    "Sigmoid": Activation(
        "Presses every number into 0 to 1; as the last step it turns a logit into a probability.",
        "y = 1 / (1 + exp(-x))",
        lambda layer, x: reference.sigmoid(x),
        lambda layer, x, y: reference.sigmoid_backward(ONE, y),
    ),
    "Softplus": Activation(
        "A ReLU without its corner.",
        "y = log(1 + exp(x))",
        lambda layer, x: reference.softplus(x),
        lambda layer, x, y: reference.softplus_backward(ONE, y),
    ),
}
