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
        losses, grad, weight, total = self._weighed(logits, y, sample_weight)
        if not total > 0:
            raise ValueError(f"{type(self).__name__}: the weights sum to {total}; at least one must be above 0")
        weight = weight / logits.dtype.type(total)
        return float((losses * weight).sum(dtype=np.float64)), grad * weight[:, None]

    def total_weight(self, logits: np.ndarray, y: np.ndarray, sample_weight: np.ndarray | None = None) -> float:
        """The sum of the weights that the mean is over: what a part of a batch counts for beside its other parts."""
        return self._weighed(np.asarray(logits), y, sample_weight)[-1]

    def _weighed(self, logits, y, sample_weight):
        """Every row's loss, gradient and weight, and the sum of the weights."""
        losses, grad, weight = self.each(logits, self._labels(logits, y))
        if sample_weight is not None:
            weight = weight * self._weights(sample_weight, len(logits)).astype(logits.dtype)
        return losses, grad, weight, float(weight.sum(dtype=np.float64))

    def each(self, logits: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Shape: logits (N, K), y (N,) -> each row's loss (N,), its gradient (N, K), its weight (N,)."""
        raise NotImplementedError(f"{type(self).__name__} has no each")

    def example_labels(self, rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
        """Labels that fit logits of this shape, drawn at random: for gradient checks."""
        raise NotImplementedError(f"{type(self).__name__} has no example_labels")

    def _labels(self, logits, y):
        """The labels as (N,); never broadcast, since (N,) against (N, 1) would silently make (N, N)."""
        rows = logits.shape[:1]
        return self._checked(logits, y, (rows, (*rows, 1))).reshape(-1)

    def _checked(self, logits, y, shapes):
        """The labels as they are, if logits are rows of floats, and labels are numbers in one of these shapes."""
        name = type(self).__name__
        if logits.dtype.kind != "f":
            raise ValueError(f"{name}: got logits of dtype {logits.dtype}; it needs floats")
        if logits.ndim != 2 or len(logits) == 0:
            raise ValueError(f"{name}: got logits of shape {logits.shape}; it needs (N, K) with at least one row")
        y = np.asarray(y)
        if y.shape not in shapes:
            raise ValueError(f"{name}: got labels of shape {y.shape}; it needs {' or '.join(map(str, dict.fromkeys(shapes)))}")
        if y.dtype.kind not in "biuf":
            raise ValueError(f"{name}: got labels of dtype {y.dtype}; it needs numbers")
        return y

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
        _check_shares(y, "BCEWithLogits")
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
        _check_classes(y, classes, "SoftmaxCrossEntropy")
        if self.class_weight is not None and len(self.class_weight) != classes:
            raise ValueError(f"SoftmaxCrossEntropy: class_weight has {len(self.class_weight)} entries for {classes} classes")
        y = y.astype(np.intp)
        target, log_probability = _targets(y, logits, s), _log_softmax(logits)
        losses = -(target * log_probability).sum(axis=1)
        weight = np.ones(len(y), logits.dtype) if self.class_weight is None else self.class_weight[y].astype(logits.dtype)
        return losses, np.exp(log_probability) - target, weight

    def example_labels(self, rng, shape):
        """Class numbers."""
        return rng.integers(0, shape[1], shape[0])


class FocalLoss(Loss):
    """Cross-entropy that counts rows less the better they are told already; gamma = 0 without alpha is plain cross-entropy.

        l = sum_k -alpha_k * t_k * (1 - p_k)^gamma * log p_k

    p is the sigmoid of one logit a row (K = 2 classes, p_1 = sigmoid(z), p_0 = 1 - p_1, t_1 = y in [0, 1]) or the softmax of
    several; t is smoothed as in `SoftmaxCrossEntropy` and `BCEWithLogits`. `alpha` is one number in [0, 1] for one logit, the
    factor of class 1, with 1 - alpha that of class 0; for K logits one factor a class, (K,). It scales the loss and does not
    enter the mean's weights: like `pos_weight` and torchvision's `sigmoid_focal_loss`, unlike `class_weight`.
    Source: Lin et al. 2017, equations 4 and 5 (arXiv:1708.02002).
    Shape: logits (N, 1) or (N, K), y (N,) or (N, 1).
    """

    def __init__(self, gamma: float = 2.0, alpha=None, label_smoothing: float = 0.0):
        if not (np.isfinite(gamma) and gamma >= 0):
            raise ValueError(f"FocalLoss: gamma={gamma} must be finite and at least 0")
        self.gamma, self.label_smoothing = float(gamma), _smoothing(label_smoothing, "FocalLoss")
        self.alpha = None if alpha is None else np.asarray(alpha, np.float64)
        if alpha is not None and not _is_alpha(self.alpha):
            raise ValueError(f"FocalLoss: alpha={alpha} must be a number in [0, 1], or one finite factor a class, none below 0")

    def each(self, logits, y):
        """See `Loss.each`."""
        classes = logits.shape[1]
        needed = () if classes == 1 else (classes,)
        if self.alpha is not None and self.alpha.shape != needed:
            raise ValueError(
                f"FocalLoss: alpha has shape {self.alpha.shape}; for logits of shape {logits.shape} it needs {needed},"
                f" {f'{classes} factors' if needed else 'one number'}"
            )
        if classes == 0:
            raise ValueError(f"FocalLoss: got logits of shape {logits.shape}; it needs at least one a row")
        losses, grad = self._sigmoid_form(logits[:, 0], y) if classes == 1 else self._softmax_form(logits, y)
        return losses, grad, np.ones(len(y), logits.dtype)

    def _sigmoid_form(self, z, y):
        """With q = 1 - p:  d/dz q^gamma * softplus(-z) = -q^gamma * (q + gamma * p * softplus(-z)), and class 0 mirrored."""
        _check_shares(y, "FocalLoss")
        s, g = self.label_smoothing, self.gamma
        y = y.astype(z.dtype) * (1 - s) + s / 2
        alpha = (1, 1) if self.alpha is None else (1 - float(self.alpha), float(self.alpha))
        positive, negative = y * alpha[1], (1 - y) * alpha[0]
        p, q, costs = ops.sigmoid(z), ops.sigmoid(-z), (np.logaddexp(0, z), np.logaddexp(0, -z))
        losses = positive * q**g * costs[1] + negative * p**g * costs[0]
        grad = negative * p**g * (p + g * q * costs[0]) - positive * q**g * (q + g * p * costs[1])
        return losses, grad[:, None]

    def _softmax_form(self, logits, y):
        """The term of class k has the gradient slope_k * ((j == k) - p_j) by logit j; log p / (1 - p) nears -1 as p nears 1."""
        classes, g = logits.shape[1], self.gamma
        _check_classes(y, classes, "FocalLoss")
        target, log_probability = _targets(y.astype(np.intp), logits, self.label_smoothing), _log_softmax(logits)
        if self.alpha is not None:
            target *= self.alpha.astype(logits.dtype)
        p, rest = np.exp(log_probability), -np.expm1(log_probability)  # rest is 1 - p without its rounding
        ratio = np.divide(log_probability, rest, out=np.full_like(rest, -1), where=rest > 0)  # log p / (1 - p)
        losses = -(target * rest**g * log_probability).sum(axis=1)
        slope = target * rest**g * (g * p * ratio - 1)
        return losses, slope - p * slope.sum(axis=1, keepdims=True)

    def example_labels(self, rng, shape):
        """Class numbers."""
        return rng.integers(0, max(2, shape[1]), shape[0])


class MSE(Loss):
    """Mean squared error of K outputs a row; y holds the numbers that the outputs z should be.

        l = mean_k (z_k - y_k)^2

    Source: Bishop 2006, equation 3.12, as a mean and without its 1/2, as PyTorch.
    Shape: logits (N, K), y (N, K), or (N,) where K = 1.
    """

    def each(self, logits, y):
        """See `Loss.each`; y here is (N, K)."""
        apart = logits - y.astype(logits.dtype)
        return np.square(apart).mean(axis=1), apart * logits.dtype.type(2 / logits.shape[1]), np.ones(len(y), logits.dtype)

    def _labels(self, logits, y):
        """The labels as (N, K); never broadcast."""
        shapes = (logits.shape, *([logits.shape[:1]] if logits.shape[1:] == (1,) else []))
        y = self._checked(logits, y, shapes).reshape(logits.shape)
        if y.size == 0:
            raise ValueError(f"MSE: got logits of shape {logits.shape}; it needs at least one a row")
        if not np.isfinite(y).all():
            raise ValueError("MSE: labels must be finite numbers")
        return y

    def example_labels(self, rng, shape):
        """Any numbers."""
        return rng.standard_normal(shape)


def _smoothing(value: float, name: str) -> float:
    if not 0 <= value < 1:
        raise ValueError(f"{name}: label_smoothing={value} must be at least 0 and below 1")
    return float(value)


def _is_alpha(alpha: np.ndarray) -> bool:
    if not (np.isfinite(alpha) & (alpha >= 0)).all():
        return False
    return bool(alpha <= 1) if alpha.ndim == 0 else alpha.ndim == 1 and bool(alpha.any())


def _check_shares(y: np.ndarray, name: str) -> None:
    if not ((y >= 0) & (y <= 1)).all():
        raise ValueError(f"{name}: labels must lie in [0, 1], got {y.min()} to {y.max()}")


def _check_classes(y: np.ndarray, classes: int, name: str) -> None:
    if not ((y == np.floor(y)) & (y >= 0) & (y < classes)).all():
        raise ValueError(f"{name}: labels must be whole numbers from 0 to {classes - 1}")


def _targets(y: np.ndarray, logits: np.ndarray, smoothing: float) -> np.ndarray:
    """One-hot rows, smoothed. Shape: as logits (N, K)."""
    target = np.full(logits.shape, smoothing / logits.shape[1], logits.dtype)
    target[np.arange(len(y)), y] += 1 - smoothing
    return target


def _log_softmax(logits: np.ndarray) -> np.ndarray:
    shifted = logits - logits.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
