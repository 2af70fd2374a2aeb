"""Every recorded exchange with a vendor, asked again through real sockets."""

from __future__ import annotations

import asyncio
import base64
import json
import struct
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from llm_recorded import answer_in, answer_of, is_stream, recorded, replay_module

from dknb.errors import BadRequest, ConnectionFailed, ProviderError
from dknb.llm import LLMMessage, LLMStreamResponse, create_llm_provider

RECORDED = recorded()
if not RECORDED:
    pytest.skip("the recorded exchanges (../shared/wire) are not here", allow_module_level=True)

KEY = "sk-test-0123456789abcdef"
ANSWERED = ("/chat/completions", "/responses", "/messages")
ANSWERS = [name for name, one in RECORDED.items() if one["status"] == 200 and one["path"].endswith(ANSWERED)]
STREAMS = [name for name in ANSWERS if is_stream(RECORDED[name])]


@pytest.fixture(scope="module", params=[0, 7], ids=["whole-events", "split-7"])
def server(request):
    yield from _serve(request.param)


@pytest.fixture(scope="module")
def plain_server():
    yield from _serve(0)


def _serve(split: int):
    replay = replay_module().Replay(RECORDED.values(), split=split).start()
    yield replay
    replay.shutdown()
    replay.server_close()


def provider_for(server: Any, name: str, prefix: str = "", **settings: Any) -> Any:
    """A provider that is pointed at one exchange."""
    exchange = RECORDED[name]
    return create_llm_provider(
        {
            "provider": exchange["provider"],
            "model": (exchange["request"] or {}).get("model", "any"),
            "api_base": f"{server.root}{prefix}/{name}" + ("" if exchange["provider"] == "anthropic" else "/v1"),
            "api_key": KEY,
            "options": {"api": "responses"} if exchange["path"].endswith("/responses") else {},
            "retry_delay": 0.0,
            **settings,
        }
    )


def call_for(name: str) -> dict[str, Any]:
    """The arguments of ``complete`` that say what was recorded."""
    body = dict(RECORDED[name]["request"])
    messages = [LLMMessage.from_dict(item) for item in body.pop("messages", None) or body.pop("input")]
    if "system" in body:
        messages.insert(0, LLMMessage("system", body.pop("system")))
    call = {"messages": messages, "tools": body.pop("tools", None), "tool_choice": body.pop("tool_choice", None)}
    if "max_tokens" in body:
        call["max_tokens"] = body.pop("max_tokens")
    rest = {name: value for name, value in body.items() if name not in ("model", "stream", "stream_options")}
    return {**call, "options": rest}


async def said(server: Any) -> list[dict[str, Any]]:
    async with httpx.AsyncClient() as client:
        return (await client.get(f"{server.root}/__requests__")).json()


@pytest.mark.parametrize("name", ANSWERS)
async def test_complete_gives_what_was_recorded(server, name):
    """Text, calls, finish reason, model and usage equal the recording, however the network cuts it."""
    async with provider_for(server, name) as provider:
        response = await provider.complete(**call_for(name), stream=is_stream(RECORDED[name]))
    assert answer_of(response) == answer_in(RECORDED[name])


@pytest.mark.parametrize("name", ANSWERS)
async def test_stream_gives_what_was_recorded(server, name):
    """The pieces of a stream add up to the text, and its last piece carries the whole answer."""
    async with provider_for(server, name) as provider:
        pieces = [piece async for piece in provider.stream_complete(**call_for(name))]
    last = pieces[-1]
    assert answer_of(last.response) == answer_in(RECORDED[name])
    assert "".join(piece.delta for piece in pieces) == last.response.content
    assert [piece.is_final for piece in pieces] == [False] * (len(pieces) - 1) + [True]
    assert (last.finish_reason, last.usage) == (last.response.finish_reason, last.response.usage)


@pytest.mark.parametrize("name", ANSWERS)
async def test_the_request_is_the_recorded_one(plain_server, name):
    """What arrives at the server has the recorded roles, contents, tools and settings."""
    async with provider_for(plain_server, name) as provider:
        await provider.complete(**call_for(name), stream=is_stream(RECORDED[name]))
    sent = (await said(plain_server))[-1]["body"]
    assert _comparable(sent) == _comparable(RECORDED[name]["request"])


