"""Questions that only other networks can answer: of other seeds, of labels at random, and of a planted shortcut."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from bcdetect.audit.shortcuts import CORNER
from bcdetect.classifier import Classifier
from bcdetect.config import Config
from bcdetect.datasets import Dataset
from bcdetect.explain.checks.alike import alike
from bcdetect.explain.checks.frame import frame_check
from bcdetect.explain.checks.subject import Subject
from bcdetect.explain.checks.weights import ALIKE, speaking
from bcdetect.explain.explaining import Explainer
from bcdetect.explain.grade import FAIL, NOT_RUN, PASS, Check
from bcdetect.training import train_classifier

NAMES = ("seeds", "labels", "planted marker")
# Below this two equally good networks point at different places: one map then says more of the seed than of the picture.
REPEATS = 0.4
LIGHTS = 0.5  # of the marked rows: most of them
MARKER = 0.1  # of the side


@dataclass(frozen=True)
class Schooling:
    """What networks like the model are trained on: all rows, the parts, the settings."""

    data: Dataset
    parts: dict[str, np.ndarray]
    config: Config

    def classifier(self, seed: int, data: Dataset | None = None) -> Classifier:
        """One network from another seed, trained as the model was."""
        config = replace(self.config, seed=self.config.seed + seed, ensemble=1)
        found, _ = train_classifier(data or self.data, self.parts["train"], self.parts["validation"], config)
        return found


def retrained_checks(subject: Subject, schooling: Schooling, count: int, say: Callable[[str], None]) -> list[Check]:
    """All of them, with `count` networks of other seeds."""
    found = []
    for name, check in zip(NAMES, (seeds_check, labels_check, marker_check), strict=True):
        say(f"training networks anew: {name}")
        found.append(check(subject, schooling, count))
    return found


def seeds_check(subject: Subject, schooling: Schooling, count: int) -> Check:
    """Rank correlation with the maps of networks of other seeds, among rows that both give the same class."""
    found, same = np.zeros((2, len(subject.x)))
    for k in range(count):
        other = _like(subject, schooling.classifier(1000 + k))
        agree = other.predicted == subject.predicted
        found += np.where(agree, alike(subject.maps, other.maps), 0)
        same += agree
    rows = np.flatnonzero(same)
    if not len(rows):
        return Check(NAMES[0], NOT_RUN, why="no other network gives any row the same class")
    value, low, high = subject.mean(found[rows] / same[rows], rows)
    agreed = same.sum() / (count * len(same))
    others = "a network of another seed" if count == 1 else f"{count} networks of other seeds"
    why = f"likeness to the maps of {others}; they agree on the class of {agreed:.0%} of the rows"
    return Check(NAMES[0], PASS if low >= REPEATS else FAIL, value, low, high, f"at least {REPEATS}", why)


def labels_check(subject: Subject, schooling: Schooling, count: int) -> Check:
    """Rank correlation with the maps of a network that learned labels at random.

    Source: Adebayo et al. 2018, section 3.2 (arXiv:1810.03292).
    """
    data, rng = schooling.data, np.random.default_rng(0)
    y = data.y.copy()
    for part in ("train", "validation"):
        y[schooling.parts[part]] = rng.permutation(y[schooling.parts[part]])
    other = _like(subject, schooling.classifier(0, replace(data, y=y)))
    rows = np.flatnonzero(speaking(subject.maps))
    if 2 * len(rows) < len(subject.maps):
        return Check(NAMES[1], NOT_RUN, why=f"{len(subject.maps) - len(rows)} of {len(subject.maps)} maps are blank")
    value, low, high = subject.mean(alike(subject.maps, other.evidence(other.x, subject.predicted))[rows], rows)
    why = f"likeness of {len(rows)} maps to those of a network that was trained on labels at random"
    return Check(NAMES[1], PASS if high <= ALIKE else FAIL, value, low, high, f"at most {ALIKE}", why)


def marker_check(subject: Subject, schooling: Schooling, count: int) -> Check:
    """A bright square in a corner of every row of one class: in a network that learns it the corner must light up, and be caught.

    Passed where it does in most of the marked rows, see `lit`, and the question after the frame fails.
    """
    if not subject.classifier.takes_pictures:
        return Check(NAMES[2], NOT_RUN, why="a table has no corners")
    number = 1 if len(subject.data.class_names) == 2 else len(subject.data.class_names) - 1
    marked, corners = planted(subject.data, number)
    explainer = _explainer(subject, schooling.classifier(0, planted(schooling.data, number)[0]))
    rows = np.flatnonzero(subject.data.y == number)
    found = lit(Subject(explainer, marked.subset(rows)), Subject(explainer, subject.data.subset(rows)), corners[rows])
    value, low, high = subject.mean(found, rows)
    frame = frame_check(Subject(explainer, marked))
    caught = frame.verdict == FAIL
    why = (
        f"of {len(rows)} marked rows those whose marker lights up; the frame's own question "
        f"{'catches' if caught else 'does NOT catch'} the network ({frame.value or 0:.2f})"
    )
    return Check(NAMES[2], PASS if low >= LIGHTS and caught else FAIL, value, low, high, f"at least {LIGHTS}", why)


def lit(marked: Subject, plain: Subject, corners: np.ndarray) -> np.ndarray:
    """Whether each row's evidence for its class, in the marker's corner (N, H, W), is above the whole map's mean, and above what
    it is there in the same row without the marker: (N,) of 0 and 1.
    """
    area = corners.sum(axis=(1, 2))
    maps = [subject.drawn(subject.evidence(subject.x, subject.data.y)) for subject in (marked, plain)]
    there, before = ((each * corners).sum(axis=(1, 2)) / area for each in maps)
    return ((there > maps[0].mean(axis=(1, 2))) & (there > before)).astype(float)


def planted(data: Dataset, number: int) -> tuple[Dataset, np.ndarray]:
    """The data with a white square in one corner of every row of a class, and where those corners are: (N, H, W) bool.

    Which corner follows from the row's own pixels, so that the same row always gets the same.
    """
    x, height, width = data.x.copy(), *data.x.shape[1:3]
    corners = np.zeros(x.shape[:3], bool)
    side, reach = (max(2, round(share * min(height, width))) for share in (MARKER, CORNER))
    for row in np.flatnonzero(data.y == number):
        which = int(x[row].sum(dtype=np.int64)) % 4
        down, across = which // 2, which % 2
        top, left = 1 + down * (height - side - 2), 1 + across * (width - side - 2)
        x[row, top : top + side, left : left + side] = np.iinfo(x.dtype).max
        corners[row, _end(down, reach), _end(across, reach)] = True
    if data.missing is not None:
        x[np.broadcast_to(data.missing[:, None, None, :], x.shape)] = 0
    return replace(data, x=x), corners


def _end(far: int, reach: int) -> slice:
    return slice(-reach, None) if far else slice(reach)


def _explainer(subject: Subject, classifier: Classifier) -> Explainer:
    return Explainer(classifier, subject.explainer.method_name, subject.explainer.layer)


def _like(subject: Subject, classifier: Classifier) -> Subject:
    return Subject(_explainer(subject, classifier), subject.data)
