"""Class activation maps: the channels of one layer, weighed by what they do for a class's score.

A is a layer's output (N, ..., K), G the gradient of the score by it, same shape; each map is (N, ...): the evidence for the class
at each place, before the ReLU that leaves out what speaks against it. A new one overrides `evidence` and cites its equation.
"""

from __future__ import annotations

import numpy as np

from bcdetect.explain.method import Method, Raw
from bcdetect.explain.network import Network
from bcdetect.explain.resize import resize

AT_ONCE = 256  # masked pictures


class Cam(Method):
    """What all of them share: a layer's outputs and gradients."""

    needs_layer = True

    def raw(self, network: Network, x: np.ndarray, classes: np.ndarray, layer: str) -> Raw:
        """See `Method.raw`."""
        return Raw(self.evidence(*network.outputs_and_gradients(x, classes, layer)))

    def evidence(self, a: np.ndarray, g: np.ndarray) -> np.ndarray:
        """(N, ..., K) twice -> (N, ...)."""
        raise NotImplementedError


class GradCam(Cam):
    """L = ReLU(sum_k w_k A_k), w_k = the mean of G_k over all places.

    Source: Selvaraju et al. 2017, equations 1 and 2 (arXiv:1610.02391).
    """

    title = "Grad-CAM"

    def evidence(self, a, g):
        """See the class."""
        return _weighed(g.mean(axis=places(g)), a)


class GradCamPlusPlus(Cam):
    """As Grad-CAM, w_k = sum over places of alpha * ReLU(G_k), alpha = G^2 / (2 G^2 + (sum of A_k over places) * G^3).

    For the score exp(logit), whose higher derivatives are powers of the gradient. Where G is 0 alpha is 0, and where the
    denominator is not above 0, as only a layer with negative outputs makes it. The weights are never negative, so that nothing
    speaks against a class but such outputs.
    Source: Chattopadhay et al. 2018, equations 10, 15 and 19 (arXiv:1710.11063).
    """

    title = "Grad-CAM++"

    def evidence(self, a, g):
        """See the class."""
        space, g = places(g), g.astype(np.float64)
        square = g * g
        below = 2 * square + a.sum(axis=space, keepdims=True, dtype=np.float64) * square * g
        alpha = np.divide(square, below, out=np.zeros_like(g), where=(below > 0) & (g != 0))
        return _weighed((alpha * np.maximum(g, 0)).sum(axis=space), a)


class HiResCam(Cam):
    """L = ReLU(sum_k G_k * A_k), place by place: what each place really gave to the score, if the layers behind are linear.

    Source: Draelos & Carin 2020, equation 4 (arXiv:2011.08891).
    """

    title = "HiRes-CAM"

    def evidence(self, a, g):
        """See the class."""
        return (a * g).sum(axis=-1)


class LayerCam(Cam):
    """L = ReLU(sum_k ReLU(G_k) * A_k), place by place. Source: Jiang et al. 2021, equations 5 to 7 (IEEE TIP 30, 5875-5888)."""

    title = "Layer-CAM"

    def evidence(self, a, g):
        """See the class."""
        return (a * np.maximum(g, 0)).sum(axis=-1)


class EigenCam(Cam):
    """L = A v, v the first right singular vector of A (places x channels): what is strongest there, whatever the class.

    A singular vector has no sign; it gets the one that makes the map's sum positive.
    Source: Muhammad & Yeasin 2020, equations 3 and 4 (arXiv:2008.00299).
    """

    title = "Eigen-CAM"
    knows_class = False

    def raw(self, network, x, classes, layer):
        """No gradient is needed."""
        a = network.outputs(x, layer)
        return Raw(self.evidence(a, a))

    def evidence(self, a, g):
        """See the class."""
        flat = a.reshape(len(a), -1, a.shape[-1])
        _, _, v = np.linalg.svd(flat, full_matrices=False)
        found = np.einsum("npk,nk->np", flat, v[:, 0])
        found *= np.where(found.sum(axis=1, keepdims=True) < 0, -1, 1)
        return found.reshape(a.shape[:-1])


class ScoreCam(Cam):
    """As Grad-CAM, w = softmax over the channels of f(x * M_k) - f(0): the score of the picture seen through each channel alone.

    M_k is the channel's output, brought to the picture's size and to 0 ... 1; 0 is the training part's mean. Channels that are
    the same everywhere weigh nothing. Source: Wang et al. 2020, equation 6 and algorithm 1 (arXiv:1910.01279).
    """

    title = "Score-CAM"

    def raw(self, network, x, classes, layer):
        """No gradient is needed."""
        a = network.outputs(x, layer)
        empty = network.scores(np.zeros_like(x), classes)
        found = [_seen_through(network, *row) for row in zip(x, a, classes, strict=True)]
        return Raw(_weighed(np.stack([_softmax(scores - e) for scores, e in zip(found, empty, strict=True)]), a))


def _seen_through(network: Network, x: np.ndarray, a: np.ndarray, number: int) -> np.ndarray:
    """The score (K,) of one row x (..., C) masked by each of K channels a (..., K); -inf for those that mask nothing."""
    masks = np.moveaxis(resize(a[None], x.shape[:-1])[0], -1, 0)
    space = places(masks[..., None])
    low, high = masks.min(axis=space, keepdims=True), masks.max(axis=space, keepdims=True)
    varies = (high > low).ravel()
    masks = (masks - low) / np.where(high > low, high - low, 1)
    scores = np.full(len(masks), -np.inf, np.float64)
    for start in range(0, len(masks), AT_ONCE):
        some = masks[start : start + AT_ONCE, ..., None] * x
        scores[start : start + len(some)] = network.scores(some.astype(np.float32), np.full(len(some), number))
    scores[~varies] = -np.inf
    return scores


def _softmax(scores: np.ndarray) -> np.ndarray:
    if not np.isfinite(scores).any():
        return np.zeros_like(scores)
    powers = np.exp(scores - scores.max())
    return powers / powers.sum()


def _weighed(weights: np.ndarray, a: np.ndarray) -> np.ndarray:
    """sum_k w_k A_k. Shape: (N, K), (N, ..., K) -> (N, ...)."""
    return np.einsum("n...k,nk->n...", a, weights.astype(a.dtype))


def places(a: np.ndarray) -> tuple[int, ...]:
    """The axes of a (N, ..., K) that are places."""
    return tuple(range(1, a.ndim - 1))
