"""The page that looks at data before anything is trained on it."""

from __future__ import annotations

from bcdetect.serve.pages import render, router


@router.get("/explore")
async def explore():
    """Classes, distributions, correlations, and a scatter of any two features."""
    return render("explore.html", path="/explore")
