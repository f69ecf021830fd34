"""Does the map stay when the picture changes by what nobody sees?"""

from __future__ import annotations

import numpy as np

from bcdetect.explain.checks.alike import alike
from bcdetect.explain.checks.subject import Subject
from bcdetect.explain.grade import FAIL, NOT_RUN, PASS, Check

NOISE = 0.05  # of the training part's standard deviation: about a grey level or two of 255
STABLE = 0.8  # a map that loses a fifth of its order by such noise shows other places than before
DRAWS = 3


def noise_check(subject: Subject) -> Check:
    """Rank correlation of each row's map with those of noisy copies, among copies that are given the same class.

    Source: Alvarez-Melis & Jaakkola 2018, On the robustness of interpretability methods (arXiv:1806.08049).
    """
    rng, found, same = np.random.default_rng(0), np.zeros(len(subject.x)), np.zeros(len(subject.x))
    for _ in range(DRAWS):
        noisy = subject.x + np.float32(NOISE) * rng.standard_normal(subject.x.shape, np.float32)
        kept = subject.classifier.decide(subject.answers(noisy)) == subject.predicted
        found += np.where(kept, alike(subject.maps, subject.evidence(noisy, subject.predicted)), 0)
        same += kept
    rows = np.flatnonzero(same)
    if not len(rows):
        return Check("stability", NOT_RUN, why="no noisy copy was given its row's class")
    value, low, high = subject.mean(found[rows] / same[rows], rows)
    why = f"likeness under noise of {NOISE} standard deviations; {(same.sum() / (DRAWS * len(same))):.0%} kept their class"
    return Check("stability", PASS if low >= STABLE else FAIL, value, low, high, f"at least {STABLE}", why)
