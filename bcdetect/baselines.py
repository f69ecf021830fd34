"""What every number stands beside: the majority class, and logistic regression by our own engine."""

from __future__ import annotations

import numpy as np

import tinycnn as tc

MOMENTUM_STEPS = 20_000
CONVERGED = 1e-7  # largest entry of the gradient of the mean loss


def majority(y_train: np.ndarray, classes: int, rows: int) -> np.ndarray:
    """The training part's class shares, for every row: probabilities (rows, classes)."""
    return np.tile(np.bincount(y_train, minlength=classes) / len(y_train), (rows, 1))


class Logistic:
    """Logistic regression: one Dense layer on standardised features, trained to convergence.

    Minimises mean(loss) + lambda / 2 * |weight|^2 with lambda = 1 / N and the bias free, which is the usual C = 1.
    The problem is convex: gradient descent with momentum on all rows at once reaches its one minimum from anywhere. Its rate is
    set by the curvature, at most L = largest eigenvalue of X^T X / 4N + lambda (/ 2N for a softmax), and at least lambda.
    Source: Polyak 1964 for rate and momentum.
    """

    def __init__(self, x: np.ndarray, y: np.ndarray, classes: int):
        """Fit to standardised x (N, F) and class numbers y (N,)."""
        rows, features = x.shape
        binary = classes == 2
        penalty = 1 / rows
        ones = np.column_stack([x, np.ones(rows)])
        steepest = np.linalg.eigvalsh(ones.T @ ones / rows)[-1] / (4 if binary else 2) + penalty
        root, least = np.sqrt(steepest), np.sqrt(penalty)
        self.model = tc.Sequential(tc.Dense(1 if binary else classes, initialiser=tc.init.zeros))
        self.model.build((features,), dtype=np.float64)
        optimizer = tc.SGD(
            self.model.parameters(),
            lr=float((2 / (root + least)) ** 2),
            momentum=float(((root - least) / (root + least)) ** 2),
            weight_decay=penalty,
        )
        loss = tc.BCEWithLogits() if binary else tc.SoftmaxCrossEntropy()
        weight, bias = self.model.parameters()
        for self.steps in range(1, MOMENTUM_STEPS + 1):
            self.model.train_step(x, y, loss, optimizer)
            slope = max(abs(weight.grad + penalty * weight.value).max(), abs(bias.grad).max())
            if slope < CONVERGED:
                break
        self.converged = bool(slope < CONVERGED)

    def predict_proba(self, x: np.ndarray) -> np.ndarray:
        """Probabilities (N, K) for standardised x (N, F)."""
        return class_probabilities(self.model.predict_proba(x))


def class_probabilities(p: np.ndarray) -> np.ndarray:
    """One column a class, from a sigmoid's one column (N, 1) or a softmax's K (N, K)."""
    return np.concatenate([1 - p, p], axis=1) if p.shape[1] == 1 else p


def likeliest(p: np.ndarray) -> np.ndarray:
    """A baseline's classes (N,) for probabilities (N, K); of two the second from one half on."""
    return (p[:, 1] >= 0.5).astype(np.intp) if p.shape[1] == 2 else p.argmax(axis=1)
