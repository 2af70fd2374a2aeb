"""The bridge from synchronous callers to the async core."""

from __future__ import annotations

import asyncio
import contextvars
import os
import signal
import threading
import time

import pytest

from dknb import _sync
from dknb._sync import Stream, iterate, run


@pytest.fixture(autouse=True)
def stop_key():
    """Python's own handler of the stop key, whatever started the tests or ran before them has made of it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


async def value(result=1):
    await asyncio.sleep(0)
    return result


async def numbers(count, closed=None, pause=0.0):
    try:
        for number in range(count):
            await asyncio.sleep(pause)
            yield number
    finally:
        if closed is not None:
            closed.set()


def test_a_coroutine_runs_and_its_error_arrives_unchanged():
    """The result comes back, and so does the very exception."""

    async def fail():
        raise KeyError("x")

    assert run(value(7)) == 7
    with pytest.raises(KeyError, match="x"):
        run(fail())


async def test_it_works_inside_a_running_loop():
    """A notebook's cell runs in a loop; a synchronous call in it works all the same."""
    assert run(value(3)) == 3


def test_it_refuses_to_wait_for_itself():
    """A synchronous call on the background loop would wait for ever, so it is an error."""

    async def inner():
        run(value())

    with pytest.raises(RuntimeError, match="own event loop"):
        run(inner())


def test_context_variables_go_along():
    """What the caller has set in its context is seen by the coroutine."""
    variable = contextvars.ContextVar("variable", default=0)
    variable.set(5)

    async def read():
        return variable.get()

    assert run(read()) == 5


def test_items_arrive_in_order_and_leaving_the_loop_closes_the_source():
    """A for loop over an async iterator sees every item, and break closes the iterator."""
    assert list(iterate(lambda: numbers(2_500))) == list(range(2_500))
    closed = threading.Event()
    for number in iterate(lambda: numbers(10**9, closed)):
        if number == 3:
            break
    assert closed.is_set()


def test_a_stream_gives_what_there_is_then_the_error():
    """The items before an error are handed over before it is raised."""

    async def two_then_fail():
        yield 1
        yield 2
        raise OSError("gone")

    seen = []

    def take_all():
        with Stream(two_then_fail) as stream:
            for batch in stream.batches():
                seen.extend(batch)

    with pytest.raises(OSError, match="gone"):
        take_all()
    assert seen == [1, 2]


def interrupt_soon(seconds=0.1):
    threading.Timer(seconds, lambda: os.kill(os.getpid(), signal.SIGINT)).start()


def test_an_interrupt_cancels_the_coroutine_and_lets_it_clean_up():
    """The stop button reaches the coroutine, which may still put things away before the interrupt goes on."""
    cleaned = []

    async def long():
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.05)
            cleaned.append(True)

    interrupt_soon()
    with pytest.raises(KeyboardInterrupt):
        run(long())
    assert cleaned == [True]


def test_an_interrupt_of_a_stream_closes_the_source():
    """While batches are waited for, an interrupt closes the iterator."""
    closed = threading.Event()
    interrupt_soon()
    with pytest.raises(KeyboardInterrupt), Stream(lambda: numbers(10**9, closed, pause=0.01)) as stream:
        for _ in stream.batches(lambda: 0.05):
            pass
    assert closed.is_set()


@pytest.mark.parametrize("scheduled", [True, False])
def test_an_interrupt_while_it_starts_leaves_nothing_running(monkeypatch, scheduled):
    """The stop key between scheduling and waiting ends what was scheduled."""
    began, closed = threading.Event(), threading.Event()
    start = _sync._Job.start

    def stopped(job):
        if scheduled:
            start(job)
        raise KeyboardInterrupt

    async def endless():
        began.set()
        try:
            await asyncio.sleep(60)
            yield 1
        finally:
            closed.set()

    monkeypatch.setattr(_sync._Job, "start", stopped)
    stream = Stream(endless)
    with pytest.raises(KeyboardInterrupt):
        stream.__enter__()
    assert closed.is_set() == began.is_set()
    assert stream._job._finished.is_set()


def test_a_coroutine_that_will_not_stop_is_given_up(monkeypatch):
    """Clean-up that hangs does not hold the interrupt for ever."""
    monkeypatch.setattr(_sync, "GRACE", 0.2)
    release = threading.Event()

    async def stubborn():
        try:
            await asyncio.sleep(60)
        finally:
            while not release.is_set():  # noqa: ASYNC110 - it is another thread that releases it
                await asyncio.sleep(0.01)

    interrupt_soon()
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        run(stubborn())
    release.set()
    assert time.monotonic() - started < 30


def test_a_forked_child_makes_its_own_loop():
    """After a fork the child's calls run, on a loop of its own."""
    run(value())
    child = os.fork()
    if child == 0:
        os._exit(0 if run(value(9)) == 9 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.parametrize("error", [SystemExit("no key"), KeyboardInterrupt(), GeneratorExit(), BaseException("any")])
def test_what_a_coroutine_raises_is_its_callers_alone(error):
    """Another call in flight ends as it would have, and so do the next ones, on the same loop."""
    release, results = threading.Event(), []

    async def waits():
        await asyncio.to_thread(release.wait)
        return "done"

    async def fails():
        await asyncio.sleep(0)
        raise error

    async def fails_in_a_task():
        return await asyncio.gather(fails(), waits())

    other = threading.Thread(target=lambda: results.append(run(waits())), daemon=True)
    other.start()
    loop = _sync._LoopThread.get()
    for make in (fails, fails_in_a_task):
        with pytest.raises(type(error)) as caught:
            run(make())
        assert caught.value is error
    release.set()
    other.join(5)
    assert results == ["done"]
    assert run(value(3)) == 3
    assert _sync._LoopThread.get() is loop


@pytest.mark.parametrize("error", [SystemExit("no key"), KeyboardInterrupt()])
def test_what_work_in_a_thread_raises_is_its_callers_alone(error):
    """Also where the thread was started for a synchronous caller, and in a stream."""

    def work():
        raise error

    async def stream():
        yield 1
        await _sync.in_thread(work)

    with pytest.raises(type(error)):
        run(_sync.in_thread(work))
    with pytest.raises(type(error)):
        list(iterate(stream))
    assert run(value(4)) == 4


def test_what_is_no_coroutine_does_not_hang():
    """The caller gets the loop's complaint."""
    with pytest.raises(TypeError):
        run(5)


@pytest.mark.parametrize("streams", [False, True])
def test_an_interrupt_below_asyncio_run_ends_the_wait(streams):
    """There the first one is a cancellation of the main task, of which it cannot learn while it waits."""
    ended = []

    async def long():
        try:
            await asyncio.sleep(60)
            yield 1
        finally:
            ended.append("cancelled")

    async def first():
        return await anext(long())

    async def main():
        interrupt_soon()
        with pytest.raises(KeyboardInterrupt):
            list(iterate(long)) if streams else run(first())
        ended.append("interrupted")

    with pytest.raises(KeyboardInterrupt):
        asyncio.run(main())
    assert ended == ["cancelled", "interrupted"]
