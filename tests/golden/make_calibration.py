"""Write calibration.npz: what scikit-learn and SciPy fit to the scores that tests/test_calibration.py and test_novelty.py use.

python tests/golden/make_calibration.py
"""

from pathlib import Path

import numpy as np
import scipy
import sklearn
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax
from sklearn.covariance import ledoit_wolf
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression


def main() -> None:
    rng = np.random.default_rng(20240602)
    y = rng.permutation(np.repeat([0, 1], [90, 60]))
    z = rng.normal(2.5 * (2 * y - 1), 3.0).round(1)  # too sure, and with ties
    weight = rng.integers(1, 4, 150)
    query = np.linspace(-3, 3, 61)  # where no stair is 0 or 1
    iso = IsotonicRegression(out_of_bounds="clip").fit(z, y, weight)
    up = weight @ y
    down = weight.sum() - up
    target = np.where(y == 1, (up + 1) / (up + 2), 1 / (down + 2))
    line = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-13, max_iter=1000).fit(
        np.tile(z, 2)[:, None], np.repeat([1, 0], 150), np.concatenate([weight * target, weight * (1 - target)])
    )
    many_y = rng.permutation(np.repeat([0, 1, 2], [50, 40, 30]))
    many_z = 2.0 * (rng.normal(size=(120, 3)) + 1.2 * np.eye(3)[many_y])
    rows = np.bincount(many_y)[many_y][:, None]
    many_target = (np.eye(3)[many_y] * rows + 1) / (rows + 3)
    loss = minimize_scalar(lambda t: -np.sum(many_target * log_softmax(many_z / t, axis=1)), (0.5, 2.0), tol=1e-13)
    x = rng.normal(size=(40, 12)) @ rng.normal(size=(12, 12))
    x = x - x.mean(axis=0)
    arrays = {
        "y": y, "z": z, "weight": weight, "isotonic": iso.predict(z), "query": query, "isotonic_between": iso.predict(query),
        "slope": line.coef_[0, 0], "intercept": line.intercept_[0],
        "many_y": many_y, "many_z": many_z, "temperature": loss.x,
        "features": x, "covariance": ledoit_wolf(x, assume_centered=True)[0],
    }  # fmt: skip
    path = Path(__file__).with_name("calibration.npz")
    np.savez_compressed(path, **arrays, made_by=f"scikit-learn {sklearn.__version__}, SciPy {scipy.__version__}")
    print(path, path.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
