"""Does the answer hang on the picture's frame, where nothing of the breast's is? Frames change places between classes.

A network that learned a marker in one class's corners, a burnt-in letter or a hospital's border, answers by the frame it sees.
"""

from __future__ import annotations

import numpy as np

from bcdetect.audit.shortcuts import BORDER, CORNER
from bcdetect.explain.checks.subject import Subject
from bcdetect.explain.grade import FAIL, NOT_RUN, PASS, Check

# The share of the distance between the classes' scores by which rows move with the frame. A third is more than what a lesion
# near the border explains, and a network that goes by a marker moves by all of it.
MOVES = 1 / 3
DRAWS = 3


def frame_check(subject: Subject) -> Check:
    """How much lower each row's score for its own class is with the frame of a row of another class than with one of its own.

    Both frames are foreign, so that the seam between frame and picture counts for neither. Counted in the distance of the mean
    score of the class's rows from that of the others, and the largest over the classes; beside it the share of the class's maps
    that lies in the frame. The frame is BORDER of the side at each edge, and the corners.
    """
    if not subject.classifier.takes_pictures:
        return Check("frame", NOT_RUN, why="a table has no frame")
    data, x = subject.data, subject.x
    framed = frame(x.shape[1:-1])
    worst = None
    for k, name in enumerate(data.class_names):
        mine, others = np.flatnonzero(data.y == k), np.flatnonzero(data.y != k)
        if not len(mine) or not len(others):
            continue
        classes = np.full(len(x), k)
        scores = _scores(subject, x, k)
        apart = scores[mine].mean() - scores[others].mean()
        if not apart > 0:
            continue
        like, unlike = (_with_frames_of(subject, rows, mine, framed, k) for rows in (mine, others))
        value, low, high = subject.mean((like - unlike) / apart, mine)
        maps = subject.drawn(subject.evidence(x[mine], classes[mine]))
        total = maps.sum(axis=(1, 2))
        share = float((maps * framed).sum() / total.sum()) if total.sum() > 0 else 0.0
        why = (
            f"fall of the score of {name} rows by the frames of others, in distances between the classes; "
            f"{share:.0%} of their maps lie in the frame, which is {framed.mean():.0%} of the picture"
        )
        check = Check("frame", FAIL if value > MOVES else PASS, value, low, high, f"at most {MOVES:.2f}", why)
        worst = check if worst is None or value > worst.value else worst
    return worst or Check("frame", NOT_RUN, why="the scores do not tell the classes apart, or there is one class only")


def frame(shape: tuple[int, int]) -> np.ndarray:
    """Where the frame is. Shape: (H, W) bool."""
    inside = np.ones(shape, bool)
    (h, w), (ch, cw) = ([max(1, round(share * side)) for side in shape] for share in (BORDER, CORNER))
    inside[:h], inside[-h:], inside[:, :w], inside[:, -w:] = False, False, False, False
    for down in (slice(ch), slice(-ch, None)):
        for across in (slice(cw), slice(-cw, None)):
            inside[down, across] = False
    return ~inside


def _with_frames_of(subject, givers, takers, framed, number):
    """The mean score of the rows `takers` (n,), each with the frames of a few of the rows `givers`."""
    rng, found = np.random.default_rng(0), []
    for _ in range(DRAWS):
        frames = subject.x[rng.choice(givers, len(takers))]
        found.append(_scores(subject, np.where(framed[None, :, :, None], frames, subject.x[takers]), number))
    return np.mean(found, axis=0)


def _scores(subject, x, number):
    classes = np.full(len(x), number)
    return np.mean([network.scores(x, classes) for network in subject.explainer.networks], axis=0)
