"""Server-sent events: so many streams at once; each beats while nothing happens, and all end with the server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager

from starlette.responses import StreamingResponse

from bcdetect.serve.work import Busy

MOST = 50  # streams at once
BEAT = 15.0  # seconds of silence, after which a comment tells proxies and browsers that the stream lives
RETRY = 2000  # milliseconds that a browser waits before it asks again


class Streams:
    """The streams that are open; of one event loop."""

    def __init__(self, most: int = MOST, beat: float = BEAT):
        self.most, self.beat = most, beat
        self.open = 0
        self._ending = asyncio.Event()

    def end(self) -> None:
        """End all of them, and those that are opened from now on at once. Called in the event loop."""
        self._ending.set()

    @contextmanager
    def place(self) -> Iterator[None]:
        """Hold a place. Raises Busy where all are taken."""
        if self.open >= self.most:
            hint = "Close other pages, or ask for the run without its events"
            raise Busy(f"{self.most} streams of events are open", hint=hint)
        self.open += 1
        try:
            yield
        finally:
            self.open -= 1

    async def texts(self, events: AsyncGenerator[dict]) -> AsyncGenerator[str]:
        """Each event of the generator as text for the wire; closes the generator."""
        yield f"retry: {RETRY}\n\n"
        ending, coming = asyncio.ensure_future(self._ending.wait()), None
        try:
            while True:
                coming = coming or asyncio.ensure_future(anext(events))
                await asyncio.wait((coming, ending), timeout=self.beat, return_when=asyncio.FIRST_COMPLETED)
                if ending.done():
                    return
                if not coming.done():
                    yield ": nothing new\n\n"
                    continue
                try:
                    event = coming.result()
                except StopAsyncIteration:
                    return
                coming = None
                yield text_of(event)
        finally:
            tasks = [task for task in (ending, coming) if task is not None]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await events.aclose()


class EventStream(StreamingResponse):
    """A response that holds a place among the streams for as long as it is sent."""

    media_type = "text/event-stream"

    def __init__(self, streams: Streams, events: AsyncGenerator[dict]):
        super().__init__(streams.texts(events), headers={"X-Accel-Buffering": "no"})
        self._streams = streams

    async def __call__(self, scope, receive, send) -> None:
        """Send it. Raises Busy, before anything is sent, where there is no place."""
        with self._streams.place():
            try:
                await super().__call__(scope, receive, send)
            finally:
                await self.body_iterator.aclose()  # of a client that went away while something was sent to it


def text_of(event: dict) -> str:
    """An event with its number "id" and its kind "event" in the lines of their own; the rest is the data, as JSON."""
    data = {name: value for name, value in event.items() if name not in ("id", "event")}
    return f"id: {event['id']}\nevent: {event['event']}\ndata: {json.dumps(data, allow_nan=False)}\n\n"
