"""Calls are recorded and replayed, whichever provider makes them."""

from __future__ import annotations

import asyncio
import threading

import pytest
from llm_scripted import Scripted, streamed

from dknb.errors import BadRequest, ConnectionFailed, ReplayMiss
from dknb.llm import LLMMessage, Recording
from dknb.llm.recordings.recording import use


@pytest.fixture
def tape(tmp_path):
    """Opens recordings of one file, one after the other, and stops the last."""
    opened = []

    def open_as(mode, pace="instant"):
        while opened:
            opened.pop().close()
        opened.append(Recording(tmp_path / "calls.jsonl", mode, pace))
        use(opened[0])
        return opened[0]

    yield open_as
    use(None)
    for one in opened:
        one.close()


async def test_an_answer_is_recorded_and_replayed(tape):
    """The replay asks nobody, says that it is one, and gives what was given."""
    tape("record")
    first = await Scripted("a", recorded=True, temperature=1.0).complete("hi")
    tape("replay")
    silent = Scripted(recorded=True, temperature=1.0)
    again = await silent.complete("hi")
    assert (again.content, again.tool_calls, again.created_at) == (first.content, first.tool_calls, first.created_at)
    assert again.metadata["replayed"] is True
    assert silent.requests == []
    with pytest.raises(ReplayMiss):
        await silent.complete("something else")


async def test_a_stream_is_recorded_and_replayed_in_its_pieces(tape):
    """And answers complete as well, as an answer without pieces answers a stream."""
    tape("record")
    await streamed(Scripted("a", "b", recorded=True))
    await Scripted("whole", recorded=True).complete("other")
    tape("replay")
    assert [piece.delta for piece in await streamed(Scripted(recorded=True))] == ["a", "b", ""]
    pieces = await streamed(Scripted(recorded=True), "other")
    assert [(piece.delta, piece.is_final) for piece in pieces] == [("whole", False), ("", False), ("", True)]
    tape("replay")
    assert (await Scripted(recorded=True).complete("hi")).content == "ab"


async def test_a_replay_can_keep_its_rhythm(tape, monkeypatch):
    """At the recorded pace the pauses are waited out."""
    tape("record")
    await streamed(Scripted("a", 0.05, "b", recorded=True))
    tape("replay", "recorded")
    slept = []

    async def sleep(seconds):
        slept.append(seconds)

    monkeypatch.setattr("dknb.llm.recordings.record.asyncio.sleep", sleep)
    await streamed(Scripted(recorded=True))
    assert sum(slept) >= 0.05


async def test_vectors_are_recorded_too(tape):
    """Embeddings replay as they were."""
    tape("record")
    vectors = await Scripted(recorded=True).embed(["abc", "d"])
    tape("replay")
    assert await Scripted(recorded=True).embed(["abc", "d"]) == vectors


async def test_a_call_that_failed_is_not_recorded(tape):
    """Neither an error nor a stream that broke off is an answer."""
    recording = tape("record")
    with pytest.raises(BadRequest):
        await Scripted(BadRequest("no", status=400), recorded=True).complete("hi")
    with pytest.raises(ConnectionFailed):
        await streamed(Scripted("a", ConnectionFailed("cut"), recorded=True))
    assert recording.summary().added == 0


async def test_what_costs_nothing_is_not_recorded(tape):
    """Echo answers the same without a recording, so a strict replay lets it."""
    tape("record")
    tape("replay")
    assert (await Scripted("a").complete("hi")).content == "a"


def test_the_canonical_request_holds_what_decides_the_answer():
    """No key, address, user, limit, or stream flag; plain data without empty fields."""
    from dknb.llm.config import LLMConfig
    from dknb.llm.request import completion_request

    config = LLMConfig(
        "openai", "m", api_key="sk-1", api_base="http://x", user_id="u", stream=True, temperature=0.5, timeout=3
    )
    request = completion_request(config, [LLMMessage("user", "hi", metadata={"cell": 1})])
    assert request.canonical() == {
        "kind": "complete",
        "provider": "openai",
        "model": "m",
        "messages": [{"role": "user", "content": "hi"}],
        "settings": {"temperature": 0.5},
    }


async def test_equal_calls_at_once_are_samples_and_cost_nothing_when_they_are_run_again(tape):
    """In the order in which they start, whichever ends first; ``auto`` then asks nobody."""
    tape("auto")
    live = Scripted("a", "b", "c", recorded=True, temperature=1.0)
    first = await asyncio.gather(*[live.complete("hi") for _ in range(3)])
    recording = tape("auto")
    silent = Scripted(recorded=True, temperature=1.0)
    again = await asyncio.gather(*[silent.complete("hi") for _ in range(3)])
    assert [one.content for one in first] == [one.content for one in again] == ["a", "b", "c"]
    assert [one.metadata.get("replayed") for one in (*first, *again)] == [None] * 3 + [True] * 3
    assert (len(live.requests), silent.requests) == (3, [])
    assert (recording.summary().answered, recording.summary().added) == (3, 0)


async def test_a_replayed_answer_needs_no_budget_and_waits_for_no_limit(tape):
    """It has been paid for."""
    tape("record")
    await Scripted("a", recorded=True).complete("hi")
    tape("replay")
    poor = Scripted(recorded=True, budget=0.0, rate_limit=0.001)
    assert [(await poor.complete("hi")).content, len(poor.requests)] == ["a", 0]


async def test_a_miss_keeps_nobody_waiting_while_the_nearest_is_looked_for(tape, monkeypatch):
    """In a recording of many entries that takes a second, so it is done in a thread."""
    tape("record")
    await Scripted("a", recorded=True).complete("hi")
    recording = tape("replay")
    threads = []
    search = recording.miss
    monkeypatch.setattr(recording, "miss", lambda asked: threads.append(threading.get_ident()) or search(asked))
    with pytest.raises(ReplayMiss, match="The nearest one"):
        await Scripted(recorded=True).complete("hello")
    assert threads != [threading.get_ident()]
