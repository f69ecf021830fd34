"""Make probabilities mean what they say: fitted on the validation part, stored as plain numbers beside the model.

Each way has `fit(z, y, sample_weight)`, `apply(z)` and `state()`, from which `restore(kind, state)` makes it again. `z` is on the
scale of log odds, which `to_log_odds` makes of probabilities: (N,) of malignant, or (N, K) of every class.

| kind | fits | classes | good for |
|---|---|---|---|
| temperature | one number: how much too sure | any | small validation parts; never changes a decision by likeliest class |
| platt | two numbers: how much too sure, and a shift | two | small validation parts of another class share |
| isotonic | a staircase that never falls | two | a thousand rows and more; it can take any shape, and makes ties |
"""

import numpy as np

from bcdetect.calibration.diagram import reliability_bins
from bcdetect.calibration.isotonic import Isotonic
from bcdetect.calibration.platt import Platt
from bcdetect.calibration.temperature import Temperature
from bcdetect.newton import log_odds

__all__ = ["KINDS", "Isotonic", "Platt", "Temperature", "reliability_bins", "restore", "to_log_odds"]

KINDS = {kind.kind: kind for kind in (Temperature, Platt, Isotonic)}


def restore(kind: str, state: dict[str, np.ndarray]) -> Temperature | Platt | Isotonic:
    """The object whose `kind` and `state()` these are. ValueError for numbers that no fit gives."""
    if kind not in KINDS:
        raise ValueError(f"there is no calibration {kind!r}; it must be one of {', '.join(KINDS)}")
    try:
        return KINDS[kind](**state)
    except TypeError as error:
        raise ValueError(f"not the numbers of a calibration by {kind}: {error}") from None


def to_log_odds(probabilities: np.ndarray) -> np.ndarray:
    """What `fit` and `apply` take: ln(p / (1 - p)) of (N,), ln p of (N, K), in float64, p kept one epsilon above 0.

    ln p of two columns and ln(p / (1 - p)) of one are calibrated alike: only differences between columns count.
    """
    probabilities = np.asarray(probabilities)
    if probabilities.ndim == 1:
        return log_odds(probabilities)
    return np.log(probabilities.astype(np.float64).clip(np.finfo(probabilities.dtype).eps))
