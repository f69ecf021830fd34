"""The settings that may be chosen, as they are told and as they are taken: both follow from `choices.ALLOWED`."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, create_model

from bcdetect.config import Config
from bcdetect.serve.choices import ALLOWED, BLOCKS, NAMES
from bcdetect.serve.setting_words import FIRST, WORDS

RECIPE = asdict(Config())


class Setting(BaseModel):
    """One setting: its bounds are those of its numbers, or of each where it is a list."""

    name: str
    title: str
    help: str
    kind: str = Field(description="int, float, ints, choice, text or texts")
    default: Any = Field(description="the recipe's; null: nothing is chosen")
    least: float | None = None
    most: float | None = None
    choices: list[str] = []
    longest: int | None = Field(None, description="characters of a text")
    first: bool = Field(description="whether it is one that people reach for")


def offered(name: str) -> Setting:
    """A setting as the page and the API tell it."""
    kind, bounds = ALLOWED[name]
    title, text = WORDS[name]
    told = {"name": name, "title": title, "help": text, "kind": kind, "default": RECIPE[name], "first": name in FIRST}
    if kind in ("text", "texts"):
        return Setting(**told, longest=bounds[0])
    return Setting(**told, choices=list(bounds)) if kind == "choice" else Setting(**told, least=bounds[0], most=bounds[1])


OFFERED = tuple(map(offered, ALLOWED))


def _field(setting: Setting) -> tuple:
    """Type and default of a field that takes the setting."""
    default, text = setting.default, setting.help
    if setting.kind == "choice":
        return Literal[tuple(setting.choices)], Field(default, description=text)
    if setting.kind in ("text", "texts"):
        each = Annotated[str, Field(max_length=setting.longest)]
    elif setting.kind == "float":
        each = Annotated[float, Field(ge=setting.least, le=setting.most, allow_inf_nan=False)]
    else:
        each = Annotated[int, Field(ge=int(setting.least), le=int(setting.most))]
    if setting.kind in ("ints", "texts"):
        most = BLOCKS if setting.kind == "ints" else NAMES
        return list[each], Field(list(default), max_length=most, description=text)
    return each if default is not None else each | None, Field(default, description=text)


Chosen = create_model(
    "Chosen",
    __config__=ConfigDict(extra="forbid"),
    __doc__="The settings that were chosen; what is left out is as in the recipe.",
    **{setting.name: _field(setting) for setting in OFFERED},
)
