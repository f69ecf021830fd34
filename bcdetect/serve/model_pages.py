"""The page of a model: what it is, what it was found to be worth, and what other thresholds and prevalences would mean."""

from __future__ import annotations

import json

from fastapi import Request

from bcdetect.errors import BcdetectError
from bcdetect.scores import BY_GROUP, METHODS
from bcdetect.serve.facts import Facts, facts_of
from bcdetect.serve.found import Found, Score, found_of, operating_of
from bcdetect.serve.pages import Chosen, page, router
from bcdetect.serve.services import Here
from bcdetect.serve.shelf import Model
from bcdetect.serve.words import WORDS


@router.get("/model")
async def model_page(request: Request, here: Here, model: Chosen = None):
    """Facts, scores, and the operating point."""
    return await page(request, here, "model.html", None, model, told_of)


def told_of(model: Model) -> dict:
    """What the page says of a model."""
    facts, found, problem, fixed = facts_of(model), None, "", ""
    try:
        found = found_of(model)
    except BcdetectError as error:
        problem = str(error)
    try:
        operating_of(model)
    except BcdetectError as error:
        fixed = str(error)
    return {
        "facts": facts,
        "found": found,
        "problem": problem,
        "fixed": fixed,  # why the operating point cannot be moved
        "rows": [] if found is None else score_rows(found),
        "method": BY_GROUP if found is not None and found.parts["test"].groups is not None else METHODS,
        "by_rule": by_rule(facts),
        "card": json.dumps(facts.card, indent=1, ensure_ascii=False),
    }


def by_rule(facts: Facts) -> str:
    """What the rule of the threshold was, as it stands behind its name; empty where there is none."""
    if facts.operating_point is None:
        return ""
    sentence = facts.operating_point.sentence
    return f"{sentence[:1].lower()}{sentence[1:]}."


def score_rows(found: Found) -> list[tuple[str | None, str, list[Score | None]]]:
    """The word that explains it, the name, and the score of each model: of each metric, in the order of the file."""
    metrics = dict.fromkeys(name for scores in found.test.values() for name in scores)
    return [(*named(metric), [scores.get(metric) for scores in found.test.values()]) for metric in metrics]


def named(metric: str) -> tuple[str | None, str]:
    """The word that explains a metric, None for one that is not known, and its name for people."""
    explained = "sensitivity" if metric.startswith("sensitivity of ") else metric
    if explained not in WORDS:
        return None, metric.replace("_", " ")
    return explained, WORDS[metric].title if metric in WORDS else metric
