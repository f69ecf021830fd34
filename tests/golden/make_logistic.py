"""Make logistic.npz: scikit-learn's logistic regression with C = 1, trained to convergence.

    python tests/golden/make_logistic.py

Two classes: the whole Wisconsin table, standardised. Three classes: overlapping clouds, stored with the answer.
"""

from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression

HERE = Path(__file__).parent


def main() -> None:
    lines = (HERE.parents[1] / "data" / "wisconsin.csv").read_text().splitlines()[1:]
    y = np.array([line.split(",")[0] == "M" for line in lines], np.int64)
    x = np.array([line.split(",")[1:] for line in lines], np.float64)
    binary = LogisticRegression(C=1.0, tol=1e-12, max_iter=100_000).fit((x - x.mean(0)) / x.std(0), y)
    rng = np.random.default_rng(3)
    y3 = np.repeat(np.arange(3), (30, 40, 20))
    x3 = rng.standard_normal((90, 4)) + np.eye(4)[y3]
    x3 = (x3 - x3.mean(0)) / x3.std(0)
    three = LogisticRegression(C=1.0, tol=1e-12, max_iter=100_000).fit(x3, y3)
    np.savez(
        HERE / "logistic.npz",
        weight=binary.coef_.T,
        bias=binary.intercept_,
        x3=x3,
        y3=y3,
        weight3=three.coef_.T,
        bias3=three.intercept_,
        probabilities3=three.predict_proba(x3),
    )


if __name__ == "__main__":
    main()
