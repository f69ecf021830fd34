"""The last step: from the logits that a walk ends in to the probability that the classifier says."""

from __future__ import annotations

import numpy as np

import tinycnn as tc
from bcdetect.baselines import class_probabilities
from bcdetect.calibration import to_log_odds
from bcdetect.classifier import Classifier, mean_of
from tinycnn.layers import Layer
from tinycnn.ops import numpy as reference

SQUASHED = {
    "sigmoid": "p = 1 / (1 + exp(-z)), z the logit",
    "softmax": "p[k] = exp(z[k]) / sum over j of exp(z[j]), z the logits",
    "none": "The last layer gives probabilities already",
}
CALIBRATED = {  # of two classes; z is ln(p / (1 - p)) of the mean
    "temperature": "1 / (1 + exp(-z / temperature))",
    "platt": "1 / (1 + exp(-(slope * z + intercept)))",
    "isotonic": "read off a staircase, in straight lines between its knots",
}


def answer(classifier: Classifier, network: int, view: int, logits: np.ndarray, last: Layer, every: np.ndarray) -> dict:
    """How the logits (K,) or (1,) of one network and view become the classifier's answer, step by step.

    `every` (networks, views, 1, K) is what all of them predict, as `Classifier.every_proba` gives it. `own` are the
    probabilities that follow from the logits, `difference` how far they are from what the same network predicts, by other
    kernels: rounding.
    """
    names = classifier.class_names
    how, own = _squashed(logits, last)
    raw = mean_of(every)
    found = classifier.judgement.calibrated(raw)
    decided = names[int(classifier.decide(found)[0])]
    networks, views = every.shape[:2]
    return {
        "logits": [{"of": name, "value": float(z)} for name, z in zip(names[-len(logits) :], logits, strict=True)],
        "squash": {"kind": how, "equation": SQUASHED[how]},
        "own": _named(names, own),
        "difference": float(np.abs(own - every[network, view, 0]).max()),
        "network": network,
        "networks": [_named(names, mean_of(one[None])[0]) for one in every],
        "views": views,
        "mean": _named(names, raw[0]),
        "calibration": _calibration(classifier, raw, found),
        "probabilities": _named(names, found[0]),
        "threshold": classifier.threshold if classifier.positive else None,
        "class": decided,
        "text": _told(classifier, network, networks, views),
    }


def _squashed(logits, last) -> tuple[str, np.ndarray]:
    if isinstance(last, (tc.Sigmoid, tc.Softmax)):
        how, p = "none", logits[None]
    elif len(logits) == 1:
        how, p = "sigmoid", reference.sigmoid(logits[None])
    else:
        how, p = "softmax", reference.softmax(logits[None])
    return how, class_probabilities(p)[0]


def _named(names, p) -> dict[str, float]:
    return dict(zip(names, map(float, p), strict=True))


def _calibration(classifier: Classifier, raw: np.ndarray, found: np.ndarray) -> dict | None:
    scale = classifier.judgement.calibration
    if scale is None:
        return None
    numbers = {name: float(value) for name, value in scale.state().items() if np.ndim(value) == 0}
    if len(classifier.class_names) > 2:
        equation, before = "p[k] = softmax of ln(p[k]) / temperature", to_log_odds(raw)[0]
        names, after = classifier.class_names, found[0]
    else:
        equation, before = f"p = {CALIBRATED[scale.kind]}, z = ln(p / (1 - p))", to_log_odds(raw[:, 1])
        names, after = classifier.class_names[1:], found[0, 1:]
    return {
        "kind": scale.kind,
        "equation": equation,
        "numbers": numbers,
        "log_odds": _named(names, before),
        "probabilities": _named(names, after),
    }


def _told(classifier: Classifier, network: int, networks: int, views: int) -> list[str]:
    """In sentences, in order."""
    told = []
    if networks > 1:
        told.append(f"This is network {network + 1} of {networks}; the classifier takes the mean of all their probabilities.")
    if views > 1:
        told.append(f"This is the picture as it is; each network's probability is the mean over {views} views of it.")
    scale = classifier.judgement.calibration
    told.append(
        "No calibration was fitted." if scale is None else f"The mean is calibrated ({scale.kind}), on the validation part."
    )
    if classifier.positive is not None:
        told.append(f"From a probability of {classifier.threshold:.3g} on the answer is {classifier.positive}.")
    else:
        told.append("The answer is the likeliest class.")
    return told
