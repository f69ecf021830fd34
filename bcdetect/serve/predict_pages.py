"""The pages for rows: a whole table, and one patient."""

from __future__ import annotations

from fastapi import Request

from bcdetect.serve.api.predict import MOST_ROWS
from bcdetect.serve.api.predict_form import form_of, knows_wisconsin
from bcdetect.serve.pages import Chosen, choose, render, router
from bcdetect.serve.services import Here


@router.get("/table")
async def table(request: Request, here: Here, model: Chosen = None):
    """A CSV table in, an answer for every row."""
    names, chosen = await choose(here, "table", model)
    known = chosen is not None and await here.work.run(knows_wisconsin, chosen)
    limits = {"most_bytes": here.settings.limits.max_body, "most_rows": MOST_ROWS}
    return render(
        "table.html", path="/table", models=names, chosen=chosen, asked=model, takes="table", knows_wisconsin=known, **limits
    )


@router.get("/patient")
async def patient(request: Request, here: Here, model: Chosen = None):
    """A form for one row."""
    names, chosen = await choose(here, "table", model)
    form = None if chosen is None else await here.work.run(form_of, chosen)
    return render("patient.html", path="/patient", models=names, chosen=chosen, asked=model, takes="table", form=form)
