"""Does the network need what the map points at? Places are taken away, or put back, in the map's order."""

from __future__ import annotations

import numpy as np

from bcdetect.explain.checks.subject import Subject
from bcdetect.explain.grade import FAIL, PASS, Check

STEPS = 20  # shares of the places
RANDOM = 5  # random maps a row: as coarse as the method's own, so that shape alone wins nothing


def removal_checks(subject: Subject) -> list[Check]:
    """Deletion: the probability's mean while the map's highest places are set to 0, the mean; insertion: while they come back.

    Each beside random maps, row by row. Passed where the interval of the difference is above 0: anything less is no better than
    chance. Source: Petsiuk et al. 2018, algorithm 1 (arXiv:1806.07421).
    """
    rng = np.random.default_rng(0)
    mine = areas(subject, subject.maps, rng)
    chance = [areas(subject, rng.random(subject.maps.shape), rng) for _ in range(RANDOM)]
    random = {kind: np.mean([each[kind] for each in chance], axis=0) for kind in mine}
    checks = []
    for kind, better in (("deletion", -1), ("insertion", 1)):
        value, low, high = subject.mean(better * (mine[kind] - random[kind]))
        why = f"area under the curve {mine[kind].mean():.3f}, of random maps {random[kind].mean():.3f}; the difference that helps"
        checks.append(Check(kind, PASS if low > 0 else FAIL, value, low, high, "above 0", why))
    return checks


def areas(subject: Subject, maps: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """The area under each row's curve, by kind. Shape: maps (N, h, w) at the method's own resolution -> (N,).

    Equal values, as of all places of a blank map, come in the order of a random map: a blank one is then no better than chance.
    """
    ties, maps = subject.drawn(rng.random(maps.shape)), subject.drawn(maps)
    flat = maps.reshape(len(maps), -1)
    order = np.lexsort((ties.reshape(flat.shape), -flat), axis=1)
    rank = np.empty_like(order)
    np.put_along_axis(rank, order, np.arange(flat.shape[1])[None], axis=1)
    rank = rank.reshape(maps.shape)[..., None]
    curves, rows, blank = {"deletion": [], "insertion": []}, np.arange(len(maps)), np.float32(0)
    for share in np.linspace(0, 1, STEPS + 1):
        taken = rank < share * flat.shape[1]
        for kind, x in (("deletion", np.where(taken, blank, subject.x)), ("insertion", np.where(taken, subject.x, blank))):
            curves[kind].append(subject.answers(x)[rows, subject.predicted])
    return {kind: (np.array(curve[1:]) + curve[:-1]).mean(axis=0) / 2 for kind, curve in curves.items()}
