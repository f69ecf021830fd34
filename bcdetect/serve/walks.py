"""The last few walks through a network, kept in memory for a while, so that a click need not send the input again."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from bcdetect.inside import Walk
from bcdetect.serve.failures import NotThere

MOST = 16
MOST_BYTES = 256 * 2**20
SECONDS = 600.0  # since it was last asked about


class Walks:
    """Walks by a name that nobody can guess, the one asked about last at the end. For several threads.

    The oldest go where there are more than `most`, or all together take more than `most_bytes`; the newest is always kept.
    """

    def __init__(
        self,
        most: int = MOST,
        most_bytes: int = MOST_BYTES,
        seconds: float = SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ):
        self.most, self.most_bytes, self.seconds, self._clock = most, most_bytes, seconds, clock
        self._secret, self._lock, self._timer = secrets.token_bytes(32), threading.Lock(), None
        self._held: OrderedDict[str, tuple[Walk, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._held)

    def name(self, *parts: bytes | str) -> str:
        """What a walk is called that was made from these: the model's hash, the input, what of it is looked at."""
        found = hmac.new(self._secret, digestmod=hashlib.sha256)
        for part in parts:
            data = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
            found.update(len(data).to_bytes(8, "big") + data)
        return found.hexdigest()

    def keep(self, name: str, walk: Walk) -> None:
        """Hold this walk."""
        with self._lock:
            self._held[name] = walk, self._clock() + self.seconds
            self._held.move_to_end(name)
            while len(self._held) > self.most or (len(self._held) > 1 and self._bytes() > self.most_bytes):
                self._held.popitem(last=False)

    def find(self, name: str) -> Walk | None:
        """The walk of this name; None where it is not held, or not any more."""
        self.sweep()
        with self._lock:
            if name not in self._held:
                return None
            walk, _ = self._held[name]
            self._held[name] = walk, self._clock() + self.seconds
            self._held.move_to_end(name)
            return walk

    def get(self, name: str) -> Walk:
        """The walk of this name. Raises NotThere."""
        walk = self.find(name)
        if walk is None:
            hint = (
                f"Send the input again: a walk is held in memory for {self.seconds / 60:g} minutes, the last {self.most} of them"
            )
            raise NotThere("this walk is not held any more", hint=hint)
        return walk

    def sweep(self) -> None:
        """Let go of what nobody asked about for long."""
        now = self._clock()
        with self._lock:
            while self._held and next(iter(self._held.values()))[1] <= now:
                self._held.popitem(last=False)

    def sweep_later(self) -> None:
        """See to it that this happens even if nobody asks again. Call it on the event loop."""
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self.seconds / 4, self._swept)

    def _swept(self) -> None:
        self._timer = None
        self.sweep()
        if self._held:
            self.sweep_later()

    def _bytes(self) -> int:
        return sum(walk.nbytes for walk, _ in self._held.values())
