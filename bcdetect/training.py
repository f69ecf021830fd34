"""The training loop: epochs of batches, the validation part's judgement, and the weights of the best epoch."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field, replace

import numpy as np

import tinycnn as tc
from bcdetect import metrics
from bcdetect.augment import augment
from bcdetect.batches import Rows, batches, epoch_rows
from bcdetect.checkpoint import Checkpoint
from bcdetect.classifier import Classifier
from bcdetect.config import Config
from bcdetect.datasets import Dataset
from bcdetect.errors import InputError, TrainingError, UsageError
from bcdetect.models import build
from bcdetect.preprocessing import PictureScaler, Standardiser
from bcdetect.recipe import Mixup, described, judging_loss, make_loss, make_optimizer
from bcdetect.transfer import start_from

SMALLER = "Pass a smaller rate with --set lr=NUMBER"


@dataclass
class History:
    """What each epoch gave: columns of equal length. `best_epoch` counts from 1; its weights are the ones kept."""

    columns: dict[str, list[float]] = field(default_factory=dict)
    best_epoch: int = 0
    seconds: float = 0.0
    interrupted: bool = False

    def add(self, **values: float) -> None:
        """Append one epoch."""
        for name, value in values.items():
            self.columns.setdefault(name, []).append(value)

    def rows(self) -> list[list[float]]:
        """One row an epoch, in the order of the columns."""
        return list(map(list, zip(*self.columns.values(), strict=True)))


def to_csv(histories: list[History]) -> str:
    """One line an epoch; of several networks, one after the other, with their number in front."""
    several = len(histories) > 1
    lines = [",".join([*(["network"] if several else []), *histories[0].columns])]
    for number, history in enumerate(histories, 1):
        lines += [",".join(map(repr, [*([number] if several else []), *row])) for row in history.rows()]
    return "\n".join(lines) + "\n"


@dataclass
class Watch:
    """What goes on beside training: `say` gets lines for people, `on_epoch` each epoch's numbers and the seconds left at most.

    Those are the network's own: 0 after its last epoch, whether or not another network of an ensemble follows. `stop` is asked
    after every batch; `checkpoint` keeps what a later process needs to go on.
    """

    say: Callable[[str], None] = lambda line: None
    on_epoch: Callable[[dict[str, float], float], None] = lambda row, left: None
    stop: Callable[[], bool] = lambda: False
    checkpoint: Checkpoint | None = None


def train_classifier(
    data: Dataset, train: np.ndarray, validation: np.ndarray, config: Config, watch: Watch | None = None
) -> tuple[Classifier, list[History]]:
    """Fit preprocessing and network on the rows `train`, choosing the epoch on the rows `validation`; others are not used.

    `ensemble` networks are trained from the seeds `seed`, `seed` + 1, ..., each with a history of its own. Raises InputError
    when a value anywhere in the data is beyond what the model can take, TrainingError when training diverges, KeyboardInterrupt
    when `watch` stops it before its first epoch is done.
    """
    watch = watch or Watch()
    if data.pictures:
        preprocessing = PictureScaler.fit(data, train)
    else:
        preprocessing = Standardiser.fit(data, train)
        _refuse_beyond(data, preprocessing)
    if config.init is not None and not data.pictures:
        raise UsageError("init starts a network of pictures, and this is a table", hint="Leave --init out")
    parts = [Rows(data, rows, preprocessing) for rows in (train, validation)]
    models, histories = [], []
    for number in range(config.ensemble):
        member = replace(config, seed=config.seed + number)
        model, lines = (build(member, data), []) if member.init is None else start_from(member, data)
        for line in [] if number else [*described(member, parts[0].y, data.class_names), *lines]:
            watch.say(line)
        trainer = Trainer(model, *parts, member, changes(data, preprocessing, member))
        if watch.checkpoint is not None:
            watch.checkpoint.restore(number, trainer)
            if done := len(trainer.history.columns.get("epoch", ())):
                watch.say(f"going on after epoch {done}" + (f" of network {number + 1}" if config.ensemble > 1 else ""))
        try:
            trainer.run(watch, number)
        except KeyboardInterrupt:
            if not models:
                raise
            histories[-1].interrupted = True  # the networks that are done serve alone
            break
        models.append(trainer.model)
        histories.append(trainer.history)
        if trainer.history.interrupted:
            break
    classifier = Classifier(
        models, preprocessing, data.feature_names, data.class_names, views=config.tta if data.pictures else "none"
    )
    return classifier, histories


def changes(data: Dataset, preprocessing, config: Config) -> Callable | None:
    """How each batch of the training part is changed, as `Trainer` takes it."""
    if not data.pictures:
        return None
    black, white = preprocessing.ends()
    return lambda x, missing, rng: augment(x, config, rng, black, white, missing)


class Trainer:
    """One network's training, epoch by epoch.

    Everything random follows from the seed and the numbers of epoch and batch, so that a process that takes up another one's
    checkpoint ends with the same bits as one that was never interrupted.
    """

    def __init__(self, model: tc.Sequential, train: Rows, validation: Rows, config: Config, change: Callable | None = None):
        """`change(x, missing, rng)` makes each batch of the training part another one."""
        self.model, self.train, self.validation, self.config, self.change = model, train, validation, config, change
        outputs = model.output_shape[0]
        self.loss, self.judging_loss = make_loss(config, outputs, train.y), judging_loss(outputs)
        steps = len(list(batches(len(epoch_rows(train.y, config, 0)), config.batch_size)))
        self.optimizer = make_optimizer(model, config, steps)
        self.ema = tc.EMA(model, config.ema) if config.ema else None
        self.history, self.best, self.best_state = History(), [math.inf], model.get_state()

    def run(self, watch: Watch, number: int = 0) -> None:
        """Train to the end, or until `watch` stops it, and leave the model with the weights of the best epoch."""
        start = time.monotonic() - self.history.seconds
        while not self.finished():
            row = self.epoch(watch.stop)
            if row is None:
                self.history.interrupted = True
                break
            self.history.seconds = time.monotonic() - start
            done = len(self.history.columns["epoch"])
            left = 0.0 if self.finished() else self.history.seconds / done * (self.config.epochs - done)
            watch.on_epoch({"network": number + 1, **row}, left)
            if watch.checkpoint is not None:
                watch.checkpoint.offer(number, self)
        if self.history.interrupted and not self.history.best_epoch:
            raise KeyboardInterrupt
        self.model.set_state(self.best_state)

    def finished(self) -> bool:
        """Whether all epochs are done, or none was better for as long as the settings' patience."""
        done = len(self.history.columns.get("epoch", ()))
        waits = self.config.monitor != "last"
        return done >= self.config.epochs or (waits and done - self.history.best_epoch >= self.config.patience)

    def epoch(self, stop: Callable[[], bool]) -> dict[str, float] | None:
        """Train on every row once and judge; the epoch's numbers, or None when `stop` said so before its end.

        Raises TrainingError when training diverges.
        """
        number = len(self.history.columns.get("epoch", ())) + 1
        rows, total, start = epoch_rows(self.train.y, self.config, number), 0.0, time.monotonic()
        for batch in batches(len(rows), self.config.batch_size):
            try:
                total += self.step(rows[batch], np.random.default_rng([self.config.seed, number, batch.start + 1]))
            except tc.DivergenceError as error:
                raise TrainingError(str(error).rstrip("."), hint=SMALLER) from error
            if stop():
                return None
        rate = len(rows) / (time.monotonic() - start)
        with self.ema.applied() if self.ema else nullcontext():
            row = {"epoch": number, "loss": total / len(rows), "lr": self.optimizer.lr, **self.judge()}
            value = self.monitored(row)
            if value < self.best:
                self.best, self.history.best_epoch, self.best_state = value, number, self.model.get_state()
        self.history.add(**row)
        return {**row, "rows_per_second": rate}

    def step(self, chosen: np.ndarray, rng: np.random.Generator) -> float:
        """One batch of the training part: the sum of its rows' losses."""
        x, loss = self.train.inputs(chosen), self.loss
        if self.change is not None:
            x = self.change(x, self.train.missing(chosen), rng)
        if self.config.mixup:
            mixup = Mixup(self.config.mixup, len(x), rng)
            x, loss = mixup.inputs(x), mixup.loss(loss)
        value = self.model.train_step(x, self.train.y[chosen], loss, self.optimizer)
        if self.ema is not None:
            self.ema.update()
        return value * len(chosen)

    def judge(self) -> dict[str, float]:
        """The validation part's loss, unweighted, and AUC (macro one-vs-rest for three and more classes)."""
        y = self.validation.y
        with np.errstate(over="ignore", invalid="ignore"):  # an error follows instead
            logits = np.concatenate([self.model.predict(self.validation.inputs(some)) for some in self.validation.chunks()])
            value = self.judging_loss(logits, y)[0] if np.isfinite(logits).all() else math.nan
        if not math.isfinite(value):
            raise TrainingError("training diverged: the validation loss is not finite", hint=SMALLER)
        if logits.shape[1] == 1:
            auc = metrics.roc_auc_score(y, logits[:, 0])
        elif logits.shape[1] == 2:
            auc = metrics.roc_auc_score(y, logits[:, 1] - logits[:, 0])
        else:
            auc = metrics.macro_auc_score(y, tc.ops.softmax(logits))
        return {"validation_loss": value, "validation_auc": auc}

    def monitored(self, row: dict[str, float]) -> list[float]:
        """What decides which epoch is kept, the smaller the better: the first number, and the next where it is the same."""
        if self.config.monitor == "last":
            return [-row["epoch"]]
        if self.config.monitor == "validation_auc":
            return [-row["validation_auc"], row["validation_loss"]]
        return [row["validation_loss"]]


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
