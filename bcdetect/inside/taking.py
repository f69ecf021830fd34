"""Run one row through a network of a classifier, once forward and once back, by the engine."""

from __future__ import annotations

import numpy as np

from bcdetect.classifier import Classifier, mean_of
from bcdetect.errors import InputError, UsageError
from bcdetect.explain.network import Network, directions
from bcdetect.inside.asked import number_below, one_of
from bcdetect.inside.entrance import Entrance, checked
from bcdetect.inside.rules import rule_of
from bcdetect.inside.walking import Walk
from bcdetect.inside.wiring import INPUT, steps_of
from bcdetect.views import views
from tinycnn.recompute import forgetting

MOST_NUMBERS = 2**26  # that all layers together may hold of the row; outputs and gradients of them take 512 MiB


def walk(
    classifier: Classifier,
    x: np.ndarray,
    missing: np.ndarray | None = None,
    network: int = 0,
    class_name: str | None = None,
    most: int | None = None,
) -> Walk:
    """The way of one raw row, (F,) of a table or a picture (H, W, C), through one of the classifier's networks (from 0).

    The gradients are those of the logit of the class of this name; without one it is the positive class of two, and of more the
    one that the row is given. `missing` (C,) says which sequences of an exam were not taken. A copy of the network runs: the
    classifier stays as it is, and several threads may walk at once.
    Raises InputError for what is no row of the model, or makes its numbers overflow; UsageError for a network or class that is
    not there, listing those that are, and for a network that holds more than `most` numbers (MOST_NUMBERS).
    """
    given = checked(classifier, x, missing)
    names = classifier.class_names
    number = None if class_name is None else names.index(one_of(names, class_name, "class"))
    inside = Network(classifier.models[number_below(len(classifier.models), network, "network")])
    most = most or MOST_NUMBERS
    if (held := inside.numbers_a_row()) > most:
        raise UsageError(
            f"the network's layers hold {held:,} numbers of such a picture, more than the {most:,} that can be kept",
            hint="Walk through a model of smaller pictures",
        )
    every = classifier.every_proba(*given)
    if number is None:
        decided = classifier.decide(classifier.judgement.calibrated(mean_of(every)))
        number = 1 if classifier.positive else int(decided[0])
    row, model, steps = classifier.preprocessing.transform(*given), inside.model, steps_of(inside.model)
    outputs, grads = _run(model, row, [name for name in steps if name != INPUT], number)
    return Walk(
        classifier,
        int(network),
        names[number],
        steps,
        {name: Entrance(classifier, *_first(given)) if name == INPUT else rule_of(step.layer) for name, step in steps.items()},
        outputs,
        grads,
        every,
        next(i for i, view in enumerate(views(row, classifier.views)) if np.array_equal(view, row)),
    )


def _run(model, row, names, number):
    """The outputs and gradients of the input and of every layer of these names, without a batch axis."""
    quiet = np.errstate(over="ignore", invalid="ignore", divide="ignore")  # what overflows is said below
    with quiet, forgetting(model), model.capture(*names) as taps:
        model.forward(row)
        grad = model.backward(directions(model.output_shape[0], np.array([number])))
    outputs = {INPUT: row[0]} | {name: tap.output[0] for name, tap in taps.items()}
    grads = {INPUT: grad[0]} | {name: tap.grad[0] for name, tap in taps.items()}
    for arrays in (outputs, grads):
        for name, values in arrays.items():
            if not np.isfinite(values).all():
                raise InputError("the network's numbers overflow for this row", where=f"layer {name!r}")
    return outputs, grads


def _first(given):
    x, *missing = given
    return x[0], missing[0][0] if missing else None
