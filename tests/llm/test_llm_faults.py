"""Refusals, storms and breaks of a real wire: the recorded exchanges, served with faults."""

from __future__ import annotations

import asyncio

import pytest
from llm_recorded import EXCHANGES, recorded, replay_module

from dknb.errors import RateLimited, ServerError
from dknb.llm import SyncLLMProvider, create_llm_provider

pytestmark = pytest.mark.skipif(not EXCHANGES.exists(), reason="the recorded exchanges are not beside the repository")


def exchange_of(provider, *, streams):
    """The first exchange of a vendor's chats that is a stream, or is none."""
    for exchange in recorded().values():
        path = "/chat/completions" if provider == "openai" else "/messages"
        answers = exchange["provider"] == provider and exchange["path"].endswith(path) and exchange["status"] == 200
        if answers and ("event-stream" in exchange["content_type"]) is streams:
            return exchange
    raise AssertionError("no such exchange")


@pytest.fixture(scope="module")
def replay():
    """The replay server."""
    server = replay_module().Replay(list(recorded().values()))
    server.start()
    yield server
    server.shutdown()
    server.server_close()


def provider_behind(replay, fault, provider, *, streams=False, **settings):
    """A provider that reaches an exchange through a fault."""
    exchange = exchange_of(provider, streams=streams)
    base = f"{replay.root}/{fault}/{exchange['id']}" + ("/v1" if provider == "openai" else "")
    settings = {"api_base": base, "api_key": "k", "retry_delay": 0.001, **settings}
    replay.faults.clear()
    replay.requests.clear()
    return create_llm_provider({"provider": provider, "model": "m", **settings})


def refusals(replay):
    """How many requests were refused."""
    return sum(replay.faults.values())


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
@pytest.mark.parametrize("fault", ["fault-429-2", "fault-503-3"])
async def test_refusals_that_end_are_waited_out(replay, provider, fault):
    """As many as there are retries, for answers and for streams."""
    async with provider_behind(replay, fault, provider) as whole:
        assert (await whole.complete("hi")).finish_reason
    async with provider_behind(replay, fault, provider, streams=True) as streamed:
        pieces = [piece async for piece in streamed.stream_complete("hi")]
    assert pieces[-1].response.finish_reason
    assert refusals(replay) == int(fault[-1])


@pytest.mark.parametrize(("fault", "kind"), [("fault-429-9", RateLimited), ("fault-503-9", ServerError)])
async def test_refusals_that_go_on_are_raised(replay, fault, kind):
    """After retry_count further attempts, with the facts of the last."""
    async with provider_behind(replay, fault, "openai", retry_count=2) as provider:
        with pytest.raises(kind) as caught:
            await provider.complete("hi")
    error = caught.value
    assert (refusals(replay), error.provider, error.model) == (3, "openai", "m")
    assert (error.status, error.retry_after, error.retryable) == (int(fault[6:9]), 0.0, True)


async def test_a_storm_of_refusals_passes(replay):
    """60 calls at a time against a server that refuses the first 40 requests all succeed."""
    async with provider_behind(replay, "fault-429-40", "openai") as provider:
        answers = await asyncio.gather(*(provider.complete("hi") for _ in range(60)))
        seen = provider.concurrency
    assert len({answer.content for answer in answers}) == 1
    assert (seen.refused, seen.running, seen.waiting, seen.limit < 100) == (40, 0, 0, True)


async def test_one_object_serves_two_loops(replay):
    """The one that runs here, and the sync face's; under one limit, with one view of the server."""
    provider = provider_behind(replay, "fault-429-3", "openai", max_concurrency=2, rate_limit={"tokens": 10_000_000})
    sync = SyncLLMProvider(provider)
    async with provider:
        answers = await asyncio.gather(
            *(provider.complete("hi") for _ in range(6)), *(asyncio.to_thread(sync.complete, "hi") for _ in range(6))
        )
        seen = sync.concurrency
    assert len({answer.content for answer in answers}) == 1
    assert (len(replay.requests), seen.refused, seen.running, seen.waiting) == (12, 3, 0, 0)
