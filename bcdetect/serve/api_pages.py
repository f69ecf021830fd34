"""The page of the JSON API, made from its OpenAPI document."""

from __future__ import annotations

from fastapi import Request

from bcdetect.serve.pages import render, router
from bcdetect.serve.reference import operations
from bcdetect.serve.services import Here


@router.get("/api")
async def api(request: Request, here: Here):
    """Every route, and how to ask it."""
    address = str(here.settings.public or request.base_url).rstrip("/")
    newest = next((place.name for place in await here.work.run(here.shelf.places)), None)
    known = {} if newest is None else {"name": newest}
    bearer = here.settings.token is not None
    groups = operations(request.app.openapi(), address, bearer, known)
    return render("api.html", path="/api", groups=groups, address=address, bearer=bearer)
