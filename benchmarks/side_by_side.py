"""Time two sides in turn, A B A B ..., with a pause before each: one side's spinning threads must not hold the other's cores."""

import time
from collections.abc import Callable

import numpy as np

PAUSE = 0.02  # seconds


def timed(function: Callable[[], object]) -> float:
    time.sleep(PAUSE)
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def in_turn(ours: Callable[[], object], theirs: Callable[[], object], rounds: int) -> np.ndarray:
    """Seconds of each round: (rounds, 2)."""
    for side in (ours, theirs, ours, theirs):
        side()
    return np.array([(timed(ours), timed(theirs)) for _ in range(rounds)])
