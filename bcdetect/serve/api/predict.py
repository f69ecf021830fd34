"""predict."""

from __future__ import annotations

from fastapi import APIRouter

router = APIRouter(prefix="/api/predict", tags=["predict"])
