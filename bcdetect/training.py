"""The training loop: batches, losses, early stopping."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

import tinycnn as tc
from bcdetect import metrics
from bcdetect.augment import augment
from bcdetect.classifier import Classifier
from bcdetect.config import Config
from bcdetect.datasets import Dataset
from bcdetect.errors import InputError, TrainingError
from bcdetect.models import picture_cnn, tabular_cnn
from bcdetect.preprocessing import PictureScaler, Standardiser


@dataclass
class History:
    """What each epoch gave: columns of equal length. `best_epoch` counts from 1; its weights are the ones kept."""

    columns: dict[str, list[float]] = field(default_factory=dict)
    best_epoch: int = 0
    seconds: float = 0.0

    def add(self, **values: float) -> None:
        """Append one epoch."""
        for name, value in values.items():
            self.columns.setdefault(name, []).append(value)

    def to_csv(self) -> str:
        """One line an epoch."""
        lines = [",".join(self.columns), *(",".join(map(repr, row)) for row in zip(*self.columns.values(), strict=True))]
        return "\n".join(lines) + "\n"


def train_classifier(
    data: Dataset, train: np.ndarray, validation: np.ndarray, config: Config, on_epoch=None
) -> tuple[Classifier, History]:
    """Fit preprocessing and network on the rows `train`, choosing the epoch on the rows `validation`; others are not used.

    Raises InputError when a value anywhere in the data is beyond what the model can take, TrainingError when training diverges.
    """
    if data.pictures:
        return _train_on_pictures(data, train, validation, config, on_epoch)
    preprocessing = Standardiser.fit(data.x[train])
    _refuse_beyond(data, preprocessing)
    model = tabular_cnn(config, len(data.feature_names), len(data.class_names))
    parts = [(preprocessing.transform(data.x[rows]), data.y[rows]) for rows in (train, validation)]
    history = fit(model, *parts, config, on_epoch)
    return Classifier(model, preprocessing, data.feature_names, data.class_names), history


def _train_on_pictures(data, train, validation, config, on_epoch):
    parts = [data.subset(rows) for rows in (train, validation)]
    preprocessing = PictureScaler.fit(*parts[0].inputs())
    model = picture_cnn(config, data.x.shape[1:], len(data.class_names))
    arrays = [(preprocessing.transform(*part.inputs()), part.y) for part in parts]
    history = fit(model, *arrays, config, on_epoch, lambda x, rng: augment(x, config, rng))
    return Classifier(model, preprocessing, data.feature_names, data.class_names), history


def _refuse_beyond(data: Dataset, preprocessing: Standardiser) -> None:
    columns = preprocessing.beyond(data.x).any(axis=0)
    if columns.any():
        column = int(columns.argmax())
        row = int(np.abs(data.x[:, column]).argmax())
        raise InputError(
            f"{data.x[row, column]:g} is beyond what the model can take beside the column's other values",
            file=data.provenance.get("file", ""),
            where=f"row {row + 1}, column {data.feature_names[column]!r}",
            hint="Correct or remove the row",
        )


def fit(
    model: tc.Sequential,
    train: tuple[np.ndarray, np.ndarray],
    validation: tuple[np.ndarray, np.ndarray],
    config: Config,
    on_epoch: Callable[[dict[str, float], float], None] | None = None,
    change: Callable[[np.ndarray, np.random.Generator], np.ndarray] | None = None,
) -> History:
    """Train in place, and leave the model with the weights of the epoch with the lowest validation loss.

    `train` and `validation` are (x, y): x (N, *input_shape) preprocessed, y (N,) class numbers. `on_epoch` gets each epoch's
    numbers and the estimated seconds left; `change` makes each batch another one. Raises TrainingError when training diverges.
    """
    x, y = train
    classes = max(2, model.output_shape[0])
    loss = make_loss(model, config, y, classes)
    plain_loss = make_loss(model, config, None, classes)
    steps = len(list(batches(len(_epoch_rows(y, config, 0)), config.batch_size)))
    optimizer = make_optimizer(model, config, steps)
    history, best, best_state, start = History(), math.inf, model.get_state(), time.monotonic()
    for epoch in range(1, config.epochs + 1):
        total = seen = 0.0
        rows = _epoch_rows(y, config, epoch)
        for batch in batches(len(rows), config.batch_size):
            chosen = rows[batch]
            inputs = x[chosen] if change is None else change(x[chosen], np.random.default_rng([config.seed, epoch, batch.start]))
            try:
                value = model.train_step(inputs, y[chosen], loss, optimizer)
            except tc.DivergenceError as error:
                raise TrainingError(str(error).rstrip("."), hint="Pass a smaller one with --set lr=NUMBER") from error
            total, seen = total + value * len(chosen), seen + len(chosen)
        row = {"epoch": epoch, "loss": total / seen, "lr": optimizer.lr, **judge(model, *validation, plain_loss)}
        history.add(**row)
        if row["validation_loss"] < best:
            best, history.best_epoch, best_state = row["validation_loss"], epoch, model.get_state()
        history.seconds = time.monotonic() - start
        if on_epoch is not None:
            on_epoch(row, history.seconds / epoch * (config.epochs - epoch))
        if epoch - history.best_epoch >= config.patience:
            break
    model.set_state(best_state)
    return history


def judge(model: tc.Sequential, x: np.ndarray, y: np.ndarray, loss: tc.Loss) -> dict[str, float]:
    """The validation loss, unweighted, and the AUC (macro one-vs-rest for three and more classes)."""
    logits = model.predict(x)
    value, _ = loss(logits, y)
    if logits.shape[1] == 1:
        auc = metrics.roc_auc_score(y, logits[:, 0])
    elif logits.shape[1] == 2:
        auc = metrics.roc_auc_score(y, logits[:, 1] - logits[:, 0])
    else:
        auc = metrics.macro_auc_score(y, tc.ops.softmax(logits))
    return {"validation_loss": value, "validation_auc": auc}


def batches(count: int, size: int) -> Iterator[slice]:
    """Slices of `size`; a last batch of one row, which batch norm cannot take, joins its neighbour."""
    starts = list(range(0, count, size))
    if len(starts) > 1 and count - starts[-1] == 1:
        starts.pop()
    for start, end in zip(starts, [*starts[1:], count], strict=True):
        yield slice(start, end)


def make_loss(model: tc.Sequential, config: Config, y: np.ndarray | None, classes: int) -> tc.Loss:
    """The loss that the model's head needs; with `balance` "weights" and labels y, weighted against their imbalance."""
    weights = class_weights(y, classes) if y is not None and config.balance == "weights" else None
    if model.output_shape == (1,):
        return tc.BCEWithLogits(pos_weight=1.0 if weights is None else weights[1] / weights[0])
    return tc.SoftmaxCrossEntropy(class_weight=weights)