def _comparable(body: dict[str, Any]) -> dict[str, Any]:
    """The body without what means the same in two forms."""
    whole = {field: value for field, value in body.items() if value not in (False, [], None)}
    if "max_completion_tokens" in whole:
        whole["max_tokens"] = whole.pop("max_completion_tokens")
    for message in whole.get("messages", ()):
        if message.get("content", "") is None:
            del message["content"]
    whole["input"] = [{k: v for k, v in item.items() if k != "id"} for item in whole.get("input", ())]
    return json.loads(json.dumps(whole))


@pytest.mark.parametrize("name", STREAMS)
async def test_a_second_turn_can_be_asked(plain_server, name):
    """An answer, made a message and sent back, is accepted by its own dialect with its calls in place."""
    async with provider_for(plain_server, name) as provider:
        call = call_for(name)
        answer = await provider.complete(**call, stream=True)
        message = LLMMessage.from_dict(json.loads(json.dumps(answer.to_message().to_dict())))
        results = [LLMMessage("tool", "done", tool_call_id=one.id) for one in answer.tool_calls]
        await provider.complete(**{**call, "messages": [*call["messages"], message, *results]}, stream=True)
    body = (await said(plain_server))[-1]["body"]
    before = RECORDED[name]["request"]
    added = (body.get("messages") or body["input"])[len(before.get("messages") or before["input"]) :]
    assert all(f'"{one.id}"' in json.dumps(added) and f'"{one.name}"' in json.dumps(added) for one in answer.tool_calls)
    assert "".join(_texts(added)) == answer.content


def _texts(added: list[dict[str, Any]]) -> list[str]:
    said_by_model = [one["content"] for one in added if one.get("role") == "assistant" and one["content"]]
    blocks = [[{"text": content}] if isinstance(content, str) else content for content in said_by_model]
    return [block["text"] for one in blocks for block in one if "text" in block]


async def test_a_refusal_says_what_to_change(plain_server):
    """The vendor's own words are in the error, with the status."""
    async with provider_for(plain_server, "openai-chat-error-00") as provider:
        with pytest.raises(BadRequest, match="does not support 'developer'") as caught:
            await provider.complete(**call_for("openai-chat-error-00"))
    assert (caught.value.status, caught.value.provider, caught.value.model) == (400, "openai", "o1-mini")


async def test_embeddings_are_the_recorded_vectors(plain_server):
    """Base64 vectors are read, and come back in the order of the texts."""
    async with provider_for(plain_server, "openai-embeddings-json-00") as provider:
        vector = await provider.embed("Hello, world!", options={"encoding_format": "base64"})
    data = base64.b64decode(json.loads(RECORDED["openai-embeddings-json-00"]["response"])["data"][0]["embedding"])
    assert vector == [value for (value,) in struct.iter_unpack("<f", data)]
    assert len(vector) == 1536


async def test_tokens_are_counted_by_the_vendor(plain_server):
    """count_tokens sends messages and tools, and returns the server's number."""
    call = call_for("anthropic-count-json-00")
    async with provider_for(plain_server, "anthropic-count-json-00") as provider:
        count = await provider.count_tokens(call["messages"], tools=call["tools"], tool_choice=call["tool_choice"])
    sent = (await said(plain_server))[-1]["body"]
    assert count == 641
    assert sent == RECORDED["anthropic-count-json-00"]["request"]


async def test_models_are_listed(plain_server):
    """The models that a server lists are what validate_model knows."""
    async with provider_for(plain_server, "anthropic-models-json-00", model="claude-opus-4-1-20250805") as provider:
        assert len(await provider.list_models()) == 10
        assert await provider.validate_model() is True
    async with provider_for(plain_server, "anthropic-models-json-00", model="claude-0") as provider:
        assert await provider.validate_model() is False


