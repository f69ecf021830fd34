"""Flags that several commands share, and the settings that they make."""

from __future__ import annotations

import argparse

from bcdetect.errors import UsageError

NAMED = ("data", "label", "positive", "group", "drop", "epochs", "seed", "init", "freeze")  # flags that are settings


def add_data_flags(parser: argparse.ArgumentParser) -> None:
    """What to train on and how."""
    parser.add_argument(
        "--data",
        metavar="WHERE",
        help="a CSV table, a folder of pictures with one sub-folder a class, a manifest "
        "CSV of picture files, or a MedMNIST .npz (the built-in Wisconsin table if left out)",
    )
    parser.add_argument("--label", metavar="COLUMN", help="the column of classes (diagnosis if left out)")
    parser.add_argument("--positive", metavar="NAME", help="which of two classes is the one to detect")
    parser.add_argument("--group", metavar="COLUMN", help="rows of one group (a patient) stay in one part")
    parser.add_argument("--drop", metavar="A,B", help="columns to leave out")
    parser.add_argument("--epochs", type=int, help="at most so many; fewer where the validation loss stops falling")
    parser.add_argument("--seed", type=int, help="of the split, the weights and the order of rows")
    parser.add_argument("--config", metavar="FILE.json", help="settings of an earlier run; flags and --set override them")
    parser.add_argument(
        "--set", metavar="KEY=VALUE", action="append", default=[], dest="settings", help="any setting; may be repeated"
    )


def config_of(options: argparse.Namespace):
    """The settings: defaults, then --config, then --set, then the named flags."""
    from bcdetect.config import Config
    from bcdetect.datasets import holds_pictures
    from bcdetect.gate import read_text

    data = options.data
    for setting in options.settings:
        name, _, value = setting.partition("=")
        data = value.strip() if name.strip() == "data" and data is None else data
    config = Config.for_pictures() if holds_pictures(data) else Config()
    if options.config is not None:
        config = Config.from_json(read_text(options.config), file=options.config)
    named = {name: getattr(options, name, None) for name in NAMED}
    if empty := [name for name, value in named.items() if value == "" and name != "drop"]:
        raise UsageError(f"--{empty[0]} is empty", hint="Leave the flag out for the default")
    named["bad"] = "skip" if getattr(options, "skip_bad", False) else None
    values = config.settings(options.settings) | {name: value for name, value in named.items() if value is not None}
    return config.with_values(values)


def repeats_and_folds(text: str) -> tuple[int, int]:
    """`10x10` as two numbers. Raises UsageError."""
    repeats, _, folds = text.lower().partition("x")
    if not all(part.isascii() and part.isdigit() for part in (repeats, folds)) or int(repeats) < 1 or int(folds) < 2:
        raise UsageError(f"--cv {text!r}: it must be repeats x folds, at least 1x2, such as 10x10")
    return int(repeats), int(folds)


def worker_count(options: argparse.Namespace) -> int:
    """How many processes share the work: as --threads says, or one a core."""
    import os

    return options.threads or os.cpu_count() or 1


def is_told(options: argparse.Namespace) -> bool:
    """Whether any flag says something of the settings."""
    return (
        options.config is not None
        or bool(options.settings)
        or any(getattr(options, name, None) not in (None, False) for name in (*NAMED, "skip_bad"))
    )
