"""Losses: from logits and labels to one number and its gradient by the logits.

    loss(logits, y, sample_weight=None) -> value, grad

The value is a mean over the batch, weighted where there are weights: sum(w * l) / sum(w). `grad` has the logits' shape.
"""

from __future__ import annotations

import numpy as np

from tinycnn import ops


class Loss:
    """The contract of a loss; `each(logits, y)` gives every row's loss, its gradient and its weight."""

    def __call__(self, logits: np.ndarray, y: np.ndarray, sample_weight: np.ndarray | None = None):
        """The weighted mean loss, a float, and its gradient, as logits. Raises ValueError for labels that do not fit."""
        logits = np.asarray(logits)
        losses, grad, weight = self.each(logits, self._labels(logits, y))
        if sample_weight is not None:
            weight = weight * self._weights(sample_weight, len(logits)).astype(logits.dtype)
        total = weight.sum(dtype=np.float64)
        if not total > 0:
            raise ValueError(f"{type(self).__name__}: the weights sum to {total}; at least one must be above 0")
        weight = weight / logits.dtype.type(total)
        return float((losses * weight).sum(dtype=np.float64)), grad * weight[:, None]

    def each(self, logits: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Shape: logits (N, K), y (N,) -> each row's loss (N,), its gradient (N, K), its weight (N,)."""
        raise NotImplementedError(f"{type(self).__name__} has no each")

    def example_labels(self, rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
        """Labels that fit logits of this shape, drawn at random: for gradient checks."""
        raise NotImplementedError(f"{type(self).__name__} has no example_labels")

    def _labels(self, logits, y):
        """The labels as (N,); never broadcast, since (N,) against (N, 1) would silently make (N, N)."""
        name = type(self).__name__
        if logits.dtype.kind != "f":
            raise ValueError(f"{name}: got logits of dtype {logits.dtype}; it needs floats")
        if logits.ndim != 2 or len(logits) == 0:
            raise ValueError(f"{name}: got logits of shape {logits.shape}; it needs (N, K) with at least one row")
        y = np.asarray(y)
        if y.shape not in ((len(logits),), (len(logits), 1)):
            raise ValueError(f"{name}: got labels of shape {y.shape}; it needs ({len(logits)},) or ({len(logits)}, 1)")
        if y.dtype.kind not in "biuf":
            raise ValueError(f"{name}: got labels of dtype {y.dtype}; it needs numbers")
        return y.reshape(-1)

    def _weights(self, weights, count):
        weights = np.asarray(weights, np.float64)
        if weights.shape != (count,) or not (np.isfinite(weights) & (weights >= 0)).all():
            raise ValueError(
                f"{type(self).__name__}: sample_weight has shape {weights.shape}; it needs ({count},), finite, none below 0"
            )
        return weights


class BCEWithLogits(Loss):
    """Binary cross-entropy of one logit z a row; y in [0, 1] is the probability of class 1.

        l = pos_weight * y * softplus(-z) + (1 - y) * softplus(z),   softplus(z) = log(1 + exp(z))

    `pos_weight` scales the positive rows' losses without entering the mean's weights (PyTorch's convention). `label_smoothing`
    s moves y to y * (1 - s) + s / 2 (Szegedy et al. 2016, section 7, arXiv:1512.00567).
    Source: Bishop 2006, equation 4.90, written with softplus so that no large logit overflows.
    Shape: logits (N, 1), y (N,) or (N, 1).
    """

    def __init__(self, pos_weight: float = 1.0, label_smoothing: float = 0.0):
        if not (np.isfinite(pos_weight) and pos_weight > 0):
            raise ValueError(f"BCEWithLogits: pos_weight={pos_weight} must be finite and above 0")
        self.pos_weight, self.label_smoothing = float(pos_weight), _smoothing(label_smoothing, "BCEWithLogits")

    def each(self, logits, y):
        """See `Loss.each`."""
        if logits.shape[1] != 1:
            raise ValueError(f"BCEWithLogits: got logits of shape {logits.shape}; it needs one logit a row, (N, 1)")
        if not ((y >= 0) & (y <= 1)).all():
            raise ValueError(f"BCEWithLogits: labels must lie in [0, 1], got {y.min()} to {y.max()}")
        z, s = logits[:, 0], self.label_smoothing
        y = y.astype(logits.dtype) * (1 - s) + s / 2
        positive = y * self.pos_weight
        losses = positive * np.logaddexp(0, -z) + (1 - y) * np.logaddexp(0, z)
        probability = ops.sigmoid(z)
        grad = (1 - y) * probability - positive * (1 - probability)
        return losses, grad[:, None], np.ones_like(z)

    def example_labels(self, rng, shape):
        """Zeros and ones."""
        return rng.integers(0, 2, shape[0])


class SoftmaxCrossEntropy(Loss):
    """Cross-entropy of K logits a row; y holds class numbers 0 ... K - 1.

        l = sum_k -t_k * log softmax(z)_k,   t = one-hot(y) * (1 - s) + s / K,   s = label_smoothing

    Source: Bishop 2006, equation 4.108; label smoothing as in `BCEWithLogits`.
    `class_weight` (K,) weighs each row by its own class, smoothed label or not, in the mean too: sum(w * l) / sum(w).
    Shape: logits (N, K), y (N,) or (N, 1).
    """

    def __init__(self, class_weight=None, label_smoothing: float = 0.0):
        self.class_weight = None if class_weight is None else np.asarray(class_weight, np.float64)
        if self.class_weight is not None and not (
            self.class_weight.ndim == 1 and (np.isfinite(self.class_weight) & (self.class_weight >= 0)).all()
        ):
            raise ValueError(f"SoftmaxCrossEntropy: class_weight={class_weight} must be one finite weight a class, none below 0")
        self.label_smoothing = _smoothing(label_smoothing, "SoftmaxCrossEntropy")

    def each(self, logits, y):
        """See `Loss.each`."""
        classes, s = logits.shape[1], self.label_smoothing
        if classes < 2:
            raise ValueError(f"SoftmaxCrossEntropy: got logits of shape {logits.shape}; it needs at least two a row")
        if not ((y == np.floor(y)) & (y >= 0) & (y < classes)).all():
            raise ValueError(f"SoftmaxCrossEntropy: labels must be whole numbers from 0 to {classes - 1}")
        if self.class_weight is not None and len(self.class_weight) != classes:
            raise ValueError(f"SoftmaxCrossEntropy: class_weight has {len(self.class_weight)} entries for {classes} classes")
        y = y.astype(np.intp)
        target = np.full(logits.shape, s / classes, logits.dtype)
        target[np.arange(len(y)), y] += 1 - s
        shifted = logits - logits.max(axis=1, keepdims=True)
        log_probability = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
        losses = -(target * log_probability).sum(axis=1)
        weight = np.ones(len(y), logits.dtype) if self.class_weight is None else self.class_weight[y].astype(logits.dtype)
        return losses, np.exp(log_probability) - target, weight

    def example_labels(self, rng, shape):
        """Class numbers."""
        return rng.integers(0, shape[1], shape[0])


def _smoothing(value: float, name: str) -> float:
    if not 0 <= value < 1:
        raise ValueError(f"{name}: label_smoothing={value} must be at least 0 and below 1")
    return float(value)
