"""Learning rates over time: a schedule is a function of the step, counted from 0, that an optimizer takes as its `lr`.

A schedule that depends on more than the step keeps that in `state`, a float64 array, which the optimizer's own state carries.
"""

from __future__ import annotations

import math

import numpy as np

from tinycnn.ops.shapes import is_int


class StepDecay:
    """lr * factor ^ floor(step / every). Source: Krizhevsky, Sutskever & Hinton 2012, section 5, on a fixed timetable."""

    def __init__(self, lr: float, every: int, factor: float = 0.1):
        self.lr, self.every, self.factor = _rate(lr), _count(every, "every", 1), float(factor)
        if not 0 < self.factor <= 1:
            raise ValueError(f"StepDecay: factor={factor} must be above 0 and at most 1")

    def __call__(self, step: int) -> float:
        """The rate of this step."""
        return self.lr * self.factor ** (step // self.every)


class CosineWarmup:
    """Rise in a straight line to `lr` over the `warmup` steps, then fall along half a cosine to `floor` at step `total`.

        lr(t) = floor + (lr - floor) * (1 + cos(pi * t)) / 2,   t = (step - warmup) / (total - warmup)

    Source: Loshchilov & Hutter 2017, equation 5, without restarts (arXiv:1608.03983).
    """

    def __init__(self, lr: float, total: int, warmup: int = 0, floor: float = 0.0):
        self.lr, self.floor = _rate(lr), float(floor)
        self.total, self.warmup = _count(total, "total", 1), _count(warmup, "warmup", 0)
        if self.warmup >= self.total or not 0 <= self.floor <= self.lr:
            raise ValueError(f"CosineWarmup: needs warmup={warmup} below total={total} and floor={floor} in [0, lr]")

    def __call__(self, step: int) -> float:
        """The rate of this step."""
        if step < self.warmup:
            return self.lr * (step + 1) / self.warmup
        t = min((step - self.warmup) / (self.total - self.warmup), 1.0)
        return _cosine(self.lr, self.floor, t)


class OneCycle:
    """Rise from lr / start along half a cosine to `lr`, then fall along another to lr / start / end at the last of `total` steps.

        rate(t) = after + (before - after) * (1 + cos(pi * t)) / 2,   t from 0 to 1 in each half

    `warmup` is the share of the steps that rise; the peak may lie between two steps. Steps past `total` stay at the
    last rate. Momentum is not cycled.
    Source: Smith & Topin 2018 (arXiv:1708.07120), in cosines, with the defaults and step counts of PyTorch's `OneCycleLR`.
    """

    def __init__(self, lr: float, total: int, warmup: float = 0.3, start: float = 25.0, end: float = 1e4):
        self.lr, self.total = _rate(lr), _count(total, "total", 1)
        self.warmup, self.start, self.end = float(warmup), float(start), float(end)
        if not 0 <= self.warmup < 1:
            raise ValueError(f"OneCycle: warmup={warmup} is a share of the steps; it must be at least 0 and below 1")
        if not (1 <= self.start < math.inf and 1 <= self.end < math.inf):
            raise ValueError(f"OneCycle: start={start} and end={end} divide the rate; they must be finite and at least 1")

    def __call__(self, step: int) -> float:
        """The rate of this step."""
        first, peak = self.lr / self.start, self.warmup * self.total - 1
        if step < peak:
            return _cosine(first, self.lr, step / peak)
        return _cosine(self.lr, first / self.end, min((step - peak) / (self.total - 1 - peak), 1.0))


class ReduceOnPlateau:
    """Multiply the rate by `factor` once a monitored value has not become better for more than `patience` looks at it.

        plateau = ReduceOnPlateau(0.1, patience=3)
        optimizer = SGD(model.parameters(), lr=plateau)
        ...
        plateau.observe(validation_loss)  # after every epoch

    Better means below best * (1 - threshold), or with mode "max" above best * (1 + threshold); a NaN is never better. After a
    reduction `cooldown` looks do not count. The rate never falls below `floor`.
    Source: the numbers of PyTorch's `ReduceLROnPlateau` (which holds on to a rate that would move by less than 1e-8).
    """

    def __init__(
        self,
        lr: float,
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        cooldown: int = 0,
        floor: float = 0.0,
        mode: str = "min",
    ):
        self.factor, self.threshold, self.floor, self.mode = float(factor), float(threshold), float(floor), mode
        self.patience, self.cooldown = _count(patience, "patience", 0), _count(cooldown, "cooldown", 0)
        if not 0 < self.factor < 1:
            raise ValueError(f"ReduceOnPlateau: factor={factor} must be above 0 and below 1")
        if not (0 <= self.threshold < 1 and 0 <= self.floor <= _rate(lr)):
            raise ValueError(f"ReduceOnPlateau: needs threshold={threshold} in [0, 1) and floor={floor} in [0, lr]")
        if mode not in ("min", "max"):
            raise ValueError(f'ReduceOnPlateau: mode is {mode!r}; it must be "min" or "max"')
        worst = math.inf if mode == "min" else -math.inf
        self.state = np.array(
            [lr, worst, 0, 0], np.float64
        )  # the rate, the best value, looks without a better one, cooldown left

    def __call__(self, step: int) -> float:
        """The rate of now, whatever the step."""
        return float(self.state[0])

    def observe(self, value: float) -> float:
        """Look at the monitored value; returns the rate from now on."""
        rate, best, waited, cooling = self.state
        side = 1 if self.mode == "min" else -1
        limit = best if math.isinf(best) else best - side * self.threshold * abs(best)  # of a value below 0 too
        if side * value < side * limit:
            best, waited = value, 0
        else:
            waited += 1
        if cooling > 0:
            cooling, waited = cooling - 1, 0
        if waited > self.patience:
            rate, waited, cooling = max(rate * self.factor, self.floor), 0, self.cooldown
        self.state[:] = rate, best, waited, cooling
        return float(rate)


def _cosine(before: float, after: float, t: float) -> float:
    return after + (before - after) * (1 + math.cos(math.pi * t)) / 2


def _rate(lr: float) -> float:
    if not (math.isfinite(lr) and lr > 0):
        raise ValueError(f"lr={lr} must be finite and above 0")
    return float(lr)


def _count(value: int, what: str, least: int) -> int:
    if not is_int(value) or value < least:
        raise ValueError(f"{what}={value!r} must be an int of at least {least}")
    return int(value)
