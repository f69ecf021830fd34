"""Two strong learners of tables by scikit-learn, their settings fixed: the only file that uses it.

Each has `fit(x, y, groups, seed)` and then `predict_proba(x)`; x (N, F) is standardised, y (N,) are class numbers.
"""

from __future__ import annotations

import numpy as np

from bcdetect.errors import require
from bcdetect.splits import folds

EXTRA = "compare"
MISSING = "without an SVM and gradient boosting: scikit-learn is not installed (pip install scikit-learn)"


def available() -> bool:
    """Whether scikit-learn is installed."""
    from importlib.util import find_spec

    return find_spec("sklearn") is not None


def needed() -> None:
    """Raise UsageError now, before a long computation, where scikit-learn is missing."""
    require("sklearn", EXTRA, "comparing with an SVM and gradient boosting")


class RbfSvm:
    """A support vector machine with a Gaussian kernel, its scores turned into probabilities after Platt.

    C = 1 and gamma = 1 / (F var(x)), scikit-learn's defaults; the sigmoid is fitted on the scores of five inner folds, which keep
    groups together, and the machine on all rows.
    """

    settings = "C 1, gamma 1 / (F var), Platt's sigmoid on 5 inner folds"

    def fit(self, x: np.ndarray, y: np.ndarray, groups: np.ndarray | None, seed: int) -> RbfSvm:
        """Fit to all rows. Raises InputError for a class of fewer than two rows, or groups."""
        svm, calibration = (require(f"sklearn.{name}", EXTRA, "an SVM") for name in ("svm", "calibration"))
        inner = folds(y, groups, min(5, fewest(y, groups)), seed)
        splits = [(np.setdiff1d(np.arange(len(y)), held), held) for held in inner]
        machine = svm.SVC(C=1.0, kernel="rbf", gamma="scale")
        self.model = calibration.CalibratedClassifierCV(machine, method="sigmoid", cv=splits, ensemble=False).fit(x, y)
        return self

    def predict_proba(self, x: np.ndarray) -> np.ndarray:
        """Probabilities (n, K)."""
        return self.model.predict_proba(x)


class Boosting:
    """Gradient boosting of decision trees: 100 trees of depth 3 at rate 0.1, scikit-learn's defaults.

    Its variant on binned features is faster on large tables, but leaves a table of some dozen rows without a split.
    """

    settings = "100 trees of depth 3, rate 0.1"

    def fit(self, x: np.ndarray, y: np.ndarray, groups: np.ndarray | None, seed: int) -> Boosting:
        """Fit to all rows."""
        ensemble = require("sklearn.ensemble", EXTRA, "gradient boosting")
        machine = ensemble.GradientBoostingClassifier(n_estimators=100, max_depth=3, learning_rate=0.1, random_state=seed % 2**32)
        self.model = machine.fit(x, y)
        return self

    def predict_proba(self, x: np.ndarray) -> np.ndarray:
        """Probabilities (n, K)."""
        return self.model.predict_proba(x)


def fewest(y: np.ndarray, groups: np.ndarray | None) -> int:
    """Rows, or groups, of the class that has the fewest; at least 2, so that `folds` says what is wrong."""
    counts = [len(set(groups[y == k].tolist())) if groups is not None else int((y == k).sum()) for k in np.unique(y)]
    return max(2, min(counts))
