"""The app: services, routes, and the two guards around them."""

from __future__ import annotations

import tempfile
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI
from starlette.staticfiles import StaticFiles

from bcdetect import NOTICE, __version__
from bcdetect.serve import api_pages, explore_pages, model_pages, pages
from bcdetect.serve.access import Access
from bcdetect.serve.api import explain, explore, inside, models, predict, system, train
from bcdetect.serve.failures import add_handlers
from bcdetect.serve.guard import Guard
from bcdetect.serve.jobs import Jobs
from bcdetect.serve.log import PredictionLog
from bcdetect.serve.services import Services
from bcdetect.serve.settings import Settings
from bcdetect.serve.shelf import Shelf
from bcdetect.serve.work import Work

HERE = Path(__file__).parent
PAGES = (api_pages, explore_pages, model_pages)  # each adds its own to pages.router
ROUTERS = (system, models, predict, explain, explore, inside, train)


def create_app(settings: Settings) -> FastAPI:
    """An ASGI app of these settings, guarded. Raises OutputError where the log cannot be opened."""
    log = PredictionLog(settings.log) if settings.log is not None else None

    @asynccontextmanager
    async def life(app: FastAPI):
        with tempfile.TemporaryDirectory(prefix="bcdetect-serve-") as folder:
            work = Work(settings.threads, settings.waiting, settings.answer_seconds)
            jobs = Jobs(Path(folder), settings.models)
            app.state.services = Services(settings, Shelf(settings.models), work, jobs, log)
            try:
                yield
            finally:
                jobs.close()
                await work.close(settings.answer_seconds)
                if log is not None:
                    log.close()

    app = FastAPI(
        title="bcdetect",
        summary="A breast-cancer classifier that tries to be honest.",
        description=NOTICE,
        version=__version__,
        docs_url=None,  # its page would load scripts from another host; /api is ours
        redoc_url=None,
        lifespan=life,
    )
    add_handlers(app)
    for each in ROUTERS:
        app.include_router(each.router)
    pages.add_to(app)
    app.mount("/static", StaticFiles(directory=HERE / "static"), name="static")
    app.add_middleware(Access, token=settings.token)
    app.add_middleware(
        Guard,
        hosts=settings.served,
        max_body=settings.max_upload,
        max_bytes_in_flight=settings.in_flight,
        body_seconds=settings.upload_seconds,
        idle_seconds=settings.idle_seconds,
    )
    return app
