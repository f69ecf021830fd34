"""Training runs: start one, watch it, stop it, keep it or throw it away."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Header, Path, Query, Response
from fastapi.responses import HTMLResponse

from bcdetect.config import Config
from bcdetect.errors import InputError, UsageError
from bcdetect.gate import read_text
from bcdetect.serve.api.models import REPORT_POLICY
from bcdetect.serve.api.train_shapes import (
    Facts,
    Known,
    Name,
    Offer,
    Runs,
    Start,
    TableStart,
    address_of,
    facts_of,
    has_told_all,
    known,
)
from bcdetect.serve.choices import chosen
from bcdetect.serve.failures import ERRORS, NotThere
from bcdetect.serve.hints import on_the_wire
from bcdetect.serve.job import Job
from bcdetect.serve.jobs import plain_name
from bcdetect.serve.offered import OFFERED
from bcdetect.serve.own_table import own_table
from bcdetect.serve.services import Here
from bcdetect.serve.streams import EventStream
from bcdetect.serve.uploads import CSV_BODY, Body, check_cells
from bcdetect.serve.work import Busy

router = APIRouter(prefix="/api/train", tags=["train"], responses=ERRORS)

Id = Annotated[str, Path(max_length=64, description="a run's id")]
After = Annotated[int, Header(alias="Last-Event-ID", ge=0, le=10**9, description="the number of the last event that came")]
STARTED = {"status_code": 202, "response_description": "It was started; its address is in Location, too"}


@router.get("/settings")
async def settings() -> Offer:
    """Every setting that may be chosen, with its bounds and the recipe's value."""
    return Offer(settings=list(OFFERED))


@router.post("", **STARTED)
async def start(wanted: Start, here: Here, response: Response) -> Known:
    """Train on the built-in data. So many runs at once as the server trains, by default one: else 503."""
    return await _start(here, response, chosen(wanted.settings.model_dump(exclude_unset=True)))


@router.post("/table", openapi_extra=CSV_BODY, **STARTED)
async def start_on_table(wanted: Annotated[TableStart, Query()], body: Body, here: Here, response: Response) -> Known:
    """Train on a table. One that cannot be trained on starts nothing; it is removed once the run has read it."""
    values = wanted.model_dump(exclude_unset=True)
    values.pop("name", None)
    config = chosen(values)
    if here.jobs.full():  # before a long table is read for nothing; it may be full afterwards, too
        raise _busy(here)
    await here.slow.run(_check, body, wanted.name, config)
    return await _start(here, response, config, body, wanted.name)


@router.get("")
async def listing(here: Here) -> Runs:
    """Every run that is known: those of this server that were not thrown away."""
    return Runs(runs=[known(job) for job in here.jobs.all()])


@router.get("/{key}")
async def facts(key: Id, here: Here) -> Facts:
    """What goes on with a run, and what it found."""
    return facts_of(_job(here, key))


@router.get(
    "/{key}/events",
    status_code=200,
    response_class=EventStream,
    responses={200: {"description": "Events"}, 204: {"description": "All was told: a browser asks no more"}},
)
async def events(key: Id, here: Here, after: After = 0):
    """What a run tells, from its beginning or from the event after `Last-Event-ID`, as server-sent events, to its end.

    Each has a number as `id`, a kind as `event`, and JSON as `data`:

    - `state`: `state` is reading, preparing, training, stopping or writing;
    - `line`: `text` for people;
    - `epoch`: `epoch` of `of`, `loss` and `validation_loss`, `validation_auc` (null where it is undefined), `lr`, and the
      `seconds_left` at most;
    - `done`, the last: `state` is done or stopped, `usable` whether there is a model, and if so what it found, as in the
      run's `result`;
    - `failed`, the last: `error` with its parts.

    After 15 seconds without any a comment comes. A stream ends without a last event when the server does.
    """
    job = _job(here, key)
    if has_told_all(job, after):
        return Response(status_code=204)
    return EventStream(here.streams, (on_the_wire(event) async for event in job.follow(after)))


@router.get("/{key}/report", response_class=HTMLResponse)
async def report(key: Id, here: Here):
    """The report of a run that has ended, as a page that stands alone, whether it was kept or not."""
    page = await here.work.run(_read_report, _job(here, key))
    return HTMLResponse(page, headers={"Content-Security-Policy": REPORT_POLICY})


@router.post("/{key}/stop")
async def stop(key: Id, here: Here) -> Known:
    """Ask a run to end with the best weights so far; asked again, it ends at once and has none."""
    job = _job(here, key)
    await asyncio.to_thread(job.stop)
    return known(job)


@router.post("/{key}/keep")
async def keep(key: Id, wanted: Name, here: Here) -> Known:
    """Put a run that has ended among the models, under a name that is free."""
    job = _job(here, key)
    await asyncio.to_thread(job.keep, wanted.name)
    return known(job)


@router.delete("/{key}", status_code=204)
async def discard(key: Id, here: Here) -> None:
    """End a run if it goes on, and forget it, with all that was not kept."""
    await asyncio.to_thread(_discard, _job(here, key))


async def _start(here, response: Response, config: Config, csv: bytes | None = None, name: str = "") -> Known:
    try:
        job = await asyncio.to_thread(here.jobs.start, config, csv, name)
    except Busy as error:
        if not here.jobs.full():
            raise
        raise _busy(here) from error
    response.headers["Location"] = address_of(job)
    return known(job)


def _busy(here) -> Busy:
    """Which run is in the way; one that only starts, or ended meanwhile, has no address to name."""
    what = "a run is going on, and one at a time is trained here"
    if here.jobs.at_once > 1:
        what = f"{here.jobs.at_once} runs are going on, which are as many as are trained here at once"
    running = next((job for job in here.jobs.all() if job.running), None)
    if running is None:
        return Busy(what, hint="Wait for it to end")
    return Busy(what, where=address_of(running), hint="Wait for it to end, or stop it")


def _check(body: bytes, name: str, config: Config) -> None:
    """Raise what a run of this table would: it is read twice, but nobody has to follow a run to learn of a wrong column."""
    check_cells(body, name)
    own_table(body, replace(config, data=plain_name(name)))


def _job(here, key: str) -> Job:
    job = here.jobs.get(key)
    if job is None:
        raise NotThere("there is no run of this id", hint="It was thrown away, or the server was started anew since")
    return job


def _discard(job: Job) -> None:
    job.kill()
    if not job.wait(job.grace):
        raise UsageError("the run does not end", hint="Try again")
    job.forget()


def _read_report(job: Job) -> str:
    run = job.run
    if run is None or not (run / "report.html").is_file():
        raise NotThere("there is no report of this run", hint="A run has one when it has ended, and after an epoch at least")
    try:
        return read_text(run / "report.html")
    except InputError as error:  # without the folder's path
        raise InputError(error.what, file="report.html") from None
