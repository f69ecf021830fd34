"""The search space: which settings are tried, between which bounds, for tables and for pictures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches

from bcdetect.config import Config
from bcdetect.datasets import Dataset
from bcdetect.errors import UsageError
from bcdetect.models import stages


@dataclass(frozen=True)
class Choice:
    """One of a few values."""

    name: str
    values: tuple

    def suggest(self, trial):
        """A value by an Optuna trial."""
        return trial.suggest_categorical(self.name, list(self.values))

    def holds(self, value) -> bool:
        """Whether the value is one that could be suggested."""
        return value in self.values


@dataclass(frozen=True)
class Whole:
    """A whole number from `low` to `high`, in steps."""

    name: str
    low: int
    high: int
    step: int = 1

    def suggest(self, trial):
        """A value by an Optuna trial."""
        return trial.suggest_int(self.name, self.low, self.high, step=self.step)

    def holds(self, value) -> bool:
        """Whether the value is one that could be suggested."""
        return self.low <= value <= self.high and (value - self.low) % self.step == 0


@dataclass(frozen=True)
class Real:
    """A number from `low` to `high`; on a scale of ratios where `log`."""

    name: str
    low: float
    high: float
    log: bool = False

    def suggest(self, trial):
        """A value by an Optuna trial."""
        return trial.suggest_float(self.name, self.low, self.high, log=self.log)

    def holds(self, value) -> bool:
        """Whether the value is one that could be suggested."""
        return self.low <= value <= self.high


Range = Choice | Whole | Real

BOTH: tuple[Range, ...] = (
    Real("dropout", 0.0, 0.6),
    Choice("optimizer", ("adamw", "adam", "sgd")),
    Real("lr", 2e-4, 3e-2, log=True),
    Real("weight_decay", 1e-4, 1.0, log=True),
)
TABLES: tuple[Range, ...] = (
    Whole("kernel_size", 1, 9, step=2),  # of 1, columns do not meet before the dense layer
    Choice("filters", (8, 16, 32)),
    Whole("depth", 1, 3),  # convolution blocks
    Choice("units", (0, 16, 64)),
    *BOTH,
)
PICTURES: tuple[Range, ...] = (
    Choice("kernel_size", (3, 5)),
    Choice("width", (8, 16, 32)),
    Whole("depth", 2, 5),  # stages; fewer for small pictures
    *BOTH,
    Choice("flip", (0.0, 0.5)),
    Real("rotate", 0.0, 25.0),
    Real("shift", 0.0, 0.2),
    Real("scale", 0.0, 0.25),
    Real("intensity", 0.0, 0.5),
    Real("noise", 0.0, 0.5),
    Real("cutout", 0.0, 0.5),
)


def space_for(data: Dataset, only: Sequence[str] = ()) -> tuple[Range, ...]:
    """The ranges for such data; with `only`, those of these names. Raises UsageError for a name that is not among them."""
    ranges = TABLES
    if data.pictures:
        deepest = max(2, int(math.log2(min(data.x.shape[1:3]) / 3)) + 1)  # the last stage still sees 3 x 3 pixels
        ranges = tuple(replace(r, high=min(r.high, deepest)) if r.name == "depth" else r for r in PICTURES)
    names = [r.name for r in ranges]
    for name in only:
        if name not in names:
            close = get_close_matches(name, names, n=1)
            hint = f"Did you mean {close[0]}" if close else f"There are {', '.join(names)}"
            raise UsageError(f"{name!r} is nothing that is tuned for such data", hint=hint)
    return tuple(r for r in ranges if not only or r.name in only)


def settings(values: dict, config: Config, pictures: bool) -> Config:
    """The settings with a trial's values in them; of tables, `filters` and `depth` make one tuple."""
    values = dict(values)
    if not pictures and ("filters" in values or "depth" in values):
        width = values.pop("filters", config.filters[0] if config.filters else 1)
        values["filters"] = (width,) * values.pop("depth", len(config.filters))
    return config.with_values(values)


def values_of(config: Config, ranges: Sequence[Range], data: Dataset) -> dict:
    """What a trial of these very settings would have; without `filters` and `depth` where blocks differ in their filters."""
    values = {r.name: getattr(config, r.name) for r in ranges if data.pictures or r.name not in ("filters", "depth")}
    if data.pictures:
        own = {"depth": stages(config, data.x.shape[1:])}
    else:
        own = {"filters": config.filters[0], "depth": len(config.filters)} if len(set(config.filters)) == 1 else {}
    return {r.name: (values | own)[r.name] for r in ranges if r.name in values | own}


def holds(ranges: Sequence[Range], values: dict) -> bool:
    """Whether a trial could have these values."""
    return all(r.name in values and r.holds(values[r.name]) for r in ranges)
