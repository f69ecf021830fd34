"""Time sides in turn, A B A B ..., with a pause before each: one side's spinning threads must not hold the other's cores."""

import time
from collections.abc import Callable

import numpy as np

PAUSE = 0.1  # seconds; ONNX Runtime's threads spin for about 0.04 after their last work


def timed(function: Callable[[], object]) -> float:
    time.sleep(PAUSE)
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def in_turn(*sides: Callable[[], object], rounds: int) -> np.ndarray:
    """Seconds of each round: (rounds, sides)."""
    for side in sides * 2:
        side()
    return np.array([[timed(side) for side in sides] for _ in range(rounds)])


def fastest(sides: dict[str, Callable[[], object]], rounds: int) -> str:
    """The name of the side with the lowest median, all timed in turn: lone timings once chose the slower."""
    medians = np.median(in_turn(*sides.values(), rounds=rounds), axis=0)
    return list(sides)[medians.argmin()]
