"""Fit a classifier's judgement on the validation part: rows that chose the epoch at most, and taught no weight."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bcdetect import calibration, operating
from bcdetect.classifier import Classifier
from bcdetect.config import Config
from bcdetect.conformal import Conformal
from bcdetect.datasets import Dataset
from bcdetect.errors import UsageError
from bcdetect.judgement import Judgement
from bcdetect.novelty import FeatureDistance, FeatureRange

NOTHING_LEFT = "no row was left out of training: nothing to calibrate on, to choose a threshold, or to learn when to refer"
TURNED = "on the validation part the probability does not rise with the class, and a falling line would turn every answer round"
TWO_CLASSES = "it is for two classes, and there are {}"


def check_settings(config: Config, classes: int) -> None:
    """Raise UsageError, before anything is trained, for settings of two classes where there are more."""
    for name, more in (("calibration", ("none", "temperature")), ("operating", ("half",))):
        value = getattr(config, name)
        if classes > 2 and value not in more:
            raise UsageError(f"{name} is {value!r}; {TWO_CLASSES.format(classes)}", hint=f"Take {' or '.join(more)}")


def judge(classifier: Classifier, data: Dataset, train: np.ndarray, validation: np.ndarray, config: Config) -> Judgement:
    """Calibration, operating point, prediction sets and the limits of what is like the training part, by the settings.

    Calibration, threshold and sets come from the rows `validation`; what is like the training part from the rows `train`, with
    the distance's limit from `validation`. An ensemble, with its views, is calibrated as the one model that it is. Rows that
    stand in both parts would make everything here too good: nothing is fitted then, and a note says so.
    """
    if not len(validation) or len(np.intersect1d(train, validation)):
        return Judgement(notes=(NOTHING_LEFT,))
    y, notes = data.y[validation], []
    raw = classifier.raw_rows(data, validation)
    fitted = _fitted("calibration", lambda: _calibration(config, raw, y), notes)
    probabilities = Judgement(calibration=fitted).calibrated(raw)
    two = len(data.class_names) == 2
    point = None
    if two:
        told = config.operating, config.target_sensitivity, config.cost_ratio
        point = operating.choose(y, np.ascontiguousarray(probabilities[:, 1]), *told, class_names=data.class_names)
        notes += [] if point.reached else [f"operating point: {point.sentence}"]
    conformal = Conformal.fit(probabilities, y, config.error_rate)
    notes += conformal.warnings(data.class_names)
    ranges = None if data.pictures else FeatureRange.fit(data.x[train])
    distance = _fitted("distance", lambda: _distance(classifier, data, train, validation), notes)
    return Judgement(fitted, point, conformal, ranges, distance, tuple(notes))


def _fitted(name: str, fit: Callable, notes: list[str]):
    try:
        return fit()
    except ValueError as error:
        notes.append(f"no {name}: {error}")
        return None


def _calibration(config: Config, raw: np.ndarray, y: np.ndarray):
    if config.calibration == "none":
        return None
    given = np.ascontiguousarray(raw[:, 1]) if raw.shape[1] == 2 else raw
    found = calibration.KINDS[config.calibration].fit(calibration.to_log_odds(given), y)
    if isinstance(found, calibration.Platt) and found.slope <= 0:
        raise ValueError(TURNED)
    return found


def _distance(classifier: Classifier, data: Dataset, train: np.ndarray, validation: np.ndarray) -> FeatureDistance | None:
    if not classifier.has_features:
        return None
    return FeatureDistance.fit(classifier.feature_rows(data, train), data.y[train], classifier.feature_rows(data, validation))
