"""Time sides in turn, A B A B ..., with a pause before each: one side's spinning threads must not hold the other's cores."""

import time
from collections.abc import Callable

import numpy as np

PAUSE = 0.1  # seconds; ONNX Runtime's threads spin for about 0.04 after their last work
RUN = 0.1  # seconds that a run takes at least, as many calls as that needs: the first ones after a pause are slower


def timed(function: Callable[[], object], calls: int = 1) -> float:
    """Seconds of a call, over so many in a row."""
    time.sleep(PAUSE)
    start = time.perf_counter()
    for _ in range(calls):
        function()
    return (time.perf_counter() - start) / calls


def in_turn(*sides: Callable[[], object], rounds: int) -> np.ndarray:
    """Seconds of a call in each round: (rounds, sides)."""
    for side in sides:
        side()
    calls = [max(1, round(RUN / timed(side))) for side in sides]
    return np.array([[timed(*run) for run in zip(sides, calls, strict=True)] for _ in range(rounds)])


def fastest(sides: dict[str, Callable[[], object]], rounds: int) -> str:
    """The name of the side with the lowest median, all timed in turn: lone timings once chose the slower."""
    medians = np.median(in_turn(*sides.values(), rounds=rounds), axis=0)
    return list(sides)[medians.argmin()]
