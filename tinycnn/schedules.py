"""Learning rates over time: a schedule is a function of the step, counted from 0, that an optimizer takes as its `lr`."""

from __future__ import annotations

import math

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
