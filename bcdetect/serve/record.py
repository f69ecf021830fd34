"""What the operator's log gets to know of an answer: when the log is on, before the answer is given."""

from __future__ import annotations

import hashlib

from bcdetect.predict import Answer
from bcdetect.serve.services import Services
from bcdetect.serve.shelf import Model


def logged(here: Services, kind: str, body: bytes, model: Model, result: dict) -> None:
    """Put one answer into the log, where there is one: of what was sent only its SHA-256 is kept. Call it in a worker thread.

    `kind` is the topic, such as "predict"; `result` is ready for JSON. Raises OutputError where the log cannot be written: no
    answer goes out that the log does not hold.
    """
    if here.log is not None:
        here.log.add(kind, hashlib.sha256(body).hexdigest(), model.sha256, model.name, result)


def outcomes(answers: list[Answer]) -> list[dict]:
    """What the log keeps of answers: nothing of what was sent, which a problem or a reason may repeat."""
    return [_outcome(answer) for answer in answers]


def _outcome(answer: Answer) -> dict:
    if answer.problem is not None:
        return {"row": answer.row, "answered": False}
    refer = answer.referral.reason is not None
    return {"row": answer.row, "class": answer.class_name, "probabilities": answer.probabilities.tolist(), "refer": refer}
