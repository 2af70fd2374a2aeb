"""The real llama.cpp server, over the wires of OpenAI and of Anthropic; what the conformance test does not ask."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest
from llama_help import ADD, GREETING, llama_server, needs_llama

from dknb.errors import BadRequest, ConfigError, ContextTooLong, ServerError
from dknb.llm import create_llm_provider

pytestmark = needs_llama

#: Provider, path of its API at the server, and options.
WIRES = {
    "chat": ("openai-compatible", "/v1", {}),
    "openai chat": ("openai", "/v1", {"api": "chat"}),
    "responses": ("openai", "/v1", {"api": "responses"}),
    "messages": ("anthropic", "", {}),
    "router": ("huggingface", "/v1", {}),
}


@pytest.fixture(scope="module")
def root():
    """The server's address, for all tests of this file."""
    with llama_server() as address:
        yield address


def at(root, wire="chat", options=None, **settings):
    name, path, fixed = WIRES[wire]
    config = {"provider": name, "model": "tiny", "api_base": root + path, "api_key": "no-key", "retry_delay": 0.0}
    return create_llm_provider({**config, "temperature": 0, "options": {**fixed, **(options or {})}, **settings})


@pytest.mark.parametrize("wire", WIRES)
async def test_too_long_says_both_numbers(root, wire):
    """How many tokens there are, and how many there may be, on every wire."""
    async with at(root, wire) as provider:
        with pytest.raises(ContextTooLong) as caught:
            await provider.complete("x " * 3000)
    assert (caught.value.tokens, caught.value.limit) == (pytest.approx(6000, abs=20), 512)
    assert (caught.value.status, caught.value.model) == (400, "tiny")


@pytest.mark.parametrize("wire", ["chat", "openai chat", "router"])
async def test_log_probabilities_are_given(root, wire):
    """One for each token of the text, whole and as a stream."""
    async with at(root, wire, {"logprobs": True, "top_logprobs": 1}) as provider:
        response = await provider.complete("Hello")
        pieces = [piece async for piece in provider.stream_complete("Hello")]
    for answer in (response, pieces[-1].response):
        assert "".join(token.token for token in answer.logprobs) == GREETING
        assert all(token.logprob <= 0 for token in answer.logprobs)


async def test_tokens_are_counted_by_the_server(root):
    """Anthropic's count_tokens: what was sent and what was in the cache, together."""
    async with at(root, "messages") as provider:
        counted = await provider.count_tokens("Hello")
        response = await provider.complete("Hello")
    assert counted == response.usage["prompt_tokens"] + response.usage["cached_tokens"] == 9


@pytest.mark.parametrize("wire", ["chat", "messages"])
async def test_a_schema_that_is_none_is_refused(root, wire):
    """By us or by the server: a clear error, never an answer."""
    broken = {"name": "add", "parameters": {"type": "object", "properties": {"a": {"type": "nope"}}}}
    async with at(root, wire, retry_count=0) as provider:
        with pytest.raises((ConfigError, BadRequest, ServerError), match="nope"):
            await provider.complete("add 2 and 3", tools=[broken])


@pytest.mark.parametrize("wire", WIRES)
async def test_a_tool_call_streams_in_pieces(root, wire):
    """Its name first, then its arguments bit by bit, which add up to the call."""
    async with at(root, wire) as provider:
        pieces = [piece async for piece in provider.stream_complete("add 2 and 3", tools=[ADD])]
    calls = [piece.tool_call for piece in pieces if piece.tool_call is not None]
    assert calls[0].name == "add"
    assert len(calls) > 3
    assert "".join(call.arguments for call in calls).replace(" ", "") == '{"a":2,"b":3}'
    assert pieces[-1].response.tool_calls[0].arguments == {"a": 2, "b": 3}


@pytest.mark.parametrize("wire", WIRES)
async def test_fifty_calls_at_once_are_answered(root, wire):
    """More than the server has places for."""
    async with at(root, wire) as provider:
        answers = await asyncio.gather(*[provider.complete("Capital of France?") for _ in range(50)])
    assert {answer.content for answer in answers} == {"Paris"}


@pytest.mark.parametrize("wire", WIRES)
async def test_a_stream_that_is_left_frees_its_place(root, wire):
    """All places of the server are taken and left, and it still answers."""
    async with at(root, wire, max_tokens=400) as provider:
        for _ in range(6):
            async with aclosing(provider.stream_complete("Tell me something long")) as pieces:
                async for piece in pieces:
                    if piece.delta:
                        break
        assert (await provider.complete("Hello")).content == GREETING


async def test_a_schema_holds_the_model_to_its_form(root):
    """The server's grammar, also where the model would say something else."""
    schema = {"type": "object", "properties": {"yes": {"type": "boolean"}}, "required": ["yes"]}
    wanted = {"type": "json_schema", "json_schema": {"name": "yes", "schema": schema}}
    async with at(root, max_tokens=40) as provider:
        response = await provider.complete("What is Python?", response_format=wanted)
    assert response.content.replace(" ", "").replace("\n", "") in ('{"yes":true}', '{"yes":false}')


async def test_the_server_names_its_models(root):
    """By the name that it gave the file."""
    async with at(root) as provider:
        assert await provider.list_models() == ["tiny"]
        assert await provider.validate_model() is True
    async with at(root, model="other") as provider:
        assert await provider.validate_model() is False
