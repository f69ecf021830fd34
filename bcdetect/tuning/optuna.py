"""Optuna, which is an extra: the one place where it is imported."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from bcdetect.errors import require

HEARTBEAT, GRACE = 10, 60  # seconds
WAIT = 60  # seconds, for others' writes to a SQLite file


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


def opened(url: str):
    """Optuna's storage at a URL; a database notices when a worker stops to show signs of life.

    SQLite has no lock of a row, by which Optuna keeps two workers from being given one queued trial: there every transaction
    locks the whole from its beginning. Its file is open for a transaction and no longer.
    """
    if not url.startswith("sqlite"):
        return optuna().storages.RDBStorage(url, heartbeat_interval=HEARTBEAT, grace_period=GRACE)
    sqlalchemy = require("sqlalchemy", "tune", "tuning")
    options = {"connect_args": {"timeout": WAIT}, "poolclass": sqlalchemy.pool.NullPool}
    storage = optuna().storages.RDBStorage(url, engine_kwargs=options, heartbeat_interval=HEARTBEAT, grace_period=GRACE)
    event = sqlalchemy.event
    event.listen(storage.engine, "connect", lambda connection, _: setattr(connection, "isolation_level", None))
    event.listen(storage.engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    return storage
