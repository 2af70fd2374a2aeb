"""Streams over HTTP: piece by piece, cut short by either side, or not streamed at all."""

from __future__ import annotations

import asyncio

import pytest
from llm_server import HANG, Reply, serving, sse, stream
from provider_help import DONE, SAID, chunk, provider_at, streamed, whole

from dknb.errors import CallTimeout, ConnectionFailed, ServerError


async def test_a_stream_comes_piece_by_piece():
    """A piece is given out before the next one has been sent."""
    async with serving(stream(chunk("Hel"), HANG)) as server, provider_at(server) as provider:
        pieces = provider.stream_complete("hi")
        assert (await anext(pieces)).delta == "Hel"
        await pieces.aclose()
        await asyncio.wait_for(server.hung_up.wait(), 5)


async def test_cancelling_closes_the_connection():
    """The server sees the client go, so it stops generating; also while an answer is awaited whole."""
    for kind in ("stream_complete", "complete"):
        async with serving(stream(chunk("Hel"), HANG)) as server, provider_at(server) as provider:
            seen = asyncio.Event()

            async def read(provider=provider, kind=kind, seen=seen):
                if kind == "complete":
                    seen.set()
                    await provider.complete("hi")
                async for _ in provider.stream_complete("hi"):
                    seen.set()

            task = asyncio.create_task(read())
            await seen.wait()
            await asyncio.wait_for(server.arrived.wait(), 5)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await asyncio.wait_for(server.hung_up.wait(), 5)


async def test_a_silent_stream_runs_out_of_time():
    """What arrived is kept, the connection is closed, and pings count as signs of life."""
    async with serving(stream(chunk("Hel"), HANG)) as server, provider_at(server, timeout=0.3) as provider:
        with pytest.raises(CallTimeout) as caught:
            [piece async for piece in provider.stream_complete("hi")]
        assert caught.value.partial.content == "Hel"
        await asyncio.wait_for(server.hung_up.wait(), 5)
    pings = [b": still here\n\n", 0.2] * 3
    pieces, _ = await streamed(stream(chunk("Hel"), *pings, chunk("lo", "stop"), DONE), timeout=0.4)
    assert pieces[-1].response.content == "Hello"


@pytest.mark.parametrize("limit", [0.05, {"between": 0.05}])
async def test_signs_of_life_do_not_keep_a_stream_for_ever(limit):
    """For ten times as long as a piece may take."""
    pings = [b": still here\n\n", 0.02] * 200
    reply = stream(chunk("Hel"), *pings, chunk("lo", "stop"), DONE)
    async with serving(reply) as server, provider_at(server, timeout=limit) as provider:
        with pytest.raises(CallTimeout) as caught:
            [piece async for piece in provider.stream_complete("hi")]
    assert caught.value.partial.content == "Hel"


@pytest.mark.parametrize(
    "ending",
    [
        [],
        [b"data: {cut"],
        [b"data: [1]\n\n"],
        [b"data: \xff\xfe\n\n"],
        [{"error": {"message": "overloaded", "type": "server_error"}}],
        [b'data: {"error": {"message": "overloaded"}}'],
    ],
    ids=["ends", "cut", "list", "bytes", "error", "error-at-the-end"],
)
async def test_a_stream_that_breaks_keeps_what_arrived(ending):
    """Whatever breaks it: the end, the bytes, or the server's own word."""
    with pytest.raises((ConnectionFailed, ServerError)) as caught:
        await streamed(stream(chunk("Hel"), *ending), retry_count=0)
    assert caught.value.partial.content == "Hel"
    assert caught.value.partial.finish_reason is None
    assert caught.value.partial.metadata["incomplete"] is True


async def test_what_came_before_a_break_in_one_packet_is_kept():
    """Good events that share a packet with a broken one are part of what arrived."""
    with pytest.raises(ServerError) as caught:
        await streamed(stream(sse(chunk("Hel")) + sse(chunk("lo")) + b"data: {cut\n\n"), retry_count=0)
    assert caught.value.partial.content == "Hello"


async def test_a_stream_without_a_done_mark_is_whole():
    """A finish reason is enough."""
    pieces, _ = await streamed(stream(chunk("Hello"), chunk(finish="stop")))
    assert pieces[-1].finish_reason == "stop"


async def test_a_server_that_does_not_stream_is_read_whole():
    """The text is one piece then."""
    pieces, _ = await streamed(Reply(whole()))
    assert [(piece.kind, piece.delta) for piece in pieces] == [("text", "Hello"), ("usage", ""), ("end", "")]
    assert pieces[-1].usage["total_tokens"] == 3


async def test_a_refused_stream_is_tried_again():
    """Until its first piece a stream is like any call."""
    pieces, server = await streamed(Reply({}, status=503), SAID)
    assert pieces[-1].response.content == "Hello"
    assert len(server.asked) == 2
