"""CPU work off the event loop."""

import asyncio
from concurrent.futures import ThreadPoolExecutor


class Busy(Exception):
    """Too much is waiting."""


class TooSlow(Exception):
    """Took too long."""


class Work:
    """A pool."""

    def __init__(self, threads, waiting, seconds):
        self.pool = ThreadPoolExecutor(threads)

    async def run(self, function, *args):
        """Run."""
        return await asyncio.get_running_loop().run_in_executor(self.pool, function, *args)

    async def close(self, seconds):
        """Close."""
        self.pool.shutdown()
