"""What a classifier makes of its networks' answers: calibrated probabilities, an operating point, and "uncertain: refer".

Fitted on the validation part by `judging.judge`, never on the test part, and stored with the model as plain numbers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise

import numpy as np

from bcdetect import calibration
from bcdetect.conformal import Conformal
from bcdetect.novelty import UNLIKE, FeatureDistance, FeatureRange
from bcdetect.operating import OperatingPoint

PARTS = {"conformal": Conformal, "ranges": FeatureRange, "distance": FeatureDistance}
REFER = "uncertain: refer"


@dataclass(frozen=True)
class Referral:
    """Which classes a row may be, at the stated error rate (None without prediction sets), and why it is to be referred.

    `reason` is None for a row that need not be; `outside` names the measurements that are beyond the training part's range (None
    where no range was fitted).
    """

    classes: tuple[str, ...] | None
    reason: str | None
    outside: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Judgement:
    """Everything that is None was not fitted; `notes` say why, and what else a reader should know of it.

    Without any, probabilities are the networks' own and 0.5 is the threshold.
    """

    calibration: calibration.Temperature | calibration.Platt | calibration.Isotonic | None = None
    point: OperatingPoint | None = None  # of two classes
    conformal: Conformal | None = None
    ranges: FeatureRange | None = None  # of tables
    distance: FeatureDistance | None = None
    notes: tuple[str, ...] = ()

    @property
    def threshold(self) -> float:
        """The probability from which on a row is called positive."""
        return 0.5 if self.point is None else self.point.threshold

    def calibrated(self, raw: np.ndarray) -> np.ndarray:
        """Calibrated probabilities for the networks' own. Shape: (N, K) float32 -> the same; a row's bits are its own."""
        if self.calibration is None:
            return raw
        if raw.shape[1] > 2:
            return self.calibration.apply(calibration.to_log_odds(raw)).astype(raw.dtype)
        positive = self.calibration.apply(calibration.to_log_odds(np.ascontiguousarray(raw[:, 1])))
        return np.stack([1 - positive, positive], axis=1).astype(raw.dtype)

    def decide(self, probabilities: np.ndarray) -> np.ndarray:
        """Class numbers (N,) for calibrated probabilities (N, K): by the threshold for two classes, else the likeliest."""
        if probabilities.shape[1] == 2:
            return (probabilities[:, 1] >= self.threshold).astype(np.intp)
        return probabilities.argmax(axis=1)

    def referrals(
        self,
        probabilities: np.ndarray,
        class_names: Sequence[str],
        table: np.ndarray | None = None,
        feature_names: Sequence[str] = (),
        features: np.ndarray | None = None,
    ) -> list[Referral]:
        """For each row what it may be, and why it is to be referred.

        Shape: calibrated probabilities (N, K); of a table its raw rows (N, F); features of the last layer (N, D), as
        `Classifier.features` gives them. What was not fitted has nothing to say.
        """
        nothing = [None] * len(probabilities)
        sets, uncertain = nothing, nothing
        if self.conformal is not None:
            held = self.conformal.sets(probabilities)
            sets = [tuple(name for name, there in zip(class_names, row, strict=True) if there) for row in held]
            uncertain = self.conformal.reasons(probabilities, class_names)
            called = [class_names[k] for k in self.decide(probabilities)]
            torn = [_torn(one, name) for one, name in zip(sets, called, strict=True)]
            uncertain = [told or other for told, other in zip(uncertain, torn, strict=True)]
        strange, outside = nothing, nothing
        if self.ranges is not None and table is not None:
            strange = self.ranges.reasons(table, feature_names)
            beyond = self.ranges.outside(table)
            outside = [()] * len(table)
            for i in np.flatnonzero(beyond.any(axis=1)):
                outside[i] = tuple(feature_names[k] for k in np.flatnonzero(beyond[i]))
        far = nothing if self.distance is None or features is None else self.distance.reasons(features)
        reasons = (list(filter(None, told)) for told in zip(uncertain, strange, far, strict=True))
        return [Referral(one, _joined(told), out) for one, told, out in zip(sets, reasons, outside, strict=True)]

    def arrays(self) -> dict[str, np.ndarray]:
        """Every fitted number, by `part/name`."""
        parts = {"calibration": self.calibration, **{name: getattr(self, name) for name in PARTS}}
        return {f"{name}/{key}": a for name, part in parts.items() if part is not None for key, a in part.state().items()}

    def meta(self) -> dict:
        """What is no array, ready for JSON."""
        point = None if self.point is None else {name: _written(value) for name, value in asdict(self.point).items()}
        return {"calibration": self.calibration and self.calibration.kind, "point": point, "notes": list(self.notes)}

    @classmethod
    def restore(cls, arrays: dict[str, np.ndarray], meta: dict) -> Judgement:
        """The object whose `arrays()` and `meta()` these are. ValueError, TypeError or KeyError for what no fit gives."""
        states: dict[str, dict[str, np.ndarray]] = {}
        for name, array in arrays.items():
            part, _, key = name.partition("/")
            states.setdefault(part, {})[key] = array
        kind, scale = meta["calibration"], states.pop("calibration", None)
        if (kind is None) != (scale is None):
            raise ValueError("a calibration has a kind and numbers")
        parts = {name: PARTS[name](**state) for name, state in states.items()}
        point = None
        if meta["point"] is not None:
            point = OperatingPoint(**{name: math.nan if value is None else value for name, value in meta["point"].items()})
            if not 0 <= point.threshold <= 1:
                raise ValueError("the threshold is not a probability")
        fitted = None if kind is None else calibration.restore(kind, scale)
        return cls(fitted, point, **parts, notes=tuple(map(str, meta["notes"])))


def _torn(held: tuple[str, ...], called: str) -> str | None:
    """A set of one class that is not the one called: the sets know a class's error rate, the threshold need not."""
    if len(held) != 1 or held[0] == called:
        return None
    return f"it is called {called}, and only {held[0]} is likely enough at the error rate of the prediction sets"


def _joined(reasons: list[str]) -> str | None:
    """One sentence of several; what two of them begin with is said once."""
    told = [reason.removeprefix(UNLIKE) if before.startswith(UNLIKE) else reason for before, reason in pairwise(["", *reasons])]
    return "; ".join(told) or None


def _written(value):
    """JSON has no NaN."""
    return None if isinstance(value, float) and math.isnan(value) else value
