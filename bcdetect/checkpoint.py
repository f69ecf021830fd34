"""What an interrupted run needs to go on, in one sealed file: written between epochs, whole or not at all, never pickle.

It holds the networks that are done, and of the one in training the weights, the best epoch's weights, the optimizer's and the
average's state, and the history.
"""

from __future__ import annotations

import json
import math
import os
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np

from bcdetect.config import Config
from bcdetect.errors import InputError, OutputError
from tinycnn import bundle

NAME = "checkpoint.npz"
LEAST_SECONDS = 1.0  # between two, and at most a twentieth of the time spent on writing them
HINT = "Remove the folder and train anew"


class Checkpoint:
    """The checkpoint of one run, in its folder."""

    def __init__(self, folder: str | os.PathLike, config: Config, fingerprint: str):
        """What the folder holds already, if anything. Raises InputError when that is damaged, or of other settings or data."""
        self.path = Path(folder) / NAME
        self.made_for = {"settings": json.loads(json.dumps(asdict(config))), "data": fingerprint}
        self.arrays: dict[str, np.ndarray] = {}
        self.networks: list[dict] = []
        self.due = 0.0
        if self.path.exists():
            self._read()

    def _read(self) -> None:
        try:
            self.arrays, meta, _ = bundle.read_arrays(self.path)
            made_for, self.networks = meta["checkpoint"]["made_for"], meta["checkpoint"]["networks"]
        except (OSError, bundle.BundleError, KeyError, TypeError) as error:
            raise InputError(f"cannot be gone on from: {error}", file=str(self.path), hint=HINT) from None
        if made_for["data"] != self.made_for["data"]:
            raise InputError("the data is not what this run began with", file=str(self.path), hint="Bring it back, or train anew")
        if made_for["settings"] != self.made_for["settings"]:
            raise InputError("the settings are not what this run began with", file=str(self.path), hint=HINT)

    def restore(self, number: int, trainer) -> None:
        """Bring network `number` of the run to where it was; nothing where it had not begun."""
        if number >= len(self.networks):
            return
        prefix = f"{number}/"
        arrays = {name.removeprefix(prefix): array for name, array in self.arrays.items() if name.startswith(prefix)}
        try:
            put(trainer, arrays, self.networks[number])
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"does not fit the run: {error}", file=str(self.path), hint=HINT) from None

    def offer(self, number: int, trainer) -> None:
        """Write, if that is due. Raises OutputError."""
        finished = trainer.finished()
        if not finished and time.monotonic() < self.due:
            return
        start = time.monotonic()
        arrays, meta = taken(trainer, finished)
        kept = {name: array for name, array in self.arrays.items() if int(name.partition("/")[0]) < number}
        self.arrays = kept | {f"{number}/{name}": array for name, array in arrays.items()}
        self.networks = [*self.networks[:number], meta]
        try:
            bundle.write_arrays(self.path, self.arrays, {"checkpoint": {"made_for": self.made_for, "networks": self.networks}})
        except OSError as error:
            raise OutputError(f"cannot be written: {error.strerror or error}", file=str(self.path)) from error
        now = time.monotonic()
        self.due = now + max(LEAST_SECONDS, 20 * (now - start))


def discard(folder: str | os.PathLike) -> None:
    """Remove a finished run's checkpoint."""
    (Path(folder) / NAME).unlink(missing_ok=True)


def taken(trainer, finished: bool) -> tuple[dict[str, np.ndarray], dict]:
    """A trainer's state as arrays and JSON; of a finished one only what is kept."""
    history = trainer.history
    meta = {
        "columns": [[name, list(map(_written, values))] for name, values in history.columns.items()],  # JSON here is sorted
        "best_epoch": history.best_epoch,
        "seconds": history.seconds,
        "best": list(map(_written, trainer.best)),
        "steps": trainer.model.steps,
    }
    arrays = _below("best", trainer.best_state)
    if not finished:
        arrays |= _below("model", trainer.model.get_state()) | _below("optimizer", trainer.optimizer.get_state())
        if trainer.ema is not None:
            arrays |= _below("ema", trainer.ema.get_state())
    return arrays, meta


def put(trainer, arrays: dict[str, np.ndarray], meta: dict) -> None:
    """Bring a new trainer to that state. Raises KeyError, TypeError or ValueError where it does not fit."""
    history = trainer.history
    history.columns = {name: list(map(_read, values)) for name, values in meta["columns"]}
    history.best_epoch, history.seconds = int(meta["best_epoch"]), float(meta["seconds"])
    trainer.best = [math.inf if value is None else value for value in meta["best"]]
    trainer.model.steps = int(meta["steps"])
    trainer.best_state = _above("best", arrays)
    if trainer.finished():
        return
    trainer.model.set_state(_above("model", arrays))
    trainer.optimizer.set_state(_above("optimizer", arrays))
    if trainer.ema is not None:
        trainer.ema.set_state(_above("ema", arrays))


def _below(prefix: str, state: dict) -> dict[str, np.ndarray]:
    return {f"{prefix}/{name}": np.asarray(array) for name, array in state.items()}


def _above(prefix: str, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name.removeprefix(f"{prefix}/"): array for name, array in arrays.items() if name.startswith(f"{prefix}/")}


def _written(value: float) -> float | None:
    """JSON has no NaN and no infinity; what may be undefined here is an AUC."""
    return value if math.isfinite(value) else None


def _read(value: float | None) -> float:
    return math.nan if value is None else value
