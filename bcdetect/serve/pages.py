"""The HTML pages: rendered here, brought to life by a script each, which calls the JSON API."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, FastAPI, Query, Request
from fastapi.responses import HTMLResponse, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from bcdetect import NOTICE, __version__
from bcdetect.serve.services import Here
from bcdetect.serve.shelf import Model

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
)

router = APIRouter(include_in_schema=False)
_templates = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_templates.globals.update(notice=NOTICE, version=__version__, pages=PAGES)

Chosen = Annotated[str | None, Query(alias="model", max_length=64)]


def render(name: str, status: int = 200, **values) -> Response:
    """A template as a page."""
    return HTMLResponse(_templates.get_template(name).render(**values), status)


def add_to(app: FastAPI) -> None:
    """Add every page."""
    app.include_router(router)


async def page(request: Request, here, template: str, takes: str | None, model: str | None, **values) -> Response:
    """A page on which a model is chosen: one that takes "table" or "pictures", or any (None)."""
    names, chosen = await choose(here, takes, model)
    return render(template, path=request.url.path, models=names, chosen=chosen, takes=takes, **values)


async def choose(here, takes: str | None, model: str | None) -> tuple[list[str], Model | None]:
    """The names of the models that serve, and the one asked for by name, else the newest; None where there is none."""
    found = [(place, each) for place, each, _ in await here.work.run(here.shelf.all) if each is not None]
    fit = [each for _, each in found if takes is None or takes == ("pictures" if each.classifier.takes_pictures else "table")]
    return [each.name for each in fit], next((each for each in fit if each.name == model), fit[0] if fit else None)


def login(request: Request, target: str, message: str) -> str:
    """The page that asks for the token, and leads to `target`."""
    return _templates.get_template("login.html").render(path="/login", target=target, message=message)


@router.get("/")
async def start(request: Request, here: Here):
    """What there is, and where to begin."""
    models = await here.work.run(here.shelf.all)
    return render("start.html", path="/", found=models, logging=here.log is not None)
