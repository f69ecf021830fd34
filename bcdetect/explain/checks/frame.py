"""Does the picture's frame alone tell the network the class? Nothing of the breast's need be there.

A network that learned a marker in one class's corners, a burnt-in letter or a hospital's border, goes on telling the classes when
all that differs between pictures is their frame.
"""

from __future__ import annotations

import numpy as np

from bcdetect import metrics
from bcdetect.audit.shortcuts import BORDER, CORNER
from bcdetect.explain.checks.subject import Subject
from bcdetect.explain.grade import FAIL, NOT_RUN, PASS, Check
from bcdetect.intervals import stratified_bootstrap

# An AUC whose whole interval is above it fails: .5 is chance; frames that hold parts of the breast reached .6, and frames with a
# planted marker .9 and more (benchmarks/explanations.py).
TELLS = 0.7
INSIDES = 10  # pictures that lend what is inside all frames
RESAMPLES = 500


def frame_check(subject: Subject) -> Check:
    """AUC of the class by the score of pictures that have their own frame around the inside of one and the same other picture.

    The mean over a few insides, and the worst over the classes, each against the rest; beside it the share of the class's maps
    that lies in the frame. The frame is BORDER of the side at each edge, and the corners.
    """
    if not subject.classifier.takes_pictures:
        return Check("frame", NOT_RUN, why="a table has no frame")
    data, framed = subject.data, frame(subject.x.shape[1:-1])
    worst = None
    for k, name in enumerate(data.class_names):
        y = (data.y == k).astype(int)
        if not 0 < y.sum() < len(y):
            continue
        scores = _by_frame_alone(subject, framed, k)
        low, high = stratified_bootstrap(y, scores, _mean_auc, RESAMPLES, groups=data.groups)
        value = _mean_auc(y, scores)
        mine = np.flatnonzero(y)
        maps = subject.drawn(subject.evidence(subject.x[mine], np.full(len(mine), k)))
        share = float((maps * framed).sum() / maps.sum()) if maps.any() else 0.0
        why = (
            f"AUC of {name} by the frame alone; {share:.0%} of the maps of {name} rows lie in the frame, "
            f"which is {framed.mean():.0%} of the picture"
        )
        check = Check("frame", FAIL if low > TELLS else PASS, value, low, high, f"not surely above {TELLS}", why)
        worst = check if worst is None or _badness(check) > _badness(worst) else worst
    return worst or Check("frame", NOT_RUN, why="there is one class only")


def _badness(check: Check) -> tuple[bool, float]:
    return check.verdict == FAIL, check.value


def frame(shape: tuple[int, int]) -> np.ndarray:
    """Where the frame is. Shape: (H, W) bool."""
    inside = np.ones(shape, bool)
    (h, w), (ch, cw) = ([max(1, round(share * side)) for side in shape] for share in (BORDER, CORNER))
    inside[:h], inside[-h:], inside[:, :w], inside[:, -w:] = False, False, False, False
    for down in (slice(ch), slice(-ch, None)):
        for across in (slice(cw), slice(-cw, None)):
            inside[down, across] = False
    return ~inside


def _by_frame_alone(subject: Subject, framed: np.ndarray, number: int) -> np.ndarray:
    """Each row's score for a class, its frame around the inside of each of some rows. Shape: (N, insides)."""
    x, classes = subject.x, np.full(len(subject.x), number)
    rng, found = np.random.default_rng(0), []
    for inside in rng.choice(len(x), min(INSIDES, len(x)), replace=False):
        seen = np.where(framed[None, :, :, None], x, x[inside])
        found.append(np.mean([network.scores(seen, classes) for network in subject.explainer.networks], axis=0))
    return np.stack(found, axis=1)


def _mean_auc(y: np.ndarray, scores: np.ndarray) -> float:
    return float(np.mean([metrics.roc_auc_score(y, column) for column in scores.T]))
