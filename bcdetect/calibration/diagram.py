"""The numbers of a reliability diagram, with intervals, as a figure or metrics.json takes them."""

from numpy.typing import ArrayLike

from bcdetect.intervals import wilson
from bcdetect.metrics import reliability_curve


def reliability_bins(y_true: ArrayLike, probability: ArrayLike, bins: int = 10, confidence: float = 0.95) -> list[dict]:
    """One dict for each equal-width bin that holds rows, in order.

    `from` and `to` are its edges, `rows` how many rows, `predicted` their mean probability of malignant, `observed` the share
    that is malignant, and `low` and `high` Wilson's interval of that share. Bins of few rows have wide ones: most of what
    strays from the diagonal there is chance.
    """
    found = []
    curve = reliability_curve(y_true, probability, bins)
    for k, rows in enumerate(curve.rows):
        if rows:
            low, high = wilson(round(rows * curve.observed[k]), rows, confidence)
            shares = {"predicted": float(curve.predicted[k]), "observed": float(curve.observed[k]), "low": low, "high": high}
            found.append({"from": float(curve.edges[k]), "to": float(curve.edges[k + 1]), "rows": int(rows), **shares})
    return found
