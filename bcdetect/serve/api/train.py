"""train."""

from __future__ import annotations

from fastapi import APIRouter

router = APIRouter(prefix="/api/train", tags=["train"])
