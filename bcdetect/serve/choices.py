"""The settings of a training run that a page may choose, and how far: no paths, and nothing that takes a machine for days."""

from __future__ import annotations

from dataclasses import fields

from bcdetect.config import CHOICES, Config
from bcdetect.datasets import Dataset
from bcdetect.errors import UsageError

BLOCKS = 4  # entries of `filters`
NAMES = 1000  # entries of `drop`
TEXT = 200  # characters of a column or class
NUMBERS = 2**24  # that the convolutions may give for the rows predicted at once; a run of so many takes less than 1 GB
ROWS = 256  # predicted at once

# The kind, and its bounds: least and most of a number, the words of a choice, the most characters of a text.
ALLOWED: dict[str, tuple[str, tuple]] = {
    "label": ("text", (TEXT,)),
    "positive": ("text", (TEXT,)),
    "group": ("text", (TEXT,)),
    "drop": ("texts", (TEXT,)),
    "validation_size": ("float", (0.05, 0.5)),
    "test_size": ("float", (0.05, 0.5)),
    "seed": ("int", (0, 2**31 - 1)),
    "filters": ("ints", (1, 64)),
    "kernel_size": ("int", (1, 31)),
    "pooling": ("choice", CHOICES["pooling"]),
    "units": ("int", (0, 128)),
    "dropout": ("float", (0.0, 0.9)),
    "head": ("choice", CHOICES["head"]),
    "epochs": ("int", (1, 500)),
    "batch_size": ("int", (2, ROWS)),
    "optimizer": ("choice", CHOICES["optimizer"]),
    "lr": ("float", (1e-6, 1.0)),
    "weight_decay": ("float", (0.0, 10.0)),
    "schedule": ("choice", CHOICES["schedule"]),
    "warmup": ("int", (0, 500)),
    "monitor": ("choice", CHOICES["monitor"]),
    "patience": ("int", (1, 500)),
    "balance": ("choice", CHOICES["balance"]),
    "loss": ("choice", CHOICES["loss"]),
    "focal_gamma": ("float", (0.0, 10.0)),
    "label_smoothing": ("float", (0.0, 0.5)),
    "calibration": ("choice", CHOICES["calibration"]),
    "operating": ("choice", CHOICES["operating"]),
    "target_sensitivity": ("float", (0.5, 1.0)),
    "cost_ratio": ("float", (0.01, 1000.0)),
    "error_rate": ("float", (0.01, 0.5)),
}


def chosen(values: dict) -> Config:
    """The settings with these values, texts or what JSON gave; the others are the recipe's. Raises UsageError."""
    for name in values:
        if name not in ALLOWED:
            raise UsageError(f"{str(name)[:TEXT]!r} is no setting to choose here", hint=f"Choose among {', '.join(ALLOWED)}")
    config = Config().with_values(values)
    check(config)
    return config


def check(config: Config) -> None:
    """Raise UsageError unless every setting is within its bounds here, and those that are not to be chosen are the recipe's."""
    for field in fields(config):
        value = getattr(config, field.name)
        if field.name not in ALLOWED:
            if value != field.default:
                raise UsageError(f"{field.name} is no setting to choose here")
        elif value is not None:
            _check_bounds(field.name, value)
    for name, most in (("filters", BLOCKS), ("drop", NAMES)):
        if len(getattr(config, name)) > most:
            raise UsageError(f"{name} has {len(getattr(config, name)):,} entries; there may be {most:,} here")


def check_size(config: Config, data: Dataset) -> None:
    """Raise UsageError for a table too wide for that many filters to be trained in the memory that a run may take here."""
    features, filters = len(data.feature_names), sum(config.filters)
    if ROWS * features * filters > NUMBERS:
        hint = f"Take {NUMBERS // (ROWS * features)} filters in all at most, or leave columns out"
        raise UsageError(f"{features:,} columns with {filters} filters are more than is trained here", hint=hint)


def _check_bounds(name: str, value) -> None:
    kind, bounds = ALLOWED[name]
    for each in value if isinstance(value, tuple) else (value,):
        if kind in ("text", "texts"):
            if len(each) > bounds[0]:
                raise UsageError(f"{name} has {len(each):,} characters; there may be {bounds[0]} here")
        elif kind != "choice" and not bounds[0] <= each <= bounds[1]:
            raise UsageError(f"{name} is {each:g}; here it must be from {bounds[0]:g} to {bounds[1]:g}")
