"""What a run tells, numbered from 1, for any number of listeners that come, go and come back."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterator
from contextlib import suppress

MOST = 2000  # kept; a run of 500 epochs tells some 520


class Events:
    """Added to from any thread, followed from any event loop."""

    def __init__(self, most: int = MOST):
        """Beyond `most` the oldest go; the others keep their numbers."""
        self._events: deque[dict] = deque(maxlen=most)
        self._number = 0
        self._ended = False
        self._lock = threading.Lock()
        self._listeners: dict[asyncio.Event, asyncio.AbstractEventLoop] = {}

    def add(self, event: dict, last: bool = False) -> None:
        """Append the event with its number as "id"; after the last one listeners end, and nothing is added."""
        with self._lock:
            if self._ended:
                return
            self._number, self._ended = self._number + 1, last
            self._events.append({"id": self._number, **event})
            listeners = list(self._listeners.items())
        for news, loop in listeners:
            with suppress(RuntimeError):  # its loop is closed
                loop.call_soon_threadsafe(news.set)

    def told(self, after: int = 0) -> list[dict]:
        """Those that are kept with a number above `after`."""
        with self._lock:
            return [event for event in self._events if event["id"] > after]

    async def follow(self, after: int = 0) -> AsyncIterator[dict]:
        """Each event with a number above `after`, as it comes; ends after the last."""
        news = asyncio.Event()
        with self._lock:
            self._listeners[news] = asyncio.get_running_loop()
        try:
            while True:
                news.clear()
                ended = self._ended  # asked first: what is listed after it is then all there is
                for event in self.told(after):
                    yield event
                    after = event["id"]
                if ended:
                    return
                await news.wait()
        finally:
            with self._lock:
                del self._listeners[news]
