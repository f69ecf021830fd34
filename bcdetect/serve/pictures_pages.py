"""The page of pictures: drop them, see what each is called, open one and see why."""

from __future__ import annotations

from fastapi import Request

from bcdetect.datasets.phantom import SEQUENCES
from bcdetect.explain.methods import FOR_PICTURES
from bcdetect.serve import pages
from bcdetect.serve.api.explain import ways
from bcdetect.serve.services import Here


@pages.router.get("/pictures")
async def pictures(request: Request, here: Here, model: pages.Chosen = None):
    """The page."""
    return await pages.page(
        request,
        here,
        "pictures.html",
        "pictures",
        model,
        ways=ways(),
        first=FOR_PICTURES,
        phantoms=SEQUENCES,
        most=here.settings.max_upload,
    )
