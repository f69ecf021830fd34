"""Optuna, which is an extra: the one place where it is imported."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from bcdetect.errors import require


def optuna():
    """The module, silent but for errors. Raises UsageError where it is not installed."""
    module = require("optuna", "tune", "tuning")
    module.logging.set_verbosity(module.logging.ERROR)
    return module


@contextmanager
def experimental() -> Iterator[None]:
    """A block without Optuna's warnings that what it does may change in a later version."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna().exceptions.ExperimentalWarning)
        yield
