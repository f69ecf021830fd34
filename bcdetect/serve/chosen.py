"""Which model answers: the one asked for by name, or the newest that takes what was sent."""

from __future__ import annotations

from contextlib import suppress

from bcdetect.errors import ModelFileError, UsageError
from bcdetect.serve.failures import NotThere
from bcdetect.serve.shelf import Model, Shelf

PLACES = {"table": "the page Predict a table, /table", "pictures": "the page Pictures, /pictures"}
WORDS = {"table": "a table", "pictures": "pictures"}


def chosen(shelf: Shelf, name: str | None, takes: str) -> Model:
    """The model for "table" or "pictures"; a newer one that cannot be loaded is passed over where no name is given.

    Raises NotThere; UsageError for a name whose model takes the other; ModelFileError.
    """
    if name:
        model = shelf.get(name)
        if model.takes != takes:
            other = model.takes
            what = f"the model {name!r} takes {WORDS[other]}, and this is for {WORDS[takes]}"
            raise UsageError(what, hint=f"Choose another model, or use {PLACES[other]}")
        return model
    for place in shelf.places():
        with suppress(ModelFileError):
            if shelf.title(place).takes == takes:
                return shelf.load(place)
    raise NotThere(f"there is no model here that takes {WORDS[takes]}", hint="Train one on the page Train, /train")
