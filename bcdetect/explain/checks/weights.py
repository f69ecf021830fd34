"""Does the map depend on what was learned? The layers' weights are drawn anew, from the last to the first."""

from __future__ import annotations

import copy

import numpy as np

from bcdetect.explain.checks.alike import alike
from bcdetect.explain.checks.subject import Subject
from bcdetect.explain.explaining import Explainer
from bcdetect.explain.grade import FAIL, NOT_RUN, PASS, Check
from bcdetect.explain.network import Network

# Of a network of random weights maps are alike by chance and by what all inputs share, such as their border; half of a
# perfect agreement is more than that. (Adebayo et al. 2018 show methods above it whatever the weights.)
ALIKE = 0.5
DRAWS = 3  # of random weights


def weights_check(subject: Subject) -> Check:
    """Rank correlation with the map of the network whose weights are all random.

    Source: Adebayo et al. 2018, section 3.1, cascading randomisation (arXiv:1810.03292).
    """
    rows = np.flatnonzero(speaking(subject.maps))
    if 2 * len(rows) < len(subject.maps):
        return Check("weights", NOT_RUN, why=f"{len(subject.maps) - len(rows)} of {len(subject.maps)} maps are blank")
    stages = cascade(subject)
    value, low, high = subject.mean(stages[list(stages)[-1]][rows], rows)
    way = ", ".join(f"{name} {of_rows[rows].mean():.2f}" for name, of_rows in stages.items())
    return Check(
        "weights",
        PASS if high <= ALIKE else FAIL,
        value,
        low,
        high,
        f"at most {ALIKE}",
        f"likeness of {len(rows)} maps to those of random weights, layer by layer from the last: {way}",
    )


def speaking(maps: np.ndarray) -> np.ndarray:
    """Which maps (N, ...) say anything: those that are the same everywhere are like no other, whatever was learned."""
    flat = maps.reshape(len(maps), -1)
    return flat.max(axis=1) > flat.min(axis=1)


def cascade(subject: Subject) -> dict[str, np.ndarray]:
    """For each layer with weights, from the last to the first, each row's likeness (N,) once it and all behind it are random."""
    names = [name for name, layer in subject.classifier.models[0].layers.items() if _has_weights(layer)]
    found = {name: np.zeros(len(subject.x)) for name in reversed(names)}
    for draw in range(DRAWS):
        networks = [_fresh(network, 1000 + draw) for network in subject.explainer.networks]
        behind: list[str] = []
        for name in found:
            behind.append(name)
            other = _with(subject.explainer, networks, behind)
            found[name] += alike(subject.maps, subject.evidence(subject.x, subject.predicted, other)) / DRAWS
    return found


def _has_weights(layer) -> bool:
    return bool(layer.params) or any(map(_has_weights, layer.children().values()))


def _fresh(network: Network, seed: int) -> dict[str, np.ndarray]:
    """The state of the same network before any training."""
    model = copy.deepcopy(network.model)
    return model.build(model.input_shape, seed=seed).get_state()


def _with(explainer: Explainer, fresh: list[dict[str, np.ndarray]], layers: list[str]) -> Explainer:
    """The explainer of networks in which these layers are as in `fresh`."""
    other = copy.copy(explainer)
    other.networks = []
    for network, state in zip(explainer.networks, fresh, strict=True):
        model = copy.deepcopy(network.model)
        mixed = {key: state[key] if key.partition(".")[0] in layers else array for key, array in model.get_state().items()}
        model.set_state(mixed)
        other.networks.append(Network(model))
    return other
