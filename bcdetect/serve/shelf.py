"""The models of one folder, by name: `NAME.npz`, and `NAME/model.npz` of a run. Nothing else on the disk can be asked for."""

from __future__ import annotations

import os
import re
import stat
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from bcdetect.bundle import load_classifier
from bcdetect.classifier import Classifier
from bcdetect.errors import InputError, ModelFileError
from bcdetect.explain.explaining import Explainer
from bcdetect.explain.explanation import Explanation
from bcdetect.report.folder import read_object
from bcdetect.serve.failures import NotThere

NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}")
KEPT = 8  # models in memory
EXPLAINERS = 4  # of one model


@dataclass(frozen=True)
class Place:
    """Where a model lies; `run` is its run's folder, None for a lone file."""

    name: str
    path: Path
    run: Path | None
    changed: int  # nanoseconds

    def beside(self, name: str) -> Path | None:
        """The run's file of this name; None for a lone model, where there is none, and for a link to a file elsewhere.

        A run's folder may have been handed over by anybody, and a link in it could name any file that the server may read.
        """
        if self.run is None:
            return None
        path = self.run / name
        return path if path.is_file() and path.resolve().parent == self.run.resolve() else None


@dataclass(frozen=True)
class Model:
    """A model that was loaded. `sha256` is its file's."""

    place: Place
    classifier: Classifier
    sha256: str
    _explainers: OrderedDict = field(default_factory=OrderedDict, init=False, repr=False, compare=False)
    _explaining: threading.RLock = field(default_factory=threading.RLock, init=False, repr=False, compare=False)

    @property
    def name(self) -> str:
        """The name it is asked for by."""
        return self.place.name

    @property
    def takes(self) -> str:
        """What it is asked about: "table" or "pictures"."""
        return "pictures" if self.classifier.takes_pictures else "table"

    @cached_property
    def metrics(self) -> dict | None:
        """What its run found; None for a lone file, or a folder that holds no such thing."""
        path = self.place.beside("metrics.json")
        try:
            return None if path is None else read_object(path)
        except InputError:
            return None

    def explainer(self, method: str | None = None, layer: str | None = None) -> Explainer:
        """An explainer by this method and layer, kept a while; `explain` is what several threads may call. Raises UsageError."""
        with self._explaining:
            key = method, layer
            if key not in self._explainers:
                self._explainers[key] = Explainer(self.classifier, method, layer)
                while len(self._explainers) > EXPLAINERS:  # each has a copy of the networks
                    self._explainers.popitem(last=False)
            self._explainers.move_to_end(key)
            return self._explainers[key]

    def explain(
        self,
        x: np.ndarray,
        missing: np.ndarray | None = None,
        class_name: str | None = None,
        method: str | None = None,
        layer: str | None = None,
    ) -> list[Explanation]:
        """As `explain.explaining.explain`, with an explainer that is kept; threads take turns. Raises UsageError."""
        with self._explaining:  # an explainer's network holds what it saw last
            return self.explainer(method, layer).explain(x, missing, class_name)


@dataclass(frozen=True)
class Title:
    """What a list says of a model: what it `takes` and tells apart, or the `problem` for which it cannot be loaded."""

    place: Place
    takes: str | None = None
    classes: tuple[str, ...] = ()
    problem: str = ""


class Shelf:
    """The models of a folder; a file is read when it is asked for, again when it has changed. For several threads."""

    def __init__(self, folder: Path):
        self.folder = folder
        self._lock, self._reading = threading.Lock(), threading.Lock()
        self._loaded: OrderedDict[Place, Model] = OrderedDict()
        self._titles: dict[str, Title] = {}  # of more models than stay in memory: a list must not read them all each time

    def places(self) -> list[Place]:
        """Every model there is, the newest first."""
        found: dict[str, Place] = {}
        try:
            entries = sorted(os.scandir(self.folder), key=lambda entry: entry.name)
        except OSError:
            return []
        for entry in entries:
            name = entry.name.removesuffix(".npz")
            if name not in found and (place := self.place(name)) is not None:
                found[name] = place
        return sorted(found.values(), key=lambda place: (-place.changed, place.name))

    def place(self, name: str) -> Place | None:
        """Where the model of this name lies, a run before a lone file; None where there is none."""
        run = self.folder / name
        for path in (run / "model.npz", self.folder / f"{name}.npz") if NAME.fullmatch(name) else ():
            try:
                status = path.stat()
            except OSError:
                continue
            if stat.S_ISREG(status.st_mode):
                return Place(name, path, run if path.parent == run else None, status.st_mtime_ns)
        return None

    def get(self, name: str | None = None) -> Model:
        """The model of this name, or the newest. Raises NotThere, ModelFileError."""
        place = self.place(name) if name else next(iter(self.places()), None)
        if place is None:
            raise _not_there(self.places())
        return self.load(place)

    def titles(self) -> list[Title]:
        """Every model there is, the newest first, those included that cannot be loaded."""
        found = [self.title(place) for place in self.places()]
        with self._lock:
            self._titles = {each.place.name: each for each in found if not each.problem}
        return found

    def title(self, place: Place) -> Title:
        """What a list says of the model that lies there."""
        with self._lock:
            kept = self._titles.get(place.name)
        if kept is not None and kept.place == place:
            return kept
        try:
            model = self.load(place)
        except ModelFileError as error:
            return Title(place, problem=error.what)  # not kept: what is wrong may be no matter of the file's content
        found = Title(place, model.takes, tuple(model.classifier.class_names))
        with self._lock:
            self._titles[place.name] = found
        return found

    def load(self, place: Place) -> Model:
        """The model that lies there. Raises ModelFileError."""
        if (kept := self._held(place)) is not None:
            return kept
        with self._reading:  # one at a time, while others get what is in memory
            if (kept := self._held(place)) is not None:
                return kept
            try:
                found = Model(place, *load_classifier(place.path))
            except ModelFileError as error:  # without the folder's path
                raise ModelFileError(error.what, file=place.name, hint=error.hint) from None
            with self._lock:
                self._loaded[place] = found
                while len(self._loaded) > KEPT:
                    self._loaded.popitem(last=False)
        return found

    def _held(self, place: Place) -> Model | None:
        with self._lock:
            if place in self._loaded:
                self._loaded.move_to_end(place)
            return self._loaded.get(place)


def _not_there(places: list[Place]) -> NotThere:
    if not places:
        hint = "Train one on the page Train; whoever runs this server can train one with python -m bcdetect train, too"
        return NotThere("there is no model here yet", hint=hint)
    return NotThere("there is no model of this name", hint=f"There are {', '.join(p.name for p in places[:20])}")
