"""A time limit for each of many waits."""

from __future__ import annotations

import asyncio

import pytest

from dknb.llm.calls.watch import Watch


async def soon(value, seconds=0.0):
    await asyncio.sleep(seconds)
    return value


async def test_each_wait_has_its_own_time():
    """Waits that are short each may be long together; the one that is too long ends, and what it awaited too."""
    ended = []

    async def too_long():
        try:
            await asyncio.sleep(30)
        finally:
            ended.append(True)

    with Watch(0.1) as watch:
        assert [await watch.wait(soon(number, 0.04)) for number in range(5)] == [0, 1, 2, 3, 4]
        with pytest.raises(TimeoutError):
            await watch.wait(too_long())
    assert ended == [True]
    assert asyncio.current_task().cancelling() == 0


async def test_time_between_waits_does_not_count():
    """The timer may ring while nobody waits; the next wait has its full time all the same."""
    with Watch(0.05) as watch:
        assert await watch.wait(soon(1)) == 1
        await asyncio.sleep(0.12)
        assert await watch.wait(soon(2, 0.02)) == 2


async def test_a_cancellation_from_outside_stays_one():
    """Only the watch's own is a TimeoutError."""
    with Watch(30) as watch:
        task = asyncio.create_task(watch.wait(soon(1, 30)))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_errors_and_results_pass_through():
    """Also a TimeoutError of the awaited thing's own, and without any limit."""

    async def fails():
        raise TimeoutError("mine")

    for seconds in (None, 30):
        with Watch(seconds) as watch:
            assert await watch.wait(soon(3)) == 3
            with pytest.raises(TimeoutError, match="mine"):
                await watch.wait(fails())
