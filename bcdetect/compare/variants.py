"""What is to be compared: `name:setting=value,setting=value`, or a file of settings."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bcdetect.config import Config
from bcdetect.errors import UsageError
from bcdetect.gate import read_text

OF_DATA = ("data", "label", "positive", "group", "drop", "image_size", "bad")
SHARED = (*OF_DATA, "seed", "validation_size", "test_size")  # the same for all that are compared: they get the same folds
EXAMPLE = "Write name:setting=value, such as wide:filters=32,kernel_size=7, or pass a config.json"


@dataclass(frozen=True)
class Variant:
    """A name and the settings it stands for."""

    name: str
    config: Config


def read_variants(texts: Sequence[str], base: Config) -> list[Variant]:
    """Each text as a variant of the settings `base`, which alone say what the data are; without texts `base` itself, as "CNN".

    Raises UsageError for a text that is neither form, a name given twice, and settings of the data.
    """
    found = [_from_file(text, base) if _is_file(text) else _from_text(text, base) for text in texts] or [Variant("CNN", base)]
    names = [variant.name for variant in found]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"two variants are called {name!r}", hint="Give each a name of its own, such as wide:filters=32")
    return found


def _is_file(text: str) -> bool:
    return text.lower().endswith(".json") or os.path.isfile(text)


def _from_text(text: str, base: Config) -> Variant:
    """`filters=16,16,lr=1e-2`: a piece without `=` belongs to the list before it."""
    name, colon, settings = text.partition(":")
    name = name.strip()
    if not colon or not name or "=" in name:
        raise UsageError(f"{text!r} is no variant", hint=EXAMPLE)
    pieces: list[str] = []
    for piece in settings.split(",") if settings.strip() else []:
        if "=" in piece:
            pieces.append(piece)
        elif pieces:
            pieces[-1] += f",{piece}"
        else:
            raise UsageError(f"{text!r}: {piece!r} has no '='", hint=EXAMPLE)
    values = base.settings(pieces)
    for setting in SHARED:
        if setting in values:
            raise UsageError(f"{text!r}: {setting} must be the same for all variants", hint=f"Pass it as --set {setting}=...")
    return Variant(name, base.with_values(values))


def _from_file(path: str, base: Config) -> Variant:
    found = Config.from_json(read_text(path), file=path)
    for setting in OF_DATA:
        value = getattr(found, setting)
        if value not in (getattr(Config(), setting), getattr(base, setting)):
            what = f"its {setting} is {value!r}, which is not what is compared on"
            raise UsageError(what, file=path, hint="Pass the same --data and flags of columns to compare as it was made with")
    return Variant(Path(path).stem, replace(found, **{setting: getattr(base, setting) for setting in SHARED}))