def class_weights(y: np.ndarray, classes: int) -> np.ndarray:
    """N / (K * N_k): each class weighs the same in total. Shape: (K,)."""
    return len(y) / (classes * np.bincount(y, minlength=classes))


def make_optimizer(model: tc.Sequential, config: Config, steps: int) -> tc.Optimizer:
    """The optimizer of the settings, with its schedule; `steps` is the number of steps an epoch."""
    lr = config.lr
    if config.schedule == "cosine":
        lr = tc.CosineWarmup(config.lr, config.epochs * steps, min(config.warmup, config.epochs - 1) * steps)
    elif config.schedule == "step":
        lr = tc.StepDecay(config.lr, every=max(1, config.epochs * steps // 3), factor=0.1)
    shared = {"lr": lr, "weight_decay": config.weight_decay, "clip_norm": config.clip_norm}
    if config.optimizer == "sgd":
        return tc.SGD(model.parameters(), momentum=0.9, **shared)
    return {"adam": tc.Adam, "adamw": tc.AdamW}[config.optimizer](model.parameters(), **shared)


def _epoch_rows(y: np.ndarray, config: Config, epoch: int) -> np.ndarray:
    """The epoch's rows in random order; with `balance` "oversample", small classes are drawn again up to the largest."""
    rng = np.random.default_rng([config.seed, epoch])
    rows = np.arange(len(y))
    if config.balance == "oversample":
        counts = np.bincount(y)
        extra = [rng.choice(np.flatnonzero(y == k), counts.max() - n) for k, n in enumerate(counts) if n]
        rows = np.concatenate([rows, *extra])
    return rng.permutation(rows)
