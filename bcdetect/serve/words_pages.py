"""The page of words: what the terms of the other pages mean."""

from __future__ import annotations

from bcdetect.serve.pages import render, router
from bcdetect.serve.words import SECTIONS


@router.get("/words")
async def words():
    """All of them, by what they are about."""
    return render("words.html", path="/words", sections=SECTIONS)
