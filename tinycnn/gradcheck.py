"""Prove a backward pass by numbers: does it give the slope that forward really has?

For a layer f, the check draws an input x, a random cotangent r (what the loss's gradient by the output would be) and a random
direction u, and compares

    analytic   <f.backward(r), u>                      with
    numeric    (<r, f(x + e*u)> - <r, f(x - e*u)>) / 2e

in float64, for the input and for every parameter that is not frozen, in training and in eval mode. One inner product sees every
entry of the gradient; random r and u leave no symmetry for a wrong gradient to hide in. Where the function has a kink (a ReLU at
0, two equal values under a max-pool) no slope exists, and the two one-sided slopes tell: such a draw is thrown away and drawn
anew.
"""

from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np

from tinycnn.layers.base import Layer, walk
from tinycnn.losses import Loss

STEP = 1e-5  # e above: small against the numbers, large against float64's rounding
TOLERANCE = 1e-6  # of the gradient's own size; rounding stays near 1e-9, a wrong gradient is off by far more
TINY = 1e-300  # so that no gradient at all is no error either
DRAWS = 10  # tries to draw away from kinks


class GradientError(AssertionError):
    """A gradient is wrong, or could not be checked; `report` holds the whole table."""

    def __init__(self, report: Report):
        self.report = report
        super().__init__(str(report))


class Row:
    """One line of the report: a gradient in one mode. `error` is relative to the gradient's size."""

    def __init__(self, mode: str, name: str, analytic: float, numeric: float, error: float, kinks: int, index=None):
        self.mode, self.name, self.analytic, self.numeric = mode, name, analytic, numeric
        self.error, self.kinks, self.index = error, kinks, index

    def verdict(self, tolerance: float) -> str:
        """One of "ok", "WRONG", and "KINK" where every draw met one."""
        if np.isnan(self.numeric):
            return "KINK"
        return "ok" if self.error <= tolerance else "WRONG"  # a NaN error is wrong


class Report:
    """All rows of a check; prints as a table."""

    def __init__(self, subject: str, tolerance: float, rows: list[Row]):
        self.subject, self.tolerance, self.rows = subject, tolerance, rows

    @property
    def passed(self) -> bool:
        """Whether every gradient is right."""
        return all(row.verdict(self.tolerance) == "ok" for row in self.rows)

    @property
    def worst(self) -> Row:
        """The row with the largest error."""
        return max(self.rows, key=lambda row: np.inf if np.isnan(row.error) else row.error)

    def __str__(self):
        lines = [f"gradient check of {self.subject}: {'passed' if self.passed else 'FAILED'}"]
        for row in self.rows:
            where = "" if row.index is None else f" at {list(map(int, row.index))}"
            kinks = f", {row.kinks} draws met a kink" if row.kinks else ""
            lines.append(
                f"  {row.verdict(self.tolerance):5} {row.mode:8} {row.name:30} error {row.error:.1e}"
                f" (analytic {row.analytic:.9g}, numeric {row.numeric:.9g}{where}{kinks})"
            )
        if any(row.verdict(self.tolerance) == "KINK" for row in self.rows):
            lines.append("  KINK: the function has no slope at any of the points drawn; try another shape or seed")
        return "\n".join(lines)


def gradcheck(
    subject: Layer | Loss,
    shape: tuple[int, ...],
    *,
    elementwise: bool = False,
    seed: int = 0,
    tolerance: float = TOLERANCE,
) -> Report:
    """Check every gradient of a layer, model or loss for inputs of `shape` (with the batch axis).

    The subject itself is left as it is: a float64 copy is checked, built where it was not, its parameters and running statistics
    moved off their symmetric starting values if so. `elementwise` compares every single entry and names the worst index: slow,
    for finding the fault, or one so small that a random direction drowns it (a thousandth of one entry among many thousands).
    Raises GradientError, with the report, when a gradient is wrong or every draw met a kink.
    """
    if isinstance(subject, Loss):
        rows = _check_loss(subject, shape, elementwise, seed)
    elif isinstance(subject, Layer):
        rows = _check_layer(subject, shape, elementwise, seed)
    else:
        raise ValueError(f"gradcheck: got {subject!r}; it needs a layer, a model or a loss")
    report = Report(f"{type(subject).__name__} {tuple(shape)}", tolerance, rows)
    if not report.passed:
        raise GradientError(report)
    return report


def _check_layer(subject: Layer, shape, elementwise, seed) -> list[Row]:
    layer = _double(subject, shape, np.random.default_rng(seed))
    store = layer.built()
    rows = []
    for mode in ("training", "eval"):
        names = ["input", *(p.name for p in layer.parameters() if p.trainable)]
        for name in names:

            def draw(rng, name=name, mode=mode):
                x, cotangent = rng.standard_normal(shape), rng.standard_normal((shape[0], *layer.output_shape))
                target = x if name == "input" else next(p.value for p in layer.parameters() if p.name == name)
                buffers, mask_seed = store.buffers.copy(), int(rng.integers(2**32))

                def forward():
                    store.buffers[...] = buffers  # training moves the running statistics; every call starts alike
                    return layer.forward(x, mode == "training", np.random.default_rng(mask_seed))

                def terms():
                    return cotangent * forward()

                def gradient():
                    before = x.copy()
                    y = forward()
                    if y.shape != cotangent.shape:
                        raise ValueError(f"{layer.name}: forward gave shape {y.shape}; by setup it should be {cotangent.shape}")
                    given = cotangent.copy()
                    grad_input = layer.backward(given)
                    if not np.array_equal(x, before) or not np.array_equal(given, cotangent):
                        raise ValueError(f"{layer.name}: forward changed x or backward changed grad; leave both as they are")
                    grads = {p.name: p.grad for p in layer.parameters()}
                    return np.array(grad_input if name == "input" else grads[name])

                return target, terms, gradient

            rows.append(_check(mode, name, draw, np.random.default_rng([seed, len(rows)]), elementwise))
    return rows


