"""Logistic regression on one number: the line through log odds that Platt scaling and the calibration slope need."""

import numpy as np

STEPS = 100


def logistic_line(x: np.ndarray, target: np.ndarray, weight: np.ndarray) -> tuple[float, float]:
    """Slope b and intercept a that minimise sum w (ln(1 + e^z) - t z) with z = a + b x. Shapes: (N,) each.

    Newton's method on the standardised x, each step halved until the loss does not rise; the problem is convex, so that this
    finds its one minimum from anywhere. Where there is none (targets 0 and 1 that x separates) it stops after STEPS at a steep
    line: callers use targets between 0 and 1, or look first. A constant x has slope 0.
    """
    x, weight = x.astype(np.float64), weight / weight.sum()
    centre = weight @ x
    scale = np.sqrt(weight @ (x - centre) ** 2)
    if not scale > 1e-12 * max(1.0, np.abs(x).max()):
        scale = np.inf
    design = np.stack([(x - centre) / scale, np.ones(len(x))], axis=1)
    line = np.zeros(2)
    loss = _loss(design @ line, target, weight)
    for _ in range(STEPS):
        p = sigmoid(design @ line)
        slope = design.T @ (weight * (p - target))
        curvature = (design * (weight * p * (1 - p))[:, None]).T @ design
        step = np.linalg.lstsq(curvature, slope, rcond=1e-14)[0]
        share = 1.0
        enough = loss + 1e-12 * (1 + loss)  # near the minimum only the step can tell, the loss is flat there
        while (after := _loss(design @ (line - share * step), target, weight)) > enough and share > 1e-10:
            share /= 2
        line, loss = line - share * step, after
        if not np.abs(step).max() > 1e-13 * (1 + np.abs(line).max()):
            break
    slope = line[0] / scale
    return float(slope), float(line[1] - slope * centre)


def sigmoid(z: np.ndarray) -> np.ndarray:
    """1 / (1 + e^-z) for z of any shape, without overflow."""
    small = np.exp(-np.abs(z))
    return np.where(z >= 0, 1, small) / (1 + small)


def log_odds(p: np.ndarray) -> np.ndarray:
    """ln(p / (1 - p)) in float64; p is kept one epsilon of its own type away from 0 and 1."""
    eps = np.finfo(p.dtype).eps
    p = p.astype(np.float64).clip(eps, 1 - eps)
    return np.log(p) - np.log1p(-p)


def _loss(z: np.ndarray, target: np.ndarray, weight: np.ndarray) -> float:
    return float(weight @ (np.logaddexp(0, z) - target * z))
