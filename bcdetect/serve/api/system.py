"""Is it up, and what is it?"""

from __future__ import annotations

import asyncio

from fastapi import APIRouter
from pydantic import BaseModel

from bcdetect import NOTICE
from bcdetect.run import versions
from bcdetect.serve.services import Here

router = APIRouter(tags=["system"])


class Health(BaseModel):
    """That the server answers."""

    status: str = "ok"


class Version(BaseModel):
    """What computes the answers."""

    notice: str
    versions: dict[str, str]
    models: int
    logging: bool  # whether predictions are kept


@router.get("/health")
async def health() -> Health:
    """Whether the server answers; needs no token."""
    return Health()


@router.get("/api/version")
async def version(here: Here) -> Version:
    """Versions, the number of models, and whether the operator keeps a log of predictions."""
    models = await asyncio.to_thread(here.shelf.places)  # not a thread of the pool: it is asked when those are busy, too
    return Version(notice=NOTICE, versions=versions(), models=len(models), logging=here.log is not None)
