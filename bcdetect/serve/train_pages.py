"""The page that trains: a form of the settings, and what its script shows of a run."""

from __future__ import annotations

from bcdetect.serve.offered import OFFERED
from bcdetect.serve.pages import render, router
from bcdetect.serve.services import Here
from bcdetect.serve.setting_words import OF_DATA


@router.get("/train")
async def train(here: Here):
    """Start a run and watch it."""
    of_network = [setting for setting in OFFERED if setting.name not in OF_DATA]
    first = [setting for setting in of_network if setting.first]
    more = [setting for setting in of_network if not setting.first]
    return render("train.html", path="/train", first=first, more=more, most_bytes=here.settings.max_upload)
