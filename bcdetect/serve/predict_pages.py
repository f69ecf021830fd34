"""The pages for rows: a whole table, and one patient."""

from __future__ import annotations

from fastapi import Request

from bcdetect.serve.api.predict import MOST_ROWS
from bcdetect.serve.api.predict_form import form_of, knows_wisconsin
from bcdetect.serve.pages import Chosen, page, router
from bcdetect.serve.services import Here


@router.get("/table")
async def table(request: Request, here: Here, model: Chosen = None):
    """A CSV table in, an answer for every row."""
    limits = {"most_bytes": here.settings.limits.max_body, "most_rows": MOST_ROWS}
    return await page(request, here, "table.html", "table", model, lambda it: {"knows_wisconsin": knows_wisconsin(it)}, **limits)


@router.get("/patient")
async def patient(request: Request, here: Here, model: Chosen = None):
    """A form for one row."""
    return await page(request, here, "patient.html", "table", model, lambda it: {"form": form_of(it)})
