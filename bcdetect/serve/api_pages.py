"""The page of the JSON API, made from its OpenAPI document."""

from __future__ import annotations

from itertools import islice

from fastapi import Request

from bcdetect.form import groups_of
from bcdetect.serve.api.rows import EXAMPLE
from bcdetect.serve.chosen import chosen
from bcdetect.serve.failures import NotThere
from bcdetect.serve.pages import render, router
from bcdetect.serve.reference import Example, operations
from bcdetect.serve.services import Here
from bcdetect.serve.shelf import Shelf

MOST_SHOWN, FEW = 40, 3  # columns of a row that a command names in full; of a wider one it names a few


@router.get("/api")
async def api(request: Request, here: Here):
    """Every route, and how to ask it."""
    address = str(here.settings.public or request.base_url).rstrip("/")
    newest = next((place.name for place in await here.work.run(here.shelf.places)), None)
    known = {} if newest is None else {"name": newest}
    bearer = here.settings.token is not None
    example = await here.work.run(example_row, here.shelf)
    groups = operations(request.app.openapi(), address, bearer, known, example)
    return render("api.html", path="/api", groups=groups, address=address, bearer=bearer)


def example_row(shelf: Shelf) -> Example:
    """A row of typical values for the newest model of tables, which answers where a command names no other."""
    try:
        groups = groups_of(chosen(shelf, None, "table").classifier)
    except NotThere:
        note = "There is no model of tables here yet. The names that one takes: GET /api/predict/form"
        return Example({"row": EXAMPLE, "rows": [EXAMPLE]}, note)
    starts = {each["name"]: each["start"] for group in groups for each in group["fields"]}
    if len(starts) <= MOST_SHOWN:
        return Example({"row": starts, "rows": [starts]})
    few = dict(islice(starts.items(), FEW))
    note = f"These are {FEW} of the {len(starts):,} names that the model takes. All, with typical values: GET /api/predict/form"
    return Example({"row": few, "rows": [few]}, note)
