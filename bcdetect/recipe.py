"""What the settings say of learning: the loss, the weights of the classes, the optimizer and its rates."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

import tinycnn as tc
from bcdetect.config import Config

OPTIMIZERS = {  # by the names that the settings give them: the kind, and what the settings do not say of it
    "adamw": (tc.AdamW, {}),
    "adam": (tc.Adam, {}),
    "sgd": (tc.SGD, {"momentum": 0.9}),
    "nesterov": (tc.SGD, {"momentum": 0.9, "nesterov": True}),
    "rmsprop": (tc.RMSprop, {}),
    "adagrad": (tc.Adagrad, {}),
    "adadelta": (tc.Adadelta, {}),
}


def make_loss(config: Config, outputs: int, y: np.ndarray | None = None) -> Callable:
    """The training loss for so many logits; with `balance` "weights", weighted against the imbalance of the labels y."""
    classes = max(2, outputs)
    weights = class_weights(y, classes) if y is not None and config.balance == "weights" else None
    if config.loss == "focal":
        alpha = weights
        if outputs == 1 and weights is not None:
            alpha = float(weights[1] / weights.sum())
        return tc.FocalLoss(config.focal_gamma, alpha, config.label_smoothing)
    if outputs == 1:
        return tc.BCEWithLogits(1.0 if weights is None else weights[1] / weights[0], config.label_smoothing)
    return tc.SoftmaxCrossEntropy(weights, config.label_smoothing)


def judging_loss(outputs: int) -> tc.Loss:
    """Cross-entropy, unweighted and unsmoothed: what the validation part is judged by, whatever is trained with."""
    return tc.BCEWithLogits() if outputs == 1 else tc.SoftmaxCrossEntropy()


def class_weights(y: np.ndarray, classes: int) -> np.ndarray:
    """N / (K * N_k): each class weighs the same in total. Shape: (K,)."""
    return len(y) / (classes * np.bincount(y, minlength=classes))


def make_optimizer(model: tc.Sequential, config: Config, steps: int) -> tc.Optimizer:
    """The optimizer of the settings, with its schedule; `steps` is the number of steps an epoch."""
    lr, total = config.lr, config.epochs * steps
    if config.schedule == "cosine":
        lr = tc.CosineWarmup(config.lr, total, min(config.warmup, config.epochs - 1) * steps)
    elif config.schedule == "onecycle":
        lr = tc.OneCycle(config.lr, total)
    elif config.schedule == "step":
        lr = tc.StepDecay(config.lr, every=max(1, total // 3), factor=0.1)
    shared = {"lr": lr, "weight_decay": config.weight_decay, "clip_norm": config.clip_norm}
    kind, own = OPTIMIZERS[config.optimizer]
    return kind(model.parameters(), **own, **shared)


class Mixup:
    """A batch mixed with itself in another order, and the loss of such a batch.

        x' = share * x + (1 - share) * x[order],   l = share * l(y) + (1 - share) * l(y[order])

    One share a batch, drawn from Beta(strength, strength). Source: Zhang et al. 2018 (arXiv:1710.09412).
    """

    def __init__(self, strength: float, rows: int, rng: np.random.Generator):
        self.share, self.order = rng.beta(strength, strength), rng.permutation(rows)

    def inputs(self, x: np.ndarray) -> np.ndarray:
        """x'. Shape: as x."""
        return np.float32(self.share) * x + np.float32(1 - self.share) * x[self.order]

    def loss(self, loss: Callable) -> Callable:
        """The same loss for mixed rows."""

        def mixed(logits, y, sample_weight=None):
            value, grad = loss(logits, y, sample_weight)
            other, other_grad = loss(logits, y[self.order], sample_weight)
            share = logits.dtype.type(self.share)
            return self.share * value + (1 - self.share) * other, share * grad + (1 - share) * other_grad

        return mixed


def described(config: Config, y: np.ndarray, class_names: Sequence[str]) -> list[str]:
    """Lines on how the training part's imbalance is met, with the numbers."""
    counts = np.bincount(y, minlength=len(class_names))
    shares = ", ".join(f"{name} {n} ({100 * n / len(y):.1f} %)" for name, n in zip(class_names, counts, strict=True))
    lines = [f"training rows: {shares}"]
    if config.balance == "weights":
        weights = class_weights(y, len(class_names))
        lines.append("class weights: " + ", ".join(f"{n} {w:.3f}" for n, w in zip(class_names, weights, strict=True)))
    elif config.balance == "oversample":
        lines.append(f"balanced sampler: every epoch draws {counts.max()} rows of each class")
    if config.loss == "focal":
        lines.append(f"focal loss: gamma {config.focal_gamma:g}")
    return lines
