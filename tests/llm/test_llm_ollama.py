"""Ollama's native API on loopback: what the scripted server from npm cannot say."""

from __future__ import annotations

import asyncio
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from llm_server import HANG, Reply, serving

from dknb.errors import AuthenticationError, BadRequest, ConnectionFailed, ContextTooLong, ModelNotFound, ServerError
from dknb.llm import ModelCapability, OllamaProvider, create_llm_provider
from dknb.llm.dialects.ollama_api import CHAT

DONE = {
    "model": "m",
    "created_at": "2026-11-22T10:00:00.5Z",
    "message": {"role": "assistant", "content": ""},
    "done": True,
    "done_reason": "stop",
    "total_duration": 5_000_000_000,
    "load_duration": 1_500_000_000,
    "prompt_eval_count": 11,
    "prompt_eval_duration": 500_000_000,
    "eval_count": 7,
    "eval_duration": 3_000_000_000,
}
SHOWN = {
    "details": {"family": "llama"},
    "model_info": {"general.architecture": "llama", "llama.context_length": 131072},
    "capabilities": ["completion", "tools", "vision", "thinking"],
}


def said(text="", **message):
    return {
        "model": "m",
        "created_at": "t",
        "message": {"role": "assistant", "content": text, **message},
        "done": False,
    }


def lines(*events, **fields):
    """A streamed reply: dicts become lines, the rest is as in `Reply`."""
    raw = [json.dumps(event).encode() + b"\n" if isinstance(event, dict) else event for event in events]
    return Reply(pieces=raw, content_type="application/x-ndjson", **fields)


def provider_at(server, model="m", **config):
    return create_llm_provider(
        {"provider": "ollama", "model": model, "api_base": server.root, "retry_delay": 0.0, **config}
    )


async def streamed(*replies, **config):
    async with serving(*replies) as server, provider_at(server, **config) as provider:
        return [piece async for piece in provider.stream_complete("hi")]


# Answers


