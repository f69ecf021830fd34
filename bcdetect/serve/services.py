"""What every route may use: the settings, the models, the pools of threads, the log, the training runs, and recent walks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from bcdetect.serve.jobs import Jobs
from bcdetect.serve.log import PredictionLog
from bcdetect.serve.settings import Settings
from bcdetect.serve.shelf import Shelf
from bcdetect.serve.streams import Streams
from bcdetect.serve.walks import Walks
from bcdetect.serve.work import Work


@dataclass(frozen=True)
class Services:
    """One of each for the app; `log` is None unless the operator turned it on.

    `work` is for predictions, pages and all else that is answered soon, `slow` for what may take long, so that neither an
    occlusion map nor a large table to explore keeps a row from its answer.
    """

    settings: Settings
    shelf: Shelf
    work: Work
    slow: Work
    jobs: Jobs
    log: PredictionLog | None
    streams: Streams
    walks: Walks


def services_of(request: Request) -> Services:
    """The app's services."""
    return request.app.state.services


Here = Annotated[Services, Depends(services_of)]
