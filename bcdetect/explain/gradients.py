"""Maps from the gradient of a class's score by the input itself."""

from __future__ import annotations

import numpy as np

from bcdetect.explain.method import Method, Raw
from bcdetect.explain.network import Network

STEPS = 50  # of the way from nothing to the row; the source takes 20 to 300
SAMPLES, NOISE = 25, 0.15  # of SmoothGrad: noisy copies, and the noise as a share of the row's range; the source's values


class Saliency(Method):
    """|dS / dx|, the largest over the channels: where a small change would change the score most, whichever way.

    Source: Simonyan et al. 2014, section 3 (arXiv:1312.6034).
    """

    title, signed = "saliency", False

    def raw(self, network: Network, x: np.ndarray, classes: np.ndarray, layer: str) -> Raw:
        """See `Method.raw`."""
        return Raw(np.abs(network.input_gradients(x, classes)).max(axis=-1))


class SmoothGrad(Method):
    """|the mean of dS / dx over noisy copies of x|, the largest over the channels.

    Source: Smilkov et al. 2017 (arXiv:1706.03825). The noise is drawn anew from the same seed for every row.
    """

    title, signed = "SmoothGrad", False

    def raw(self, network: Network, x: np.ndarray, classes: np.ndarray, layer: str) -> Raw:
        """See `Method.raw`."""
        space = tuple(range(1, x.ndim))
        spread = NOISE * (x.max(axis=space, keepdims=True) - x.min(axis=space, keepdims=True))
        rng, total = np.random.default_rng(0), np.zeros_like(x)
        for _ in range(SAMPLES):
            noise = rng.standard_normal(x.shape[1:], np.float32)
            total += network.input_gradients(x + spread * noise, classes)
        return Raw(np.abs(total / SAMPLES).max(axis=-1))


class IntegratedGradients(Method):
    """(x - x') * the mean of dS / dx on the straight way from x' to x; x' is the training part's mean, 0 for the network.

    The sum over all places and channels is S(x) - S(x'): how far it misses that is the completeness error (`Raw.gap`).
    Source: Sundararajan et al. 2017, equations 1 and 3 (arXiv:1703.01365); the midpoint rule.
    """

    title = "integrated gradients"

    def raw(self, network: Network, x: np.ndarray, classes: np.ndarray, layer: str) -> Raw:
        """See `Method.raw`."""
        total = np.zeros(x.shape, np.float64)
        for step in range(STEPS):
            total += network.input_gradients(x * np.float32((step + 0.5) / STEPS), classes)
        each = x * total / STEPS
        space = tuple(range(1, x.ndim - 1))
        promised = network.scores(x, classes).astype(np.float64) - network.scores(np.zeros_like(x), classes)
        channels = each.sum(axis=space)
        return Raw(each.sum(axis=-1).astype(np.float32), channels, promised)
