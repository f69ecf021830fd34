"""Convolutions: window times kernel, product by product."""

from __future__ import annotations

import numpy as np

from bcdetect.inside.rules.rule import Pieces, Rule, biased_sum, by, counted, strongest
from bcdetect.inside.rules.windows import covering, inside, marked, taps, values_under, with_channels

CHANNELS, PRODUCTS = 8, 4096  # of a window that are shown: channels in full, and numbers in all
TERMS = 64  # of a transposed convolution


class Convolution(Rule):
    """Conv1D, Conv2D, Conv3D: `form` "convolution"."""

    text = (
        "A small kernel of learned weights slides over the input. At every place the numbers under it are multiplied by the "
        "weights, and the products are added up: the result is large where the input looks like the kernel. Each filter is "
        "such a kernel and gives one channel."
    )
    equation = (
        "y[place, k] = bias[k] + sum over taps and channels c of "
        "x[place * stride - padding + tap * dilation, c] * weight[tap, c, k]"
    )

    def arguments(self, step):
        """Such as `16 filters, 5 x 1, same padding, no bias`."""
        layer = step.layer
        told = [counted(layer.filters, "filter"), by(layer.kernel_size), padded(layer.padding)]
        told += [f"stride {by(layer.stride)}"] * (max(layer.stride) > 1)
        told += [f"dilation {by(layer.dilation)}"] * (max(layer.dilation) > 1)
        told += [f"{layer.groups} groups of channels that do not see each other"] * (layer.groups > 1)
        return ", ".join(told + ["no bias"] * (not layer.bias))

    def number(self, step, inputs, at):
        """The window, the kernel and their products, of the channels that say most; of the others the sums.

        Shape of each: the kernel's. `first` is the window's first place in the input, which padding may put before it.
        """
        layer, (*place, k), places = step.layer, at, taps(step.layer.window, at[:-1])
        channels = _seen_by(layer, k)
        values, within = values_under(inputs[0][..., channels], places)
        kernel = layer.params["weight"][..., k].astype(np.float64)
        products = values * kernel + 0.0  # which makes a -0 of the padding a 0
        sums = products.reshape(-1, products.shape[-1]).sum(axis=0)
        bias = float(layer.params["bias"][k]) if layer.bias else 0.0
        shown = np.sort(strongest(sums, max(1, min(CHANNELS, PRODUCTS // within.size))))
        others = np.delete(np.arange(len(sums)), shown)
        return {
            "form": "convolution",
            "text": _told(len(sums), within, layer.bias),
            "first": places[(0,) * len(place)],
            "dilation": layer.dilation,
            "outside": int((~within).sum()),
            "channels": [
                {
                    "channel": channels.start + int(c),
                    "input": marked(values[..., c], within),
                    "kernel": kernel[..., c],
                    "products": products[..., c],
                    "sum": sums[c],
                }
                for c in shown
            ],
            "others": [{"channel": channels.start + int(c), "sum": sums[c]} for c in others],
            "sum": sums.sum(),
            "bias": bias if layer.bias else None,
            "result": sums.sum() + bias,
            "magnitude": np.abs(products).sum() + abs(bias),
        }

    def pieces(self, step, slot, inputs, at):
        """weight[tap, c, k] for every window that covers the place, and every filter that sees the channel."""
        layer, (*place, c) = step.layer, at
        outputs, on = covering(layer.window, place, layer.output_shape[:-1])
        each, filters = layer.input_shape[-1] // layer.groups, layer.filters // layer.groups
        group, c = divmod(c, each)
        ks = np.arange(group * filters, (group + 1) * filters)
        factor = layer.params["weight"][tuple(on.T)][:, c][:, ks]
        text = (
            f"The number lies under {counted(len(outputs), 'window')}, and {counted(filters, 'filter')} can see its channel: "
            "each output hands back its gradient times the weight that the number was multiplied by."
        )
        return Pieces(with_channels(outputs, ks), factor.astype(np.float64).ravel(), text)


class Transposed(Rule):
    """ConvTranspose2D: `form` "sum"."""

    text = (
        "A convolution the other way round: every input number lays its own multiple of the kernel on the output, a stride "
        "apart, and what overlaps is added up. The picture grows."
    )
    equation = "y[place * stride - cut + tap, k] gets x[place, c] * weight[tap, c, k] of every place, tap and c; plus bias[k]"

    def arguments(self, step):
        """Such as `8 filters, 4 x 4, same padding, stride 2 x 2`."""
        layer = step.layer
        told = [counted(layer.filters, "filter"), by(layer.kernel_size), padded(layer.padding), f"stride {by(layer.stride)}"]
        return ", ".join(told + ["no bias"] * (not layer.bias))

    def number(self, step, inputs, at):
        """The products of all input numbers whose kernels reach the place."""
        layer, x, (*place, k) = step.layer, inputs[0], at
        sources, on = covering(layer.window, place, x.shape[:-1])
        values = x[tuple(sources.T)].astype(np.float64).ravel()
        weights = layer.params["weight"][tuple(on.T)][..., k].astype(np.float64).ravel()
        text = f"The kernels of {counted(len(sources), 'input place')} overlap here: the products are added up."
        every, columns = with_channels(sources, np.arange(x.shape[-1])), {"value": values, "weight": weights}
        return biased_sum(layer, k, text, every, columns, values * weights, TERMS)

    def pieces(self, step, slot, inputs, at):
        """weight[tap, c, k] for every tap that the number lays on the output."""
        layer, (*place, c) = step.layer, at
        places = taps(layer.window, place)
        within = inside(places, layer.output_shape[:-1])
        factor = layer.params["weight"][within][:, c].astype(np.float64).ravel()
        text = f"The number laid its kernel on {counted(int(within.sum()), 'output place')}, of every filter."
        return Pieces(with_channels(places[within], np.arange(layer.filters)), factor, text)


def padded(padding) -> str:
    """A layer's padding in words."""
    if padding == "same":
        return "same padding"
    if padding == "valid" or not np.any(padding):
        return "no padding"
    return f"padding {by(np.atleast_1d(padding))}"


def _seen_by(layer, k: int) -> slice:
    """The input channels that filter k sees."""
    each = layer.input_shape[-1] // layer.groups
    group = k // (layer.filters // layer.groups)
    return slice(group * each, (group + 1) * each)


def _told(channels: int, within: np.ndarray, bias: bool) -> str:
    outside, products = int((~within).sum()), within.size * channels
    text = f"{counted(within.size, 'window place')} x {counted(channels, 'channel')}: the sum of {counted(products, 'product')}"
    text += ", plus the bias" * bias + "."
    return text + f" Padding counts as 0: {counted(outside, 'place')} of the window." * (outside > 0)
