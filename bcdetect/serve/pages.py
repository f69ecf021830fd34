"""The HTML pages: rendered here, brought to life by a script each, which calls the JSON API."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, FastAPI, Query, Request
from fastapi.responses import HTMLResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from bcdetect import NOTICE, __version__
from bcdetect.errors import ModelFileError
from bcdetect.serve.services import Here
from bcdetect.serve.shelf import Model, Shelf
from bcdetect.serve.words import link

PAGES = (  # address, title
    ("/", "Start"),
    ("/table", "Predict a table"),
    ("/patient", "One patient"),
    ("/pictures", "Pictures"),
    ("/explore", "Explore the data"),
    ("/model", "The model"),
    ("/inside", "Inside the network"),
    ("/train", "Train"),
    ("/api", "API"),
    ("/words", "Words"),
)

TAKES = {"/table": "table", "/patient": "table", "/pictures": "pictures", "/model": "any", "/inside": "any"}  # of models

router = APIRouter(include_in_schema=False)
_templates = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_templates.globals.update(notice=NOTICE, version=__version__, pages=PAGES, takes_model=TAKES, word=link)

Chosen = Annotated[str | None, Query(alias="model", max_length=64)]


def render(name: str, status: int = 200, **values) -> Response:
    """A template as a page."""
    return HTMLResponse(_templates.get_template(name).render(**values), status)


def add_to(app: FastAPI) -> None:
    """Add every page."""
    app.include_router(router)


async def page(
    request: Request,
    here,
    template: str,
    takes: str | None,
    model: str | None,
    told: Callable[[Model], dict] | None = None,
    **values,
) -> Response:
    """A page on which a model is chosen: one that takes "table" or "pictures", or any (None).

    `told` gives what the template says of that model, in a worker thread.
    """
    names, chosen = await choose(here, takes, model)
    if chosen is not None and told is not None:
        values |= await here.work.run(told, chosen)
    return render(template, path=request.url.path, models=names, chosen=chosen, asked=model, takes=takes, **values)


async def choose(here, takes: str | None, model: str | None) -> tuple[list[str], Model | None]:
    """The names of the models that serve, and the one asked for by name, else the newest; None where there is none."""
    return await here.work.run(_choose, here.shelf, takes, model)


def _choose(shelf: Shelf, takes: str | None, name: str | None) -> tuple[list[str], Model | None]:
    fit = [each.place for each in shelf.titles() if each.takes is not None and takes in (None, each.takes)]
    for place in sorted(fit, key=lambda place: place.name != name):
        with suppress(ModelFileError):  # it has changed since
            return [each.name for each in fit], shelf.load(place)
    return [], None


def login(request: Request, target: str, message: str) -> str:
    """The page that asks for the token, and leads to `target`."""
    return _templates.get_template("login.html").render(path="/login", target=target, message=message)


@router.get("/")
async def start(request: Request, here: Here):
    """What there is, and where to begin."""
    titles = await here.work.run(here.shelf.titles)
    return render("start.html", path="/", found=titles, logging=here.log is not None)
