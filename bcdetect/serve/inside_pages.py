"""The page inside the network: one input, layer by layer, with the numbers of every step."""

from __future__ import annotations

from fastapi import Request

from bcdetect.datasets.phantom import CLASSES, SEQUENCES
from bcdetect.serve.pages import Chosen, page, router
from bcdetect.serve.services import Here
from bcdetect.serve.shelf import Model
from bcdetect.serve.walks import MOST, SECONDS
from bcdetect.typical import example_rows


@router.get("/inside")
async def inside(request: Request, here: Here, model: Chosen = None):
    """The page."""
    return await page(request, here, "inside.html", None, model, _inputs, phantoms=CLASSES, minutes=int(SECONDS // 60), most=MOST)


def _inputs(model: Model) -> dict:
    """What anyone can walk through the model without a file."""
    return {"examples": _examples(model), "synthetic": _synthetic(model)}


def _examples(model: Model) -> list[dict] | None:
    """Of each class a row of the built-in table, without its numbers; None for a model of pictures or of other columns."""
    if model.classifier.takes_pictures:
        return None
    found = example_rows(model.classifier)
    return found and [{"class": each["class"], "row": each["row"]} for each in found]


def _synthetic(model: Model) -> tuple[str, ...]:
    """The sequences of a synthetic exam that the model can take, or the one that stands for a grey picture; else none."""
    classifier = model.classifier
    if not classifier.takes_pictures:
        return ()
    if classifier.sequences:
        return tuple(classifier.sequences) if set(classifier.sequences) <= set(SEQUENCES) else ()
    return ("dce",) if classifier.input_shape[-1] == 1 else ()
