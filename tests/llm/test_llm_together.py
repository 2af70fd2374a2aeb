"""Blocking work of many calls is done together."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from dknb.llm.recordings.together import done_together


async def test_work_is_done_in_order_and_off_the_loop():
    """One piece at a time, in the order in which it was handed in, on another thread."""
    done, here = [], threading.get_ident()

    def work(number):
        def do():
            time.sleep(0.001)
            done.append((number, threading.get_ident() != here))

        return do

    await asyncio.gather(*[done_together(work(number)) for number in range(20)])
    assert done == [(number, True) for number in range(20)]


async def test_a_failure_is_that_of_its_caller_alone():
    """The others are done all the same."""
    done = []

    def fail():
        raise OSError("the disk is full")

    outcomes = await asyncio.gather(
        done_together(lambda: done.append(1)),
        done_together(fail),
        done_together(lambda: done.append(2)),
        return_exceptions=True,
    )
    assert (done, outcomes[0], outcomes[2]) == ([1, 2], None, None)
    assert isinstance(outcomes[1], OSError)


async def test_a_caller_who_leaves_has_its_work_done():
    """A call that is cancelled while its answer is written loses nothing."""
    began, go, done = threading.Event(), threading.Event(), []

    def slow():
        began.set()
        go.wait(5)
        done.append("slow")

    first = asyncio.create_task(done_together(slow))
    await asyncio.to_thread(began.wait, 5)
    second = asyncio.create_task(done_together(lambda: done.append("quick")))
    await asyncio.sleep(0)
    first.cancel()
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    go.set()
    await done_together(lambda: done.append("last"))
    assert done == ["slow", "quick", "last"]


def test_a_loop_that_ends_leaves_nothing_undone():
    """What was handed in before the end is done by the end."""
    done = []

    async def main():
        for number in range(3):
            asyncio.get_running_loop().create_task(done_together(lambda number=number: done.append(number)))
        await asyncio.sleep(0.001)

    asyncio.run(main())
    assert done == [0, 1, 2]