async def test_an_answer_tells_what_it_took():
    """Tokens, seconds by what they were spent on, and why it ended."""
    whole = DONE | {"message": {"role": "assistant", "content": "Hello", "thinking": "Hm."}}
    async with serving(Reply(whole)) as server, provider_at(server) as provider:
        answer = await provider.complete("hi")
        assert (server.asked[0].path, server.asked[0].body["stream"]) == ("/api/chat", False)
    assert (answer.content, answer.reasoning, answer.finish_reason) == ("Hello", "Hm.", "stop")
    assert answer.usage == {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
    assert answer.metadata["timings"] == {"total_s": 5.0, "load_s": 1.5, "prompt_eval_s": 0.5, "eval_s": 3.0}


async def test_a_stream_adds_up():
    """Reasoning, text and a call, each a piece of its own kind; then usage and the whole."""
    call = {"function": {"name": "add", "arguments": {"a": 1}}}
    pieces = await streamed(
        lines(said(thinking="H"), said(thinking="m."), said("Hel"), said("lo"), said(tool_calls=[call]), DONE)
    )
    assert [piece.kind for piece in pieces] == [*["reasoning"] * 2, *["text"] * 2, "tool_call", "usage", "end"]
    answer = pieces[-1].response
    assert (answer.content, answer.reasoning, answer.usage["total_tokens"]) == ("Hello", "Hm.", 18)
    assert [(one.name, one.arguments) for one in answer.tool_calls] == [("add", {"a": 1})]
    assert answer.metadata["timings"]["load_s"] == 1.5


async def test_an_id_that_the_server_gives_is_kept():
    """And goes with the call that it belongs to."""
    call = {"id": "call_of_theirs", "function": {"index": 0, "name": "add", "arguments": {"a": 1}}}
    pieces = await streamed(lines(said(tool_calls=[call]), DONE))
    assert pieces[-1].response.tool_calls[0].id == "call_of_theirs"


async def test_the_same_reply_gives_the_same_ids():
    """So that a recorded conversation can be asked again word by word."""
    whole = DONE | {"message": {"content": "", "tool_calls": [{"function": {"name": "add", "arguments": {}}}] * 2}}
    first, second = CHAT.response(whole).tool_calls, CHAT.response(whole).tool_calls
    assert first == second
    assert first[0].id != first[1].id


async def test_logprobs_are_told_alike_at_once_and_streamed():
    """For each token, with the likeliest in its place."""
    row = {"token": "Hi", "logprob": -0.1, "top_logprobs": [{"token": "Hi", "logprob": -0.1}]}
    pieces = await streamed(lines(said("Hi") | {"logprobs": [row]}, DONE))
    whole = CHAT.response(DONE | said("Hi") | {"logprobs": [row]})
    assert pieces[-1].response.logprobs == whole.logprobs == [("Hi", -0.1, (("Hi", -0.1),))]


async def test_a_server_that_does_not_stream_is_understood():
    """It answers a request for a stream as a whole."""
    pieces = await streamed(Reply(DONE | {"message": {"content": "Hello"}}))
    assert [piece.delta for piece in pieces if piece.delta] == ["Hello"]


async def test_a_text_is_gone_on_with():
    """In mode text, at once and in a stream."""
    end = {**DONE, "response": ""}
    del end["message"]
    part = {"model": "m", "response": "upon", "done": False}
    async with serving(Reply(end | {"response": " upon"}), lines(part, end)) as server:
        async with provider_at(server, mode="text") as provider:
            assert (await provider.complete("Once")).content == " upon"
            assert (await anext(provider.stream_complete("Once"))).delta == "upon"
        assert [asked.path for asked in server.asked] == ["/api/generate"] * 2
        assert server.asked[0].body["raw"] is True


async def test_vectors_keep_their_order():
    """One for each text, all by one request."""
    reply = {"model": "m", "embeddings": [[1, 0], [0, 1]], "prompt_eval_count": 4}
    async with serving(Reply(reply)) as server, provider_at(server) as provider:
        assert await provider.embed(["a", "b"]) == [[1.0, 0.0], [0.0, 1.0]]
        assert server.asked[0].body == {"model": "m", "input": ["a", "b"]}


async def test_too_few_vectors_are_no_answer():
    """Which text would have none cannot be told."""
    async with serving(Reply({"embeddings": [[1, 0]]})) as server, provider_at(server, retry_count=0) as provider:
        with pytest.raises(ServerError, match="no answer"):
            await provider.embed(["a", "b"])


# Models


async def test_a_model_says_what_it_can():
    """Its capabilities count from then on; its context length is told."""
    tags = {"models": [{"name": "m:latest", "model": "m:latest"}]}
    async with serving(Reply(tags), Reply(SHOWN)) as server, provider_at(server) as provider:
        assert ModelCapability.EMBEDDINGS in provider.get_capabilities()
        assert await provider.validate_model() is True
        assert [(asked.method, asked.path) for asked in server.asked] == [("GET", "/api/tags"), ("POST", "/api/show")]
        assert server.asked[1].body == {"model": "m"}
        assert set(provider.get_capabilities()) == {
            ModelCapability.TEXT_GENERATION,
            ModelCapability.CHAT,
            ModelCapability.STREAMING,
            ModelCapability.JSON_MODE,
            ModelCapability.FUNCTION_CALLING,
            ModelCapability.VISION,
        }
        assert (await provider.show_model())["context_length"] == 131072


async def test_another_models_capabilities_are_not_taken_for_its_own():
    """Shown by name."""
    async with serving(Reply(SHOWN)) as server, provider_at(server) as provider:
        before = provider.get_capabilities()
        await provider.show_model("other")
        assert provider.get_capabilities() == before


async def test_models_that_are_loaded_are_listed():
    """With what they take of the machine."""
    row = {"name": "m:latest", "size_vram": 5, "context_length": 4096}
    async with serving(Reply({"models": [row]})) as server, provider_at(server) as provider:
        assert await provider.running_models() == [row]
        assert server.asked[0].path == "/api/ps"


# Addresses and keys


@pytest.mark.parametrize("end", ["", "/", "/v1", "/v1/", "/api", "/proxy/v1"])
def test_the_address_is_that_of_the_server(end):
    """Whatever API of it somebody had in mind."""
    provider = OllamaProvider({"provider": "ollama", "model": "m", "api_base": f"http://host.example:11434{end}"})
    assert provider._base_url() == "http://host.example:11434" + ("/proxy" if "proxy" in end else "")


async def test_a_key_is_sent_only_where_it_belongs(monkeypatch):
    """That of ollama.com stays at home; one that is given goes to whom it was given for."""
    monkeypatch.setenv("OLLAMA_API_KEY", "key-of-the-cloud")
    async with serving(Reply(DONE)) as server:
        async with provider_at(server) as provider:
            await provider.complete("hi")
        async with provider_at(server, api_key="key-of-mine") as provider:
            await provider.complete("hi")
        sent = [asked.headers.get("authorization") for asked in server.asked]
    assert sent == [None, "Bearer key-of-mine"]
    cloud = OllamaProvider({"provider": "ollama", "model": "m", "api_base": "https://ollama.com"})
    assert cloud._key() == "key-of-the-cloud"


async def test_headers_of_the_caller_go_before_ours():
    """However they are written."""
    headers = {"Authorization": "Basic abc", "X-Team": "7"}
    async with serving(Reply(DONE)) as server, provider_at(server, api_key="key-of-mine") as provider:
        await provider.complete("hi", options={"extra_headers": headers})
        told = server.asked[0].headers
    assert (told["authorization"], told["x-team"]) == ("Basic abc", "7")


@pytest.mark.parametrize(("told", "price"), [({}, 0.0), ({"remote_host": "https://ollama.com:443"}, None)])
async def test_the_price_is_nothing_at_home_and_unknown_elsewhere(told, price):
    """A server may hand a model on to ollama.com, and says so."""
    async with serving(Reply(DONE | told)) as server, provider_at(server) as provider:
        assert (await provider.complete("hi")).cost_usd == price


# What goes wrong


@pytest.mark.parametrize(
    ("status", "text", "kind", "hint"),
    [
        (404, "model 'm' not found", ModelNotFound, "ollama pull m"),
        (400, "registry.ollama.ai/library/m:latest does not support tools", BadRequest, "tools"),
        (400, '"m" does not support thinking', BadRequest, "think"),
        (400, "the input length exceeds the context length", ContextTooLong, "shorter"),
        (401, "unauthorized", AuthenticationError, "key"),
        (503, "server busy, please try again. maximum pending requests exceeded", ServerError, ""),
        (500, "llama runner process has terminated", ServerError, ""),
    ],
)
async def test_a_refusal_is_an_error_of_ours(status, text, kind, hint):
    """In Ollama's words, with what to do."""
    tools = [{"name": "add", "parameters": {"type": "object"}}]
    async with serving(Reply({"error": text}, status=status)) as server, provider_at(server, retry_count=0) as provider:
        with pytest.raises(kind, match="m") as caught:
            await provider.complete("hi", tools=tools, options={"think": True})
    assert text in str(caught.value)
    assert (caught.value.status, caught.value.provider) == (status, "ollama")
    assert hint in (caught.value.hint or "")


async def test_a_server_that_does_not_run_is_to_be_started():
    """The hint is the command."""
    async with serving(Reply(DONE)) as server:
        pass
    async with provider_at(server, retry_count=0) as provider:
        with pytest.raises(ConnectionFailed) as caught:
            await provider.complete("hi")
    assert "ollama serve" in caught.value.hint


async def test_an_error_within_a_stream_keeps_what_came():
    """It comes as a line, with status 200."""
    with pytest.raises(ServerError, match="an error was encountered") as caught:
        await streamed(lines(said("Hel"), {"error": "an error was encountered while running the model"}))
    assert caught.value.partial.content == "Hel"


@pytest.mark.parametrize(
    "broken", [b"{half\n", b"[1]\n", b'{"message": 5}\n', b'{"message": {"content": 5}}\n', b"\xff\n"]
)
async def test_a_broken_line_keeps_what_came(broken):
    """Half an object, another thing, bytes that are no text."""
    with pytest.raises(ServerError, match="no answer") as caught:
        await streamed(lines(said("Hel"), broken, DONE))
    assert caught.value.partial.content == "Hel"


async def test_an_answer_without_a_message_is_none():
    """Nor is one whose tool call has no name."""
    for reply in ({"done": True}, {"message": "hi"}, {"message": {"tool_calls": [{"function": {}}]}}):
        async with serving(Reply(reply)) as server, provider_at(server, retry_count=0) as provider:
            with pytest.raises(ServerError, match="no answer"):
                await provider.complete("hi")


STREAM = b"".join(
    json.dumps(event).encode() + b"\n" for event in (said(thinking="Hm"), said("Hel"), said("lo é"), DONE)
)


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(1, len(STREAM) - 1))
def test_a_stream_may_be_cut_anywhere_and_loses_nothing(cut):
    """In two packets it is whole; ended there, what came is kept unless nothing but the newline is missing."""
    two = asyncio.run(streamed(lines(STREAM[:cut], 0.001, STREAM[cut:])))
    assert two[-1].response.content == "Hello é"
    if cut == len(STREAM) - 1:
        assert asyncio.run(streamed(lines(STREAM[:cut])))[-1].response.content == "Hello é"
        return
    with pytest.raises(ConnectionFailed) as caught:
        asyncio.run(streamed(lines(STREAM[:cut]), retry_count=0))
    whole_lines = STREAM[: cut + 1].count(b"\n")  # a line is whole when nothing but its newline is missing
    partial = caught.value.partial
    assert (partial.content if partial else "") == ("Hello é" if whole_lines > 2 else "Hel" if whole_lines == 2 else "")


async def test_a_call_that_is_cancelled_hangs_up():
    """In the middle of a stream, and while nothing has come yet."""
    async with serving(lines(said("Hel"), HANG)) as server, provider_at(server) as provider:
        pieces = provider.stream_complete("hi")
        assert (await anext(pieces)).delta == "Hel"
        await pieces.aclose()
        await asyncio.wait_for(server.hung_up.wait(), 5)
        server.hung_up.clear()
        task = asyncio.create_task(provider.complete("hi"))
        await asyncio.sleep(0.2)
        task.cancel()
        await asyncio.wait_for(server.hung_up.wait(), 5)


async def test_a_second_call_takes_the_same_connection():
    """After a stream too, whose end is read."""
    async with serving(lines(said("Hel"), DONE)) as server, provider_at(server) as provider:
        for _ in range(3):
            assert [piece async for piece in provider.stream_complete("hi")][-1].response.content == "Hel"
        assert server.connections == 1
