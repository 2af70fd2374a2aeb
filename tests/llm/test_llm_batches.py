"""Batches of OpenAI and Anthropic against a server that implements both APIs as they are documented."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from batch_server import KEY, BatchServer, batch_server

from dknb.errors import BatchError, ConfigError, ProviderError, ReplayMiss, ServerError, StructuredOutputError
from dknb.llm import BatchAnswer, Batches, Recording, create_llm_provider
from dknb.llm.counting.costs import cost_of
from dknb.llm.messages import utc_now

VENDORS = ("openai", "anthropic")
MODELS = {"openai": "gpt-5.4-mini", "anthropic": "claude-sonnet-4-5"}
FOUR = {f"q-{number}": f"question {number}" for number in range(4)}


opened: list[Any] = []


@pytest.fixture
async def server() -> AsyncIterator[BatchServer]:
    with batch_server() as serving:
        yield serving
        while opened:
            await opened.pop().close()


def batches(server: BatchServer, vendor: str, **settings: Any) -> Batches:
    base = f"{server.root}/v1" if vendor == "openai" else server.root
    config = {"provider": vendor, "model": MODELS[vendor], "api_base": base, "api_key": KEY, "retry_delay": 0.01}
    opened.append(create_llm_provider({**config, "max_tokens": 2000, **settings}))
    return Batches(opened[-1])


async def collected(made: Batches, handle: Any) -> dict[str, BatchAnswer]:
    return {answer.custom_id: answer async for answer in made.collect(handle)}


@pytest.mark.parametrize("vendor", VENDORS)
async def test_a_batch_is_submitted_waited_for_and_collected_by_ids(server: BatchServer, vendor: str) -> None:
    """Results come in another order; each is the answer to its own question, from a handle that went through JSON."""
    made = batches(server, vendor)
    handle = json.loads(json.dumps(await made.submit(FOUR)))
    status = await made.status(handle)
    assert (status.state, status.total, status.complete) == ("running", 4, 0)
    assert await collected(made, handle) == {}
    server.finish(handle["id"])
    assert (await made.status(handle)).state == "ended"
    found = await collected(batches(server, vendor), handle)
    assert {name: each.response.content for name, each in found.items() if each.response} == {
        name: f"answer to {question}" for name, question in FOUR.items()
    }
    assert KEY not in json.dumps(handle)


@pytest.mark.parametrize("vendor", VENDORS)
async def test_an_answer_of_a_batch_costs_half(server: BatchServer, vendor: str) -> None:
    """The price table knows what a batch costs; the seconds of an answer nobody knows."""
    made = batches(server, vendor)
    handle = await made.submit({"one": "?"})
    server.finish(handle["id"])
    response = (await collected(made, handle))["one"].response
    assert response is not None
    usual = cost_of(vendor, MODELS[vendor], {"prompt_tokens": 1000, "completion_tokens": 1000})
    assert usual is not None
    assert response.cost_usd == pytest.approx(usual / 2)
    assert "duration_s" not in response.metadata


@pytest.mark.parametrize("vendor", VENDORS)
async def test_what_failed_expired_or_was_cancelled_says_so(server: BatchServer, vendor: str) -> None:
    """Each request has its own end, and an error that says what the vendor said."""
    made = batches(server, vendor)
    handle = await made.submit(FOUR)
    fates = dict(zip(FOUR, ("ok", "error", "expired", "cancelled"), strict=True))
    server.finish(handle["id"], lambda custom_id, body: fates[custom_id], "expired")
    found = await collected(made, handle)
    assert [found[name].outcome for name in FOUR] == ["complete", "errored", "expired", "cancelled"]
    assert isinstance(found["q-2"].error, BatchError)
    assert found["q-2"].error.reason == "expired"
    said = {"openai": "does not do that", "anthropic": "too many"}[vendor]
    assert said in str(found["q-1"].error)
    assert found["q-1"].response is None


@pytest.mark.parametrize("vendor", VENDORS)
async def test_a_reply_that_is_no_answer_is_an_error_of_its_own_request(server: BatchServer, vendor: str) -> None:
    """One odd line does not lose the others."""
    made = batches(server, vendor)
    handle = await made.submit(FOUR)
    server.finish(handle["id"], lambda custom_id, body: "garbage" if custom_id == "q-1" else "ok")
    found = await collected(made, handle)
    assert [found[name].outcome for name in FOUR] == ["complete", "errored", "complete", "complete"]


@pytest.mark.parametrize("vendor", VENDORS)
async def test_a_cut_download_goes_on_where_it_was(server: BatchServer, vendor: str) -> None:
    """Each answer is given once, though the file was fetched three times."""
    made = batches(server, vendor)
    handle = await made.submit(FOUR)
    server.finish(handle["id"])
    server.cut = 2
    names = [answer.custom_id async for answer in made.collect(handle)]
    assert sorted(names) == sorted(FOUR)
    assert server.downloads == 3


async def test_a_lost_reply_of_openai_is_found_again_and_nothing_is_submitted_twice(server: BatchServer) -> None:
    """The batch of the tag is found on a later page of the list, behind those of others."""
    made = batches(server, "openai")
    server.lose = 1
    first = await made.submit(FOUR, tag="mine")
    for _ in range(4):
        await made.submit({"other": "?"})
    assert len(server.batches) == 5
    assert first["id"] == "batch_0"
    found = await made.find("mine", 4, utc_now())
    assert found is not None
    assert found["id"] == "batch_0"
    assert await made.find("nobody", 4, utc_now()) is None
    assert await made.find("mine", 4, utc_now() + timedelta(hours=1)) is None


async def test_a_lost_reply_of_anthropic_is_told_by_the_ids_once_the_batch_has_ended(server: BatchServer) -> None:
    """Until then nobody knows, and nothing is submitted again."""
    made = batches(server, "anthropic")
    server.lose = 1
    named = {f"mine-{name}": question for name, question in FOUR.items()}
    with pytest.raises(BatchError) as raised:
        await made.submit(named, tag="mine")
    assert raised.value.reason == "uncertain"
    assert len(server.batches) == 1
    server.finish("msgbatch_0")
    found = await made.find("mine", 4, utc_now())
    assert found is not None
    assert found["id"] == "msgbatch_0"
    assert await made.find("other", 4, utc_now()) is None


@pytest.mark.parametrize("vendor", VENDORS)
async def test_a_submission_that_is_refused_for_now_is_made_again(server: BatchServer, vendor: str) -> None:
    """A limit that passes is waited for, and makes one batch."""
    server.refuse = [429]
    await batches(server, vendor).submit(FOUR)
    assert len(server.batches) == 1


async def test_a_reply_without_an_id_is_no_handle(server: BatchServer) -> None:
    """Nobody knows then whether there is a batch."""
    server.strip_ids = True
    with pytest.raises(ServerError, match="no id"):
        await batches(server, "anthropic").submit(FOUR)


async def test_a_batch_that_was_not_taken_says_why(server: BatchServer) -> None:
    """The vendor's reasons are in the error, with their lines."""
    made = batches(server, "openai")
    handle = await made.submit(FOUR)
    server.fail(handle["id"], {"code": "invalid_json_line", "message": "Not JSON", "line": 3})
    assert (await made.status(handle)).problems == ("line 3: Not JSON",)
    with pytest.raises(BatchError, match="line 3: Not JSON"):
        await collected(made, handle)


