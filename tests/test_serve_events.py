"""What a run tells: numbered, to whoever listens, from wherever they left off."""

import asyncio
import threading

from bcdetect.serve.events import Events


async def numbers(events, after=0):
    return [event["id"] async for event in events.follow(after)]


def test_listeners_that_come_early_late_or_again_hear_all_once_and_in_order():
    async def main():
        events = Events()
        early = [asyncio.create_task(numbers(events)) for _ in range(2)]
        await asyncio.sleep(0)

        def tell():
            for n in range(500):
                events.add({"n": n}, last=n == 499)

        thread = threading.Thread(target=tell)
        thread.start()
        assert await asyncio.gather(*early) == [list(range(1, 501))] * 2
        thread.join()
        assert await numbers(events) == list(range(1, 501))
        assert await numbers(events, after=498) == [499, 500]
        assert await numbers(events, after=500) == await numbers(events, after=10**9) == []
        assert [event["n"] for event in events.told(after=497)] == [497, 498, 499]
        events.add({"n": "late"})
        assert events.told()[-1]["n"] == 499

    asyncio.run(main())


def test_one_that_leaves_and_one_whose_loop_is_gone_disturb_nobody():
    events = Events()
    events.add({"n": 0})

    async def listen():
        async for _ in events.follow():
            break  # and the generator is never closed

    asyncio.run(listen())

    async def leave():
        task = asyncio.create_task(numbers(events))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(leave())

    async def stay():
        task = asyncio.create_task(numbers(events))
        await asyncio.sleep(0)
        events.add({"n": 1}, last=True)
        return await task

    assert asyncio.run(stay()) == [1, 2]


def test_beyond_what_is_kept_the_oldest_go_and_numbers_stay():
    events = Events(most=3)
    for n in range(10):
        events.add({"n": n}, last=n == 9)
    assert asyncio.run(numbers(events)) == [8, 9, 10]
