"""Work off the event loop: who gets a thread, who a place in the queue, who neither, and that no place is ever lost."""

import asyncio
import gc
import subprocess
import sys
import threading
import weakref
from contextlib import suppress

import pytest
from trained import environment

from bcdetect.errors import InputError
from bcdetect.serve.work import Busy, TooSlow, Work

LONG = 30.0


class Gate:
    """A job that holds its thread until it is let go."""

    def __init__(self):
        self.opened, self.entered, self.ran = threading.Event(), threading.Semaphore(0), []

    def __call__(self, name=None):
        self.ran.append(name)
        self.entered.release()
        assert self.opened.wait(LONG)
        return name

    async def inside(self, count=1):
        for _ in range(count):
            assert await asyncio.to_thread(self.entered.acquire, timeout=LONG)


def with_work(threads, waiting, seconds, body):
    """Run `body(work, gate)`; whatever it leaves is let go and closed."""

    async def main():
        work, gate = Work(threads, waiting, seconds), Gate()
        try:
            return await body(work, gate)
        finally:
            gate.opened.set()
            await work.close(LONG)

    return asyncio.run(main())


async def assert_soon(condition):
    """That the condition comes true, which may take a loaded machine a while."""
    for _ in range(3000):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("never came true")


def test_answers_and_exceptions_come_back_from_another_thread():
    def fails():
        raise InputError("bad", hint="better")

    def stops():
        raise StopIteration

    async def body(work, gate):
        here, there = threading.get_ident(), await work.run(threading.get_ident)
        assert here != there
        assert await asyncio.gather(*(work.run(pow, n, 2) for n in range(10))) == [n * n for n in range(10)]
        with pytest.raises(InputError, match="better"):
            await work.run(fails)
        with pytest.raises(RuntimeError):  # what Python makes of it in a coroutine, and no answer that never comes
            await work.run(stops)
        assert (work.running, work.queued) == (0, 0)

    with_work(2, 8, LONG, body)


def test_beyond_threads_and_queue_it_is_busy_at_once():
    async def body(work, gate):
        tasks = [asyncio.create_task(work.run(gate, n)) for n in range(5)]
        await gate.inside(2)
        assert (work.running, work.queued) == (2, 3)
        with pytest.raises(Busy):
            await work.run(gate, "refused")
        gate.opened.set()
        assert await asyncio.gather(*tasks) == list(range(5))
        assert gate.ran == list(range(5))  # first come, first served
        assert await work.run(gate, "later") == "later"

    with_work(2, 3, LONG, body)


def test_no_queue_at_all():
    async def body(work, gate):
        task = asyncio.create_task(work.run(gate, 1))
        await gate.inside()
        with pytest.raises(Busy):
            await work.run(gate, 2)
        gate.opened.set()
        assert await task == 1
        assert await work.run(gate, 3) == 3

    with_work(1, 0, LONG, body)


def test_a_client_that_leaves_frees_its_place_and_its_function_never_runs():
    async def body(work, gate):
        first = asyncio.create_task(work.run(gate, "first"))
        await gate.inside()
        for _ in range(50):  # more than there are places, one after the other
            leaver = asyncio.create_task(work.run(gate, "left"))
            await assert_soon(lambda: work.queued == 1)
            leaver.cancel()
            with pytest.raises(asyncio.CancelledError):
                await leaver
            assert work.queued == 0
        stays = asyncio.create_task(work.run(gate, "stays"))
        await asyncio.sleep(0)
        gate.opened.set()
        assert await asyncio.gather(first, stays) == ["first", "stays"]
        assert gate.ran == ["first", "stays"]

    with_work(1, 1, LONG, body)


def test_one_that_leaves_while_it_is_computed_keeps_its_thread_until_the_end():
    async def body(work, gate):
        leaver = asyncio.create_task(work.run(gate))
        await gate.inside()
        leaver.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leaver
        assert work.running == 1
        with pytest.raises(Busy):
            await work.run(gate)
        gate.opened.set()
        await assert_soon(lambda: work.running == 0)
        assert await work.run(pow, 2, 3) == 8

    with_work(1, 0, LONG, body)


def test_what_takes_too_long_is_said_and_its_thread_counted_until_it_ends():
    async def body(work, gate):
        with pytest.raises(TooSlow, match=r"0\.2 seconds"):
            await work.run(gate, "slow")
        assert work.running == 1
        queued = asyncio.create_task(work.run(gate, "queued"))
        await assert_soon(lambda: work.queued == 1)
        with pytest.raises(Busy):
            await work.run(gate, "refused")
        with pytest.raises(TooSlow):  # the time in the queue counts
            await queued
        assert (work.running, work.queued) == (1, 0)
        gate.opened.set()
        await assert_soon(lambda: work.running == 0)
        assert await work.run(pow, 2, 3) == 8
        assert gate.ran == ["slow"]

    with_work(1, 1, 0.2, body)


def test_closing_finishes_what_is_here_and_refuses_what_is_new():
    async def main():
        work, gate = Work(1, 5, LONG), Gate()
        tasks = [asyncio.create_task(work.run(gate, n)) for n in range(3)]
        await gate.inside()
        closing = asyncio.create_task(work.close(LONG))
        await asyncio.sleep(0)
        with pytest.raises(Busy, match="ending"):
            await work.run(gate, "new")
        assert not closing.done()
        gate.opened.set()
        await closing
        assert await asyncio.gather(*tasks) == [0, 1, 2]

    asyncio.run(main())


def test_closing_does_not_wait_longer_than_told():
    async def main():
        work, gate = Work(1, 5, LONG), Gate()
        tasks = [asyncio.create_task(work.run(gate, n)) for n in range(2)]
        await gate.inside()
        await work.close(0.05)
        found = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(each) for each in found] == [Busy, Busy]
        gate.opened.set()
        await assert_soon(lambda: work.running == 0)
        assert gate.ran == [0]

    asyncio.run(main())


def test_a_thread_that_never_ends_does_not_keep_the_process():
    code = (
        "import asyncio, threading\n"
        "from bcdetect.serve.work import Work, TooSlow\n"
        "async def main():\n"
        "    work = Work(1, 0, 0.05)\n"
        "    try: await work.run(threading.Event().wait)\n"
        "    except TooSlow: print('slow')\n"
        "    await work.close(0.05)\n"
        "asyncio.run(main())\n"
    )
    done = subprocess.run([sys.executable, "-c", code], env=environment(), capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "slow\n", "")


def test_an_idle_thread_holds_nobodys_data():
    class Upload:
        pass

    def refuses(upload):
        raise InputError("bad")

    async def body(work, gate):
        for function in (bool, refuses):
            upload = Upload()
            gone = weakref.ref(upload)
            with suppress(InputError):
                await work.run(function, upload)
            del upload
            await assert_soon(lambda gone=gone: gone() is None)

    gc.disable()  # at once, and not some time later
    try:
        with_work(1, 0, LONG, body)
    finally:
        gc.enable()
