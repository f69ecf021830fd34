"""Ctrl-C while a network trains: the first one ends training after the present batch, a second one ends the program at once."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def stoppable() -> Iterator[Callable[[], bool]]:
    """A function that says whether Ctrl-C was pressed in this block; outside the main thread, which hears of no signal, never."""
    pressed = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield pressed.is_set
        return

    def note(number, frame):
        signal.signal(signal.SIGINT, before)
        pressed.set()
        print("ending after this batch; press Ctrl-C again to end at once", file=sys.stderr, flush=True)

    before = signal.signal(signal.SIGINT, note)
    try:
        yield pressed.is_set
    finally:
        signal.signal(signal.SIGINT, before)
