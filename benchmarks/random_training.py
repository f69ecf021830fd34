"""Random losses and optimizers, and what PyTorch makes of each: for `random_configurations.py`.

A new loss needs an entry in LOSSES, a new optimizer one in OPTIMIZERS: how its arguments are drawn, and what to ask of PyTorch.
"""

import numpy as np
import torch
from torch.nn import functional as f


def share(rng, low=0.0, high=1.0):
    """A number between two, each as likely as another."""
    return float(rng.uniform(low, high))


# Losses: draw(rng) -> arguments and the number of logits a row; theirs(z, y, **arguments) -> every row's loss and weight


def draw_bce(rng):
    """Arguments of the loss on one logit a row."""
    return {"pos_weight": share(rng, 0.2, 5), "label_smoothing": share(rng, 0, 0.5)}, 1


def theirs_bce(z, y, pos_weight, label_smoothing):
    """Smoothing is done by hand: PyTorch has none for this loss."""
    y = y * (1 - label_smoothing) + label_smoothing / 2
    losses = f.binary_cross_entropy_with_logits(z[:, 0], y, pos_weight=torch.tensor(pos_weight), reduction="none")
    return losses, torch.ones_like(losses)


def draw_softmax(rng):
    """Arguments of the loss, with class weights or without, and two to five classes."""
    classes = int(rng.integers(2, 6))
    weight = [share(rng, 0.1, 3) for _ in range(classes)] if rng.random() < 0.5 else None
    return {"class_weight": weight, "label_smoothing": share(rng, 0, 0.5)}, classes


def theirs_softmax(z, y, class_weight, label_smoothing):
    """Weights of classes as weights of rows: PyTorch's own would weigh smoothed targets by each class."""
    losses = f.cross_entropy(z, y, label_smoothing=label_smoothing, reduction="none")
    return losses, torch.ones_like(losses) if class_weight is None else torch.tensor(class_weight)[y]


def draw_focal(rng):
    """Arguments of the loss, and one logit a row or up to four."""
    classes = int(rng.integers(1, 5))
    alpha = share(rng) if classes == 1 else [share(rng, 0.1, 3) for _ in range(classes)]
    return {
        "gamma": share(rng, 0, 4),
        "alpha": alpha if rng.random() < 0.6 else None,
        "label_smoothing": share(rng, 0, 0.5),
    }, classes


def theirs_focal(z, y, gamma, alpha, label_smoothing):
    """Written out: PyTorch has no such loss."""
    logs = torch.stack([f.logsigmoid(-z[:, 0]), f.logsigmoid(z[:, 0])], 1) if z.shape[1] == 1 else f.log_softmax(z, dim=1)
    classes = logs.shape[1]
    target = f.one_hot(y.long(), classes) * (1 - label_smoothing) + label_smoothing / classes
    factor = torch.ones(classes)
    if alpha is not None:
        factor = torch.tensor([1 - alpha, alpha] if z.shape[1] == 1 else alpha)
    losses = -(factor * target * (1 - logs.exp()) ** gamma * logs).sum(dim=1)
    return losses, torch.ones_like(losses)


def draw_mse(rng):
    """No arguments; one to four numbers a row."""
    return {}, int(rng.integers(1, 5))


def theirs_mse(z, y):
    """A row's loss is the mean over its numbers."""
    losses = f.mse_loss(z, y, reduction="none").mean(dim=1)
    return losses, torch.ones_like(losses)


LOSSES = {
    "BCEWithLogits": (draw_bce, theirs_bce),
    "SoftmaxCrossEntropy": (draw_softmax, theirs_softmax),
    "FocalLoss": (draw_focal, theirs_focal),
    "MSE": (draw_mse, theirs_mse),
}


# Optimizers: draw(rng) -> arguments; theirs(groups of parameters, **arguments) -> an optimizer of PyTorch


def draw_sgd(rng):
    """With momentum or without, Nesterov's or plain."""
    momentum = share(rng, 0.01, 0.99) if rng.random() < 0.7 else 0.0
    return {"lr": share(rng, 0, 0.3), "momentum": momentum, "nesterov": momentum > 0 and rng.random() < 0.5}


def draw_adagrad(rng):
    """A rate and its small number."""
    return {"lr": share(rng, 0, 0.3), "eps": 10 ** share(rng, -10, -4)}


def draw_adadelta(rng):
    """A rate, its memory and its small number."""
    return {"lr": share(rng, 0.1, 1.5), "rho": share(rng, 0.5, 0.99), "eps": 10 ** share(rng, -6, -3)}


def draw_rmsprop(rng):
    """With momentum or without, centred or not."""
    momentum = share(rng, 0.01, 0.95) if rng.random() < 0.5 else 0.0
    settings = {"lr": share(rng, 0, 0.05), "alpha": share(rng, 0.5, 0.999), "eps": 10 ** share(rng, -8, -4)}
    return {**settings, "momentum": momentum, "centered": bool(rng.random() < 0.5)}


def draw_adam(rng):
    """A rate, both memories and the small number; for AdamW too."""
    return {"lr": share(rng, 0, 0.1), "betas": (share(rng, 0.5, 0.95), share(rng, 0.9, 0.999)), "eps": 10 ** share(rng, -9, -3)}


OPTIMIZERS = {
    "SGD": (draw_sgd, torch.optim.SGD),
    "Adagrad": (draw_adagrad, torch.optim.Adagrad),
    "Adadelta": (draw_adadelta, torch.optim.Adadelta),
    "RMSprop": (draw_rmsprop, torch.optim.RMSprop),
    "Adam": (draw_adam, torch.optim.Adam),
    "AdamW": (draw_adam, torch.optim.AdamW),
}


def draw_labels(kind, rng, rows, logits):
    """Class numbers, floats for one logit a row; for MSE a number a logit."""
    if kind == "MSE":
        return rng.standard_normal((rows, logits))
    y = rng.integers(0, max(2, logits), rows)
    return y.astype(np.float64) if logits == 1 else y
