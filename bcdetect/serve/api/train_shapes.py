"""What is sent to start a run, and what is told of one."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from bcdetect import NOTICE
from bcdetect.serve.failures import Parts
from bcdetect.serve.found import Score
from bcdetect.serve.hints import parts_of
from bcdetect.serve.job import Job
from bcdetect.serve.offered import RECIPE, Chosen, Setting
from bcdetect.serve.uploads import NAMED

ENDS = ("done", "error")  # the kinds of a run's last event


class Offer(BaseModel):
    """Every setting that may be chosen."""

    settings: list[Setting]


class Start(BaseModel):
    """A run on the built-in data."""

    model_config = ConfigDict(extra="forbid")
    settings: Chosen = Chosen()


class TableStart(Chosen):
    """A run on a table, as a query: its file's name, and each setting by its own; a list has a parameter for each entry."""

    name: str = Field("table.csv", max_length=NAMED, description="the file's name, for messages and for the model")


class Name(BaseModel):
    """What to keep a run as."""

    model_config = ConfigDict(extra="forbid")
    name: str = Field(max_length=200, description="1 to 64 letters, digits, dots, dashes and underscores; no dot or dash first")


class Learning(BaseModel):
    """Over- or under-fitting, told from the learning curves."""

    kind: str
    reason: str


class Result(BaseModel):
    """What a run that has ended found."""

    notice: str = NOTICE
    interrupted: bool
    best_epoch: int = Field(description="from 1; its weights are the model's")
    epochs: int = Field(description="that were trained")
    learning: Learning
    positive: str | None = Field(description="the class that is looked for; null for three and more classes")
    rows: int = Field(description="of the test part")
    rows_in_two_parts: int = Field(description="exactly alike: more than none make the scores too good")
    logistic_converged: bool = Field(description="if not, its scores are not the baseline's")
    test: dict[str, dict[str, Score]] = Field(description="scores of the untouched test part with 95 % intervals, by model")
    intervals: str = Field(description="how they were made")


class Known(BaseModel):
    """A run. `usable`: it has a model, to keep or to look at."""

    id: str
    address: str
    state: Literal["running", "stopping", "done", "stopped", "failed"]
    started: str
    data: str | None = Field(description="the table's name; null: the built-in data")
    epochs: int = Field(description="that it may take")
    usable: bool
    kept: str | None = Field(description="the model's name, of a run that was kept")


class Runs(BaseModel):
    """All runs that are known, the latest first."""

    runs: list[Known]


class Facts(Known):
    """A run with what was chosen and what it found."""

    settings: dict[str, Any] = Field(description="those that are not as in the recipe")
    result: Result | None = Field(description="of a run that ended with a model")
    error: Parts | None = Field(description="of a run that failed")


def address_of(job: Job) -> str:
    """Where it is asked about."""
    return f"/api/train/{job.id}"


def known(job: Job) -> Known:
    """A run in a list."""
    return Known(**job.facts(), address=address_of(job))


def facts_of(job: Job) -> Facts:
    """A run by itself."""
    last = (job.events() or [{"event": ""}])[-1]
    result = Result(**last) if last["event"] == "done" and "test" in last else None
    error = Parts(**parts_of(last["error"])) if last["event"] == "error" else None
    chosen = {name: value for name, value in asdict(job.config).items() if name != "data" and value != RECIPE[name]}
    return Facts(**known(job).model_dump(), settings=chosen, result=result, error=error)


def has_told_all(job: Job, after: int) -> bool:
    """Whether there is nothing to come after that number."""
    last = (job.events() or [{"event": ""}])[-1]
    return last["event"] in ENDS and last["id"] <= after