@pytest.mark.parametrize("vendor", VENDORS)
async def test_cancelling_stops_a_batch(server: BatchServer, vendor: str) -> None:
    """The vendor is told; it takes a while."""
    made = batches(server, vendor)
    handle = await made.submit(FOUR)
    assert (await made.cancel(handle)).said in ("cancelling", "canceling")


async def test_a_shape_is_asked_for_and_read(server: BatchServer) -> None:
    """`response_format` is in the requests; an answer without the shape is an error that has the answer."""
    made = batches(server, "openai", response_format="json")
    handle = await made.submit({"one": '{"a": 1}'})
    assert server.requests[handle["id"]][0]["body"]["response_format"] == {"type": "json_object"}
    server.finish(handle["id"])
    answer = (await collected(made, handle))["one"]  # "answer to {...}" has an object in it
    assert answer.response is not None
    assert answer.response.parsed == {"a": 1}
    other = await made.submit({"one": "no JSON"})
    server.finish(other["id"])
    answer = (await collected(made, other))["one"]
    assert isinstance(answer.error, StructuredOutputError)
    assert answer.response is not None
    assert answer.response.content == "answer to no JSON"


async def test_what_cannot_be_a_batch_is_refused(server: BatchServer) -> None:
    """No requests, an id with a dot, a provider without batches, a handle that is none or tries to be a path."""
    made = batches(server, "openai")
    with pytest.raises(ConfigError, match="nothing to submit"):
        await made.submit({})
    with pytest.raises(ConfigError, match="letters, digits"):
        await made.submit({"a.b": "?"})
    with pytest.raises(ConfigError, match="no batch API"):
        Batches(create_llm_provider("echo"))
    with pytest.raises(ConfigError, match="no handle"):
        await made.status({})
    with pytest.raises(ConfigError, match="no id"):
        await made.status({"id": "../files"})
    assert server.batches == {}


async def test_while_replaying_nothing_is_submitted(server: BatchServer, tmp_path: Any) -> None:
    """Only the recording may answer then."""
    made = batches(server, "openai")
    path = tmp_path / "answers.jsonl"
    Recording(path, "record").close()
    config = {"provider": "openai", "model": "m", "api_base": f"{server.root}/v1", "api_key": KEY}
    with Recording(path, "record"):
        async with create_llm_provider(config) as recorded:
            await recorded.complete("x")
    with Recording(path, "replay"), pytest.raises(ReplayMiss):
        await made.submit(FOUR)
    assert server.batches == {}


async def test_a_key_that_a_server_repeats_is_not_shown(server: BatchServer) -> None:
    """Errors of lines are cleaned like those of calls."""
    made = batches(server, "openai")
    line = {"custom_id": "a", "response": {"status_code": 401, "body": {"error": {"message": f"bad key {KEY}"}}}}
    answer = await made.read(line)
    assert isinstance(answer.error, ProviderError)
    assert KEY not in str(answer.error)
