"""The page that trains: a form of the settings, and what its script shows of a run."""

from __future__ import annotations

from bcdetect.datasets.labels import ORDERS
from bcdetect.serve.offered import OFFERED
from bcdetect.serve.pages import render, router
from bcdetect.serve.services import Here
from bcdetect.serve.setting_words import FIRST, OF_DATA, WORDS


@router.get("/train")
async def train(here: Here):
    """Start a run and watch it."""
    settings = {setting.name: setting for setting in OFFERED if setting.name not in OF_DATA}
    first = [settings.pop(name) for name in FIRST]
    more = [settings[name] for name in WORDS if name in settings]
    pairs = [("b", "m"), *(order for order in ORDERS if len(order) == 2)]
    most = here.settings.limits.max_body
    return render("train.html", path="/train", first=first, more=more, most_bytes=most, pairs=pairs)
