"""The app: services, routes, and the two guards around them."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI
from starlette.staticfiles import StaticFiles

from bcdetect import NOTICE, __version__
from bcdetect.serve import (
    api_pages,
    explore_pages,
    inside_pages,
    model_pages,
    pages,
    pictures_pages,
    predict_pages,
    train_pages,
    words_pages,
)
from bcdetect.serve.access import Access, Door
from bcdetect.serve.api import explain, explain_row, explore, inside, models, pictures, predict, predict_form, system, train
from bcdetect.serve.failures import add_handlers
from bcdetect.serve.guard import Guard
from bcdetect.serve.jobs import Jobs
from bcdetect.serve.log import PredictionLog
from bcdetect.serve.login import login_routes
from bcdetect.serve.services import Services
from bcdetect.serve.settings import Settings
from bcdetect.serve.shelf import Shelf
from bcdetect.serve.streams import Streams
from bcdetect.serve.walks import Walks
from bcdetect.serve.work import Work

HERE = Path(__file__).parent
GRACE_SECONDS = 10.0
PAGES = (
    predict_pages,
    pictures_pages,
    explore_pages,
    model_pages,
    inside_pages,
    train_pages,
    api_pages,
    words_pages,
)  # add to pages.router
ROUTERS = (system, models, predict, predict_form, pictures, explain, explain_row, explore, inside, train)


def create_app(settings: Settings) -> FastAPI:
    """The app of these settings, without the guards. Raises OutputError where the log cannot be opened."""
    log = PredictionLog(settings.log) if settings.log is not None else None

    @asynccontextmanager
    async def life(app: FastAPI):
        jobs = Jobs(None, settings.models)
        work = Work(settings.threads, settings.waiting, settings.answer_seconds)
        slow = Work(settings.slow_threads, settings.slow_waiting, settings.answer_seconds)
        app.state.services = Services(settings, Shelf(settings.models), work, slow, jobs, log, Streams(), Walks())
        try:
            yield
        finally:
            await asyncio.to_thread(jobs.close)
            await asyncio.gather(work.close(GRACE_SECONDS), slow.close(GRACE_SECONDS))
            if log is not None:
                log.close()

    app = FastAPI(
        title="bcdetect",
        summary="A breast-cancer classifier that tries to be honest.",
        description=NOTICE,
        version=__version__,
        docs_url=None,  # its page would load scripts from another host; /api is ours
        redoc_url=None,
        telemetry={"auto_configure": False},  # nothing leaves the machine
        lifespan=life,
    )
    add_handlers(app)
    for each in ROUTERS:
        app.include_router(each.router)
    pages.add_to(app)
    app.mount("/static", StaticFiles(directory=HERE / "static"), name="static")
    return app


def guarded(app: FastAPI, settings: Settings):
    """The app behind its guards, as it meets the network. Raises UsageError for a token that could be guessed."""
    door = Door(settings.token)
    app.router.routes.extend(login_routes(door, pages.login))
    return Guard(Access(app, door), settings.served, settings.port or None, settings.limits, settings.public)


def end_streams(app: FastAPI) -> None:
    """Let event streams come to their end, when the server is about to."""
    app.state.services.streams.end()
