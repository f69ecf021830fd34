"""Time sides in turn, A B A B ..., with a pause before each: one side's spinning threads must not hold the other's cores.

Whoever comes after a pause has to wake its threads, which on two shared cores can take as long as a small kernel runs. A training
run does not pause, so each side works once, untimed, before it is timed.
"""

import time
from collections.abc import Callable

import numpy as np

PAUSE = 0.06  # seconds; ONNX Runtime's threads spin for about 0.04 after their last work


def timed(function: Callable[[], object]) -> float:
    """Seconds of one call, after a pause and a call that is not timed."""
    time.sleep(PAUSE)
    function()
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
