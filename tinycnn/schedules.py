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
        return self.floor + (self.lr - self.floor) * (1 + math.cos(math.pi * t)) / 2


def _rate(lr: float) -> float:
    if not (math.isfinite(lr) and lr > 0):
        raise ValueError(f"lr={lr} must be finite and above 0")
    return float(lr)


def _count(value: int, what: str, least: int) -> int:
    if not is_int(value) or value < least:
        raise ValueError(f"{what}={value!r} must be an int of at least {least}")
    return int(value)