@pytest.mark.parametrize("fault", ["/fault-429-2", "/fault-503-1"])
@pytest.mark.parametrize("name", ["openai-chat-json-01", "anthropic-sse-00", "openai-responses-sse-01"])
async def test_passing_failures_are_tried_again(plain_server, fault, name):
    """After refusals that pass, the answer is the recorded one."""
    plain_server.faults.clear()
    async with provider_for(plain_server, name, prefix=fault) as provider:
        response = await provider.complete(**call_for(name), stream=is_stream(RECORDED[name]))
    assert answer_of(response) == answer_in(RECORDED[name])


CUTS = ["openai-chat-sse-05", "anthropic-sse-04", "openai-responses-sse-01", "huggingface-sse-02"]


@pytest.mark.parametrize("name", CUTS)
@pytest.mark.parametrize("share", [0.0, 0.1, 0.35, 0.5, 0.65, 0.8, 0.95])
async def test_a_cut_stream_keeps_what_arrived(plain_server, name, share):
    """A stream that breaks off is an error that carries the part that had come, and is not asked twice."""
    size = len(RECORDED[name]["response"].encode())
    await _reset(plain_server)
    pieces: list[LLMStreamResponse] = []
    settings = {"retry_count": 1, "stream": True, "stream_callback": pieces.append}
    async with provider_for(plain_server, name, f"/fault-cut-{int(size * share)}", **settings) as provider:
        with pytest.raises(ConnectionFailed) as caught:
            await provider.complete(**call_for(name))
    text, partial = "".join([piece.delta for piece in pieces]), caught.value.partial
    assert (partial.content if partial else "") == text
    assert answer_in(RECORDED[name])["text"].startswith(text)
    assert len(await said(plain_server)) == (1 if pieces else 2)


@settings(max_examples=60, deadline=None)
@given(name=st.sampled_from(STREAMS), share=st.floats(0, 1))
def test_a_recorded_stream_cut_at_any_byte(plain_server, name, share):
    """It ends in the whole answer, if no more than the marks of the end are lost, or in an error with its beginning."""
    whole = answer_in(RECORDED[name])
    cut = int(len(RECORDED[name]["response"].encode()) * share)
    answer, error = asyncio.run(_asked_with_cut(plain_server, name, cut))
    if error is None:
        assert (answer_of(answer)["text"], answer_of(answer)["calls"]) == (whole["text"], whole["calls"])
        return
    assert isinstance(error, ConnectionFailed)
    if error.partial is not None:
        assert whole["text"].startswith(error.partial.content)
        for call, (ident, tool, arguments) in zip(error.partial.tool_calls, whole["calls"], strict=False):
            assert (call.id, call.name) == (ident, tool)
            assert call.arguments in ({}, arguments)


async def _asked_with_cut(server: Any, name: str, cut: int) -> Any:
    async with provider_for(server, name, f"/fault-cut-{cut}", retry_count=0, stream=True) as provider:
        try:
            return await provider.complete(**call_for(name)), None
        except ProviderError as error:
            return None, error


async def _reset(server: Any) -> None:
    async with httpx.AsyncClient() as client:
        await client.get(f"{server.root}/__reset__")


async def test_a_cut_answer_is_tried_again_then_fails(plain_server):
    """An answer without a stream that breaks off was never seen, so it is asked for again."""
    await _reset(plain_server)
    async with provider_for(plain_server, "openai-chat-json-01", prefix="/fault-cut-100", retry_count=2) as provider:
        with pytest.raises(ConnectionFailed):
            await provider.complete(**call_for("openai-chat-json-01"))
    assert len(await said(plain_server)) == 3


async def test_the_key_is_in_one_header_only(plain_server):
    """The key goes into the header for it and nowhere else; no body, no other header, no repr has it."""
    await _reset(plain_server)
    for name in ("openai-chat-json-01", "anthropic-json-05", "huggingface-json-00"):
        async with provider_for(plain_server, name) as provider:
            await provider.complete(**call_for(name))
            assert KEY not in f"{provider!r} {provider.config!r} {provider.config.to_dict()}"
    for request in await said(plain_server):
        headers = {field.lower(): value for field, value in request["headers"].items()}
        holding = [field for field, value in headers.items() if KEY in value]
        assert holding == ["authorization"]
        assert KEY not in json.dumps(request["body"])
