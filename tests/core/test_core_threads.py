"""Work in a thread of its own, for which nobody has to wait."""

from __future__ import annotations

import asyncio
import contextvars
import subprocess
import sys
import threading

import pytest

from dknb._sync import in_thread

PLACE = contextvars.ContextVar("place", default="nowhere")


async def test_it_gives_the_result_from_another_thread():
    """The work runs elsewhere, with its arguments and the caller's context variables."""
    PLACE.set("here")

    def work(number, *, plus):
        return number + plus, PLACE.get(), threading.get_ident()

    total, place, thread = await in_thread(work, 1, plus=2)
    assert (total, place) == (3, "here")
    assert thread != threading.get_ident()


@pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt("stop")])
async def test_its_error_arrives_unchanged(error):
    """Whatever the work raises is raised where it is awaited."""

    def work():
        raise error

    with pytest.raises(type(error)) as caught:
        await in_thread(work)
    assert caught.value is error


async def test_the_end_of_an_iterator_is_no_end_of_the_caller():
    """StopIteration cannot pass through an await; it is told as a RuntimeError."""
    with pytest.raises(RuntimeError, match="StopIteration"):
        await in_thread(next, iter(()))


async def test_a_caller_that_gives_up_does_not_wait():
    """A cancelled caller goes on while the work does, and its late result disturbs nobody."""
    begun, go_on, done = threading.Event(), threading.Event(), threading.Event()

    def work():
        begun.set()
        go_on.wait(60)
        done.set()

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(in_thread(work), 0.05)
    assert begun.is_set()
    assert not done.is_set()
    go_on.set()
    await asyncio.to_thread(done.wait, 60)
    await asyncio.sleep(0)


async def test_hanging_work_takes_nobodys_place():
    """However many hang, others still get a thread."""
    go_on = threading.Event()
    hanging = [asyncio.create_task(in_thread(go_on.wait, 60)) for _ in range(100)]
    assert await asyncio.to_thread(lambda: "done") == "done"
    assert await in_thread(lambda: "done") == "done"
    go_on.set()
    assert await asyncio.gather(*hanging) == [True] * 100


def test_a_process_ends_without_it():
    """Neither the end of the loop nor that of the process waits for work that hangs."""
    code = (
        "import asyncio, threading\n"
        "from dknb._sync import in_thread\n"
        "async def main():\n"
        "    try:\n"
        "        await asyncio.wait_for(in_thread(threading.Event().wait), 0.05)\n"
        "    except TimeoutError:\n"
        "        print('given up')\n"
        "asyncio.run(main())\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "given up\n"