def _check_loss(loss: Loss, shape, elementwise, seed) -> list[Row]:
    def draw(rng):
        logits, y = rng.standard_normal(shape), loss.example_labels(rng, shape)
        weight = rng.uniform(0.5, 2, shape[0])
        return logits, lambda: np.array(loss(logits, y, weight)[0]), lambda: loss(logits, y, weight)[1]

    return [_check("-", "logits", draw, np.random.default_rng(seed), elementwise)]


def _double(subject: Layer, shape, rng) -> Layer:
    """A float64 copy, built for `shape`, with nothing left at a symmetric value unless the user built it so."""
    layer = copy.deepcopy(subject)
    layer.build(tuple(shape[1:]), dtype=np.float64)
    originals = dict(walk(subject))
    for path, twin in walk(layer):
        for mine, theirs in ((twin.params, originals[path].params), (twin.buffers, originals[path].buffers)):
            for key, array in mine.items():
                if key in theirs and theirs[key].shape == array.shape:
                    array[...] = theirs[key]
                elif key.endswith("var"):
                    array[...] = rng.uniform(0.5, 2, array.shape)
                else:
                    array += 0.5 * rng.standard_normal(array.shape)
    return layer


def _check(mode: str, name: str, draw: Callable, rng, elementwise: bool) -> Row:
    """Compare slopes at up to DRAWS random points, until one is away from kinks."""
    for kinks in range(DRAWS):
        target, terms, gradient = draw(rng)
        grad = gradient()
        if grad.shape != target.shape:
            raise ValueError(f"the gradient of {name} has shape {grad.shape}; it needs {target.shape}")
        compare = _compare_elements if elementwise else _compare_direction
        result = compare(target, terms, grad, rng)
        if result is not None:
            return Row(mode, name, *result[:3], kinks, *result[3:])
    return Row(mode, name, np.nan, np.nan, np.inf, DRAWS)


def _compare_direction(target, terms, grad, rng):
    direction = rng.standard_normal(target.shape)
    slope = _slope(target, terms, direction)
    if slope is None:
        return None
    numeric, noise = slope
    analytic = float((grad * direction).sum())
    # <grad, u> is about |grad| * |u| / sqrt(size); measured by that, a chance cancellation does not look like an error.
    typical = np.linalg.norm(grad) * np.linalg.norm(direction) / np.sqrt(grad.size)
    return analytic, numeric, _error(analytic, numeric, noise, typical)


def _compare_elements(target, terms, grad, rng):
    worst = None
    typical = np.linalg.norm(grad) / np.sqrt(grad.size)
    for index in np.ndindex(target.shape):
        direction = np.zeros(target.shape)
        direction[index] = 1
        slope = _slope(target, terms, direction)
        if slope is None:
            return None
        error = _error(float(grad[index]), slope[0], slope[1], typical)
        if worst is None or not error <= worst[2]:
            worst = (float(grad[index]), slope[0], error, index)
    return worst


def _error(analytic: float, numeric: float, noise: float, typical: float) -> float:
    """How far apart they are, relative to the gradient's size; a size that rounding noise hides counts as that noise."""
    return abs(analytic - numeric) / max(abs(analytic), abs(numeric), typical, noise / TOLERANCE, TINY)


def _slope(target, terms, direction) -> tuple[float, float] | None:
    """The slope along `direction` and its rounding noise; None where the function has a kink nearby.

    With s(e) the right slope minus the left one over a step e: where the function is smooth, s(e) shrinks with e, in proportion
    (it is e times the curvature). A kink at the very point keeps s(e) constant, one within the step changes it abruptly.
    """
    start, at_start = target.copy(), terms()
    middle, values, size = float(at_start.sum()), [], float(np.abs(at_start).sum())
    for step in (STEP, STEP / 2):
        for sign in (1, -1):
            target[...] = start + sign * step * direction
            moved = terms()
            values.append(float(moved.sum()))
            size = max(size, float(np.abs(moved).sum()))
    target[...] = start
    far, near = (((up - middle) / e, (middle - down) / e) for up, down, e in _pairs(values))
    noise = 64 * np.finfo(np.float64).eps * size / STEP
    numeric = (far[0] + far[1]) / 2
    bend = abs((far[0] - far[1]) - 2 * (near[0] - near[1]))
    if bend > noise * 8 + 3e-7 * max(abs(far[0]), abs(far[1])):
        return None
    return numeric, noise


def _pairs(values):
    return (values[0], values[1], STEP), (values[2], values[3], STEP / 2)
