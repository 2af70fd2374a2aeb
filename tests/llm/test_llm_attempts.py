"""How often a call is tried, how long it may take, and how many there are in a minute."""

from __future__ import annotations

import asyncio

import pytest
from llm_scripted import Scripted, streamed

from dknb.errors import BadRequest, CallTimeout, ConnectionFailed, RateLimited, ServerError
from dknb.llm import LLMConfig, LLMStreamResponse
from dknb.llm.calls.attempts import Attempts
from dknb.llm.calls.limits import CallLimits

# Retries


@pytest.mark.parametrize(
    "error",
    [RateLimited("", status=429), ServerError("", status=503), ConnectionFailed(""), CallTimeout("", status=408)],
)
async def test_what_passes_is_tried_again(error):
    """Busy servers and broken connections, for answers and for streams."""
    assert (await Scripted(error, error, "a").complete("hi")).content == "a"
    assert (await streamed(Scripted(error, "a")))[-1].response.content == "a"


@pytest.mark.parametrize(
    "error", [BadRequest("", status=400), RateLimited("you: insufficient_quota", status=429), ServerError("a page")]
)
async def test_what_stays_is_not_tried_again(error):
    """Wrong requests, empty accounts, answers that are none."""
    provider = Scripted(error, "a")
    with pytest.raises(type(error)):
        await provider.complete("hi")
    assert len(provider.requests) == 1


async def test_retries_end():
    """After retry_count of them the last failure is raised."""
    provider = Scripted(*[ServerError("", status=500)] * 5, retry_count=2)
    with pytest.raises(ServerError):
        await provider.complete("hi")
    assert len(provider.requests) == 3


async def test_nothing_is_tried_again_after_the_first_piece():
    """What was shown would be said twice; the error carries it instead."""
    provider = Scripted("a", "b", ConnectionFailed("broke"), "c")
    seen = []
    with pytest.raises(ConnectionFailed) as caught:
        await streamed(provider, stream_callback=lambda piece: seen.append(piece.delta))
    assert (seen, caught.value.partial.content) == (["a", "b"], "ab")
    assert caught.value.partial.metadata["incomplete"] is True
    assert len(provider.requests) == 1


async def test_the_server_says_how_long_to_wait():
    """Retry-After is waited out, and retry_delay doubles otherwise, with jitter."""
    config = LLMConfig("echo", "m", retry_delay=1.0, timeout=None)
    attempts = Attempts(config, CallLimits(config))
    assert 5.0 <= attempts._pause(RateLimited("", status=429, retry_after=5.0), 0) <= 5.5
    pauses = [attempts._pause(ServerError("", status=500), number) for number in range(3)]
    assert all(0.5 * 2**number <= pause <= 2**number for number, pause in enumerate(pauses))


async def test_a_wait_that_would_take_too_long_is_not_begun():
    """A server that asks for more time than the call has fails at once."""
    provider = Scripted(RateLimited("busy", status=429, retry_after=3600.0), "a", timeout=5.0)
    with pytest.raises(RateLimited) as caught:
        await provider.complete("hi")
    assert (caught.value.retry_after, len(provider.requests)) == (3600.0, 1)


async def test_a_wait_of_more_than_ten_minutes_is_nobodys():
    """Also where the call itself has no limit."""
    provider = Scripted(RateLimited("busy", status=429, retry_after=601.0), "a", timeout=None)
    with pytest.raises(RateLimited):
        await provider.complete("hi")


# Time


async def test_a_call_has_its_time():
    """The time covers all attempts; the error names it and is a TimeoutError."""
    with pytest.raises(CallTimeout, match=r"within 0\.05 s") as caught:
        await Scripted(1.0, "late", timeout=0.05).complete("hi")
    assert isinstance(caught.value, TimeoutError)
    assert caught.value.provider == "echo"


async def test_a_stream_has_its_time_for_each_piece():
    """A pause that is too long ends it, and what arrived is kept; pieces and signs of life start the clock again."""
    provider = Scripted("a", 1.0, "b", timeout=0.05)
    with pytest.raises(CallTimeout) as caught:
        await streamed(provider)
    assert caught.value.partial.content == "a"
    assert provider.closed == 1
    steady = Scripted("a", 0.04, None, 0.04, "b", 0.04, "c", timeout=0.07)
    assert (await streamed(steady))[-1].response.content == "abc"


async def test_a_stream_may_be_limited_as_a_whole():
    """With timeout={"call": ...}, besides its pieces; a number leaves a steady stream alone."""
    steady = [step for number in range(8) for step in (str(number), 0.03)]
    assert (await streamed(Scripted(*steady, timeout=0.1)))[-1].response.content == "01234567"
    provider = Scripted(*steady, timeout={"call": 0.1, "between": 1.0})
    with pytest.raises(CallTimeout, match=r"within 0\.1 s") as caught:
        await streamed(provider)
    assert caught.value.partial.content in {"01234567"[:most] for most in range(1, 8)}
    assert '{"call": 0.3}' in caught.value.hint
    assert provider.closed == 1


async def test_the_parts_of_the_time_are_told_apart():
    """A pause runs into "between"; an answer in one piece has only "call"."""
    with pytest.raises(CallTimeout, match=r"within 0\.05 s") as caught:
        await streamed(Scripted("a", 1.0, "b", timeout={"call": 30, "between": 0.05}))
    assert '{"between": 0.15}' in caught.value.hint
    assert (await Scripted(0.1, "late", timeout={"between": 0.05}).complete("hi")).content == "late"


async def test_the_time_of_the_caller_is_not_the_streams():
    """A caller that thinks between two pieces does not run into the time limit."""
    seen = []
    async for piece in Scripted("a", "b", timeout=0.05).stream_complete("hi"):
        await asyncio.sleep(0.08)
        seen.append(piece.delta)
    assert seen == ["a", "b", ""]


async def test_a_stream_that_just_ends_is_an_error():
    """A provider that gives no last piece has given no answer."""

    class Ends(Scripted):
        async def _stream(self, request, config):
            yield LLMStreamResponse("a")

    with pytest.raises(ServerError, match="ended before the answer did") as caught:
        await streamed(Ends())
    assert caught.value.partial.content == "a"


async def test_leaving_a_stream_closes_it():
    """Breaking off, or being cancelled, ends what runs behind it at once."""
    provider = Scripted("a", "b", "c")
    pieces = provider.stream_complete("hi")
    await anext(pieces)
    await pieces.aclose()
    assert provider.closed == 1
    task = asyncio.create_task(streamed(waiting := Scripted("a", 30.0)))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert waiting.closed == 1
