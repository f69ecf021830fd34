"""Computing off the event loop: so many threads, so many in the queue before them, so many seconds for an answer.

The threads are daemons, which a `ThreadPoolExecutor`'s are not: one that never ends must not keep the server from ending.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from bcdetect.errors import BcdetectError

T = TypeVar("T")


class Busy(BcdetectError):
    """All places are taken; asking again later may find one."""

    code = "busy"


class TooSlow(BcdetectError):
    """No answer came in the time that one may take."""

    code = "too_slow"


class _Call:
    """A function with its arguments, and the future of the event loop that waits for it."""

    __slots__ = ("args", "function", "future", "loop")

    def __init__(self, function: Callable, args: tuple):
        self.function, self.args, self.loop = function, args, asyncio.get_running_loop()
        self.future = self.loop.create_future()

    def settle(self, value, error: BaseException | None) -> None:
        """In the event loop. A pair, since a future takes not every exception."""
        if not self.future.done():
            self.future.set_result((value, error))


class Work:
    """`threads` calls at once and `waiting` more in a queue, first come, first served; for one event loop."""

    def __init__(self, threads: int, waiting: int, seconds: float):
        """An answer may take `seconds`, in the queue and computing together."""
        self.threads, self.waiting, self.seconds = threads, waiting, seconds
        self._queue: deque[_Call] = deque()
        self._unanswered: set[_Call] = set()  # touched by the event loop alone
        self._running = 0
        self._closed = False
        self._changed = threading.Condition()
        for number in range(threads):
            threading.Thread(target=self._serve, name=f"work-{number + 1}", daemon=True).start()

    @property
    def running(self) -> int:
        """How many threads compute, those included whose answer is no longer waited for: a thread cannot be stopped."""
        return self._running

    @property
    def queued(self) -> int:
        """How many calls wait for a thread."""
        return len(self._queue)

    async def run(self, function: Callable[..., T], *args) -> T:
        """`function(*args)` in a thread; what it raises is raised here.

        Raises Busy at once when there is no place, TooSlow when there is no answer in time. A call that is cancelled, or too
        slow, before its turn leaves the queue and is never made.
        """
        call = _Call(function, args)
        with self._changed:
            if self._closed:
                raise Busy("the server is ending", hint="Ask again when it has started anew")
            if self._running + len(self._queue) >= self.threads + self.waiting:
                raise Busy("the server is busy", hint="Ask again in a few seconds")
            self._queue.append(call)
            self._changed.notify()
        self._unanswered.add(call)
        timer = call.loop.call_later(self.seconds, self._give_up, call)
        try:
            value, error = await call.future
        finally:
            timer.cancel()
            self._unanswered.discard(call)
            self._leave(call)
        if error is None:
            return value
        try:
            raise error
        finally:
            del error, call  # or else the error and this frame hold one another, and the arguments

    async def close(self, seconds: float) -> None:
        """Take no more calls, and give the ones that are here so many seconds; those left then raise Busy."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if self._unanswered:
            await asyncio.wait({call.future for call in self._unanswered}, timeout=seconds)
        for call in tuple(self._unanswered):
            self._leave(call)
            call.settle(None, Busy("the server is ending", hint="Ask again when it has started anew"))

    def _give_up(self, call: _Call) -> None:
        what = f"no answer in the {self.seconds:g} seconds that one may take"
        call.settle(None, TooSlow(what, hint="Ask for less at once, or again later"))

    def _leave(self, call: _Call) -> None:
        with self._changed, suppress(ValueError):  # a thread has it
            self._queue.remove(call)

    def _serve(self) -> None:
        while (call := self._next()) is not None:
            value, error = None, None
            try:
                value = call.function(*call.args)
            except BaseException as raised:  # it belongs to who waits, and the thread goes on
                error = raised
            with self._changed:
                self._running -= 1
            with suppress(RuntimeError):  # the event loop is closed, and nobody waits
                call.loop.call_soon_threadsafe(call.settle, value, error)
            del call, value, error  # an idle thread holds nobody's data

    def _next(self) -> _Call | None:
        with self._changed:
            while not self._queue:
                if self._closed:
                    return None
                self._changed.wait()
            self._running += 1
            return self._queue.popleft()
