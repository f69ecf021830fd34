"""Intervals for the slope and the intercept that say whether probabilities are too sure, or too high."""

import math

import numpy as np
from numpy.typing import ArrayLike

from bcdetect.intervals.normal import z_value
from bcdetect.metrics import calibration_intercept
from bcdetect.metrics.reliability import determines_a_slope
from bcdetect.newton import log_odds, logistic_line, sigmoid


def slope_interval(y_true: ArrayLike, probability: ArrayLike, confidence: float = 0.95) -> tuple[float, float]:
    """Interval (low, high) for `metrics.calibration_slope`: Wald's, b +- z sqrt of the entry of the inverse information.

    The information of slope and intercept is sum p (1 - p) [z^2, z; z, 1] at the fitted line, z the log odds. (nan, nan) where
    the slope is undefined. Where few rows overlap it is wide, while a bootstrap would meet resamples without any slope.
    Source: Cox 1958, Biometrika 45, 562-565; Miller et al. 1991, Statistics in Medicine 10, 1213-1226.
    """
    y, z = np.asarray(y_true), log_odds(np.asarray(probability))
    if not determines_a_slope(y, z):
        return math.nan, math.nan
    slope, intercept = logistic_line(z, y, np.ones(len(y)))
    p = sigmoid(slope * z + intercept)
    weight = p * (1 - p)
    information = weight.sum()
    centre = weight @ z / information
    return _around(slope, float(weight @ (z - centre) ** 2), confidence)


def intercept_interval(y_true: ArrayLike, probability: ArrayLike, confidence: float = 0.95) -> tuple[float, float]:
    """The same for `metrics.calibration_intercept`, the slope held at 1: a +- z / sqrt(sum p (1 - p)); nan of one class."""
    y, z = np.asarray(y_true), log_odds(np.asarray(probability))
    intercept = calibration_intercept(y, np.asarray(probability))
    if math.isnan(intercept):
        return math.nan, math.nan
    p = sigmoid(z + intercept)
    return _around(intercept, float(np.sum(p * (1 - p))), confidence)


def _around(value: float, information: float, confidence: float) -> tuple[float, float]:
    if not information > 0:
        return math.nan, math.nan
    margin = z_value(confidence) / math.sqrt(information)
    return value - margin, value + margin
