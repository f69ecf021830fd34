"""Every way to fail, as one JSON shape: `{"error": {"code", "file", "where", "what", "hint"}}`, as `--json` prints it."""

from __future__ import annotations

import logging
import os

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.routing import Match

from bcdetect.errors import BcdetectError, InputError, ModelFileError, OutputError, TrainingError, UsageError
from bcdetect.serve.hints import spoken
from bcdetect.serve.work import Busy, TooSlow

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
SHOWN = 200  # characters of a value that a message repeats
STATUS: dict[type, int] = {
    InputError: 422,
    UsageError: 400,
    ModelFileError: 409,
    TrainingError: 422,
    OutputError: 507,
    Busy: 503,
    TooSlow: 504,
}
TEXTS = {404: "there is nothing at this address", 405: "this address does not take that method", 413: "the request is too large"}


class Parts(BaseModel):
    """What went wrong, in which file and where in it, and what to do about it; a part that has nothing to say is empty."""

    code: str
    file: str
    where: str
    what: str
    hint: str


class Failed(BaseModel):
    """What comes instead of an answer."""

    error: Parts


ERRORS: dict[int | str, dict] = {  # for a route's `responses`
    400: {"model": Failed, "description": "what was asked for makes no sense"},
    404: {"model": Failed, "description": "no model, run or layer of this name"},
    409: {"model": Failed, "description": "the model's file cannot be used"},
    413: {"model": Failed, "description": "the request is too large"},
    422: {"model": Failed, "description": "what was sent cannot be used"},
    503: {"model": Failed, "description": "busy; try again later"},
    504: {"model": Failed, "description": "no answer in time"},
}


class NotThere(UsageError):
    """A model, a run or a layer of this name is not here."""

    code = "not_found"


def failure(status: int, code: str, what: str, *, where: str = "", hint: str = "", file: str = "", headers=None) -> JSONResponse:
    """One error as a response."""
    parts = {"code": code, "file": file, "where": where, "what": what, "hint": hint}
    return JSONResponse({"error": parts}, status, headers)


def of_error(error: BcdetectError) -> JSONResponse:
    """An error of the library as a response."""
    status = 404 if isinstance(error, NotThere) else next((s for kind, s in STATUS.items() if isinstance(error, kind)), 400)
    headers, file = {"Retry-After": "2"} if isinstance(error, Busy) else None, error.file
    if isinstance(error, OutputError):  # of a file of the operator's, whom alone its folder concerns
        logging.getLogger("bcdetect.serve").error("%s", error)
        file = os.path.basename(file)
    return failure(status, error.code, error.what, where=error.where, hint=spoken(error.hint), file=file, headers=headers)


def taken_here(request: Request) -> list[str]:
    """The methods that the routes of this address take together, each of which knows its own alone; [] among the static files."""

    def is_taken(method: str) -> bool:
        asked = {**request.scope, "method": method}
        return any(route.matches(asked)[0] is Match.FULL for route in request.app.routes)

    return [] if is_taken(request.method) else [method for method in METHODS if is_taken(method)]


def add_handlers(app: FastAPI) -> None:
    """Let the app answer every failure in this shape."""

    @app.exception_handler(BcdetectError)
    async def known(request: Request, error: BcdetectError):
        return of_error(error)

    @app.exception_handler(MemoryError)
    async def memory(request: Request, error: MemoryError):
        return failure(503, "memory", "this needs more memory than there is", hint="Send less at once")

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError):
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])[:SHOWN]
        return failure(422, "bad_request", first["msg"][:SHOWN], where=where, hint="See the page /api for what is taken")

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException):
        what = TEXTS.get(error.status_code, str(error.detail)[:SHOWN])
        if error.status_code != 405:
            return failure(error.status_code, "http", what, headers=error.headers)
        # Static files say what they take in newer Starlettes alone.
        taken = taken_here(request) or (error.headers or {}).get("Allow", "GET, HEAD").split(", ")
        return failure(405, "http", what, hint=f"Use {' or '.join(taken)}", headers={"Allow": ", ".join(taken)})

    @app.exception_handler(Exception)
    async def unknown(request: Request, error: Exception):
        # Not logged here: the error goes on to the guard, which knows whether it is only that the client left.
        return failure(500, "internal", "something went wrong in the server", hint="The operator's log has the reason")
