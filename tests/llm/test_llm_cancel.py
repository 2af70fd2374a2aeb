"""Stopping a call closes its connection, at whatever stage it is, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import signal
import socket
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest
from llm_server import HANG, events, head, serving
from provider_help import chunk, provider_at

from dknb.llm import SyncLLMProvider

TABLE = Path("/proc/net/tcp")
EVENTS = "text/event-stream"
STAGES = {
    "waiting for headers": [HANG],
    "in the headers": [b"HTTP/1.1 200 OK\r\nContent-Ty", HANG],
    "in the body": [head(EVENTS) + b": hello\n\n", HANG],
    "in an event": [head(EVENTS) + b': hello\n\ndata: {"choi', HANG],
    "in a whole answer": [head(content_length=100) + b'{"choi', HANG],
}


#: States in ``/proc/net/tcp`` of a connection that this side holds: established, being opened, closed by the other only.
HELD = ("01", "02", "08")


def connections_to(port):
    """How many connections to that port are open on this machine, or being opened."""
    if not TABLE.exists():
        return 0
    rows = [line.split() for line in TABLE.read_text().splitlines()[1:]]
    return sum(row[2].endswith(f":{port:04X}") and row[3] in HELD for row in rows)


async def asks(provider, kind):
    if kind == "complete":
        await provider.complete("hi")
    else:
        async for _ in provider.stream_complete("hi"):
            pass


@pytest.mark.parametrize("kind", ["complete", "stream"])
@pytest.mark.parametrize("provider", ["openai", "anthropic"])
@pytest.mark.parametrize("stage", STAGES)
async def test_a_cancelled_call_hangs_up(stage, kind, provider):
    """The server sees the connection closed at once; no task and no socket is left."""
    before = asyncio.all_tasks()
    async with serving(STAGES[stage]) as server:
        model = provider_at(server, provider, timeout=None)
        task = asyncio.create_task(asks(model, kind))
        await asyncio.wait_for(server.hanging.wait(), 30)
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.wait_for(server.hung_up.wait(), 1)
        assert connections_to(server.port) == 0
        await model.close()
    await asyncio.sleep(0)
    assert asyncio.all_tasks() - before == set()


@pytest.mark.skipif(not TABLE.exists(), reason="a connection to a full queue waits on Linux only")
async def test_a_call_cancelled_while_it_connects_leaves_nothing():
    """A server that does not take the connection: the attempt ends and its socket is closed."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(("127.0.0.1", port))
        there = connections_to(port)

        class Server:
            root = f"http://127.0.0.1:{port}"

        model = provider_at(Server, timeout=None)
        task = asyncio.create_task(asks(model, "complete"))
        await asyncio.sleep(0.5)
        assert not task.done()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert connections_to(port) == there
        await model.close()
        for one in waiting:
            one.close()


async def test_leaving_a_stream_hangs_up():
    """A caller who has read enough closes the iterator."""
    said = head(EVENTS) + events(chunk("Hel"))
    async with serving([said, HANG]) as server, provider_at(server) as model:
        pieces = model.stream_complete("hi")
        assert (await anext(pieces)).delta == "Hel"
        await pieces.aclose()
        await asyncio.wait_for(server.hung_up.wait(), 1)


async def test_one_cancelled_call_leaves_the_others_alone():
    """Calls of one provider share a client, and no fate."""
    whole = b'{"choices": [{"index": 0, "message": {"content": "Hello"}, "finish_reason": "stop"}]}'
    slow = [0.3, head(content_length=len(whole)) + whole]
    async with serving([HANG], slow) as server, provider_at(server) as model:
        first = asyncio.create_task(model.complete("hi"))
        await server.hanging.wait()
        second = asyncio.create_task(model.complete("hi"))
        await asyncio.sleep(0.05)
        first.cancel()
        assert (await second).content == "Hello"
        assert first.cancelled()


@contextmanager
def server_in_a_thread(script):
    """A server whose loop is not that of the calls."""
    ready, over = threading.Event(), asyncio.Event()
    box = {}

    async def main():
        async with serving(script) as server:
            box.update(server=server, loop=asyncio.get_running_loop())
            ready.set()
            await over.wait()

    thread = threading.Thread(target=lambda: asyncio.run(main()))
    thread.start()
    ready.wait()
    try:
        yield box["server"], box["loop"]
    finally:
        box["loop"].call_soon_threadsafe(over.set)
        thread.join()


@pytest.mark.parametrize("kind", ["complete", "stream"])
def test_the_stop_button_hangs_up(kind):
    """An interrupt of a call that waits in a cell closes its connection before it goes on its way."""
    with server_in_a_thread(STAGES["in the body"]) as (server, loop):
        model = SyncLLMProvider(provider_at(server, timeout=None))
        said = asyncio.run_coroutine_threadsafe(server.hanging.wait(), loop)
        said.add_done_callback(lambda _: signal.pthread_kill(threading.main_thread().ident, signal.SIGINT))
        with pytest.raises(KeyboardInterrupt):
            list(model.stream_complete("hi")) if kind == "stream" else model.complete("hi")
        asyncio.run_coroutine_threadsafe(asyncio.wait_for(server.hung_up.wait(), 1), loop).result()
        model.close()
