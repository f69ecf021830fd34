"""All questions to a model's explanations, asked of labelled rows: of its own data, those that it was not trained on."""

from __future__ import annotations

from collections.abc import Callable
from math import prod

import numpy as np

from bcdetect.classifier import Classifier
from bcdetect.datasets import Dataset
from bcdetect.errors import InputError, UsageError
from bcdetect.explain.checks.frame import frame_check
from bcdetect.explain.checks.lesion import lesion_checks
from bcdetect.explain.checks.noise import noise_check
from bcdetect.explain.checks.removal import removal_checks
from bcdetect.explain.checks.retrained import NAMES, Schooling, retrained_checks
from bcdetect.explain.checks.subject import Subject
from bcdetect.explain.checks.weights import weights_check
from bcdetect.explain.explaining import Explainer
from bcdetect.explain.grade import NOT_RUN, Check, Grade
from bcdetect.held_out import held_out, own_parts, settings_of

ROWS = 200  # drawn where there are more; intervals are then a few hundredths wide
NUMBERS = (
    2**26
)  # that these rows may hold together, as the network takes them: a quarter of a GiB, of which there are some copies


def grade_model(
    classifier: Classifier,
    digest: str,
    data: Dataset,
    method: str | None = None,
    layer: str | None = None,
    retrain: int = 0,
    rows: int = ROWS,
    say: Callable[[str], None] = lambda line: None,
) -> Grade:
    """The grade of a classifier's explanations by one method, on labelled data as `external.load_for` reads it.

    Rows are those of `held_out`. With `retrain`
    so many networks of other seeds are trained as the model was, one more on labels at random, and one with a planted marker;
    that takes the model's own data. Raises InputError and UsageError.
    """
    explainer = Explainer(classifier, method, layer)
    parts = own_parts(classifier, data)
    if retrain and parts is None:
        what = "only on the data that the model was made with can networks be trained as it was"
        raise UsageError(what, hint="Pass that data, or leave --retrain out")
    chosen, part = held_out(classifier, data)
    rows = min(rows, max(2, NUMBERS // prod(classifier.input_shape)))
    if len(chosen) > rows:
        chosen = np.sort(np.random.default_rng(0).choice(chosen, rows, replace=False))
    if len(chosen) < 2:
        raise InputError("there are too few rows to judge explanations by", file=data.provenance.get("file", ""))
    subject = Subject(explainer, data.subset(chosen))
    checks: list[Check] = []
    for name, ask in (
        ("weights drawn anew", weights_check),
        ("places taken away", removal_checks),
        ("noise", noise_check),
        ("the lesion", lesion_checks),
        ("the frame", frame_check),
    ):
        say(f"asking: {name}")
        found = ask(subject)
        checks += found if isinstance(found, list) else [found]
    if retrain:
        checks += retrained_checks(subject, Schooling(data, parts, settings_of(classifier)), retrain, say)
    else:
        checks += [Check(name, NOT_RUN, why="needs networks to be trained anew: --retrain 3") for name in NAMES]
    name = explainer.method_name
    return Grade(digest, name, explainer.layer, data.name, part, len(chosen), tuple(checks))
