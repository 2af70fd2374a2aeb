"""Providers behind HTTP, against a server that says what a test tells it to."""

from __future__ import annotations

import asyncio
import logging
import time
import traceback

import pytest
from llm_server import Reply, serving, stream
from provider_help import CLAUDE, DONE, KEY, SAID, ask, provider_at, streamed, whole

from dknb.errors import AuthenticationError, BadRequest, ConfigError
from dknb.llm import LLMMessage, SyncLLMProvider, create_llm_provider

#: An answer of Ollama's own API.
LLAMA = {"model": "m", "message": {"role": "assistant", "content": "Hello"}, "done": True, "done_reason": "stop"}

# A call


async def test_an_answer_comes_with_its_facts():
    """Text, counts, the vendor's id of the request, provider and time."""
    response, server = await ask(Reply(whole(), headers={"x-request-id": "req_7"}))
    assert (response.content, response.usage["total_tokens"]) == ("Hello", 3)
    assert (response.metadata["request_id"], response.metadata["provider"]) == ("req_7", "openai")
    assert response.metadata["duration_s"] > 0
    assert server.asked[0].path == "/v1/chat/completions"


async def test_a_known_model_has_its_price():
    """From the counts and the table; an unknown model has none."""
    reply = {**whole(), "model": "gpt-4o-mini-2024-07-18"}
    assert (await ask(Reply(reply)))[0].cost_usd > 0
    assert (await ask(Reply(whole())))[0].cost_usd is None


@pytest.mark.parametrize(
    ("provider", "path"),
    [
        ("openai", "/v1/chat/completions"),
        ("anthropic", "/v1/messages"),
        ("huggingface", "/v1/chat/completions"),
        ("ollama", "/api/chat"),
        ("openai-compatible", "/v1/chat/completions"),
    ],
)
async def test_each_provider_asks_its_own_address(provider, path):
    """With the key in the header for it."""
    reply = {"anthropic": CLAUDE, "ollama": LLAMA}.get(provider, whole())
    response, server = await ask(Reply(reply), provider=provider)
    assert response.content == "Hello"
    assert server.asked[0].path == path
    assert server.asked[0].headers["authorization"] == f"Bearer {KEY}"


async def test_the_responses_api_is_an_option():
    """options={"api": "responses"} speaks the other dialect; an unknown api is refused."""
    item = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hello"}]}
    reply = {"id": "resp_1", "status": "completed", "model": "m-1", "output": [item]}
    response, server = await ask(Reply(reply), options={"api": "responses"})
    assert (response.content, server.asked[0].path) == ("Hello", "/v1/responses")
    with pytest.raises(ConfigError, match="Did you mean 'responses'"):
        await ask(Reply(reply), options={"api": "response"})


@pytest.mark.parametrize(
    ("model", "config", "path"),
    [
        ("gpt-5.4-mini", {}, "/v1/chat/completions"),
        ("gpt-5.4-mini", {"options": {"api": "auto"}}, "/v1/responses"),
        ("gpt-5.4-mini", {"options": {"api": "auto"}, "seed": 7}, "/v1/chat/completions"),
        ("gpt-5.4-mini", {"options": {"api": "auto", "n": 2}}, "/v1/chat/completions"),
        ("gpt-4o", {"options": {"api": "auto"}}, "/v1/chat/completions"),
        ("o3-pro", {}, "/v1/responses"),
        ("gpt-5-codex", {"options": {"api": "auto"}}, "/v1/responses"),
        ("o3-pro", {"options": {"api": "chat"}}, "/v1/chat/completions"),
    ],
)
async def test_the_api_fits_the_model(model, config, path):
    """Chat completions unless it is asked otherwise, or the model speaks only the other; auto takes what fits both."""
    async with serving(Reply({}, status=400)) as server, provider_at(server, model=model, **config) as provider:
        with pytest.raises(BadRequest):
            await provider.complete("hi")
    assert server.asked[0].path == path


async def test_text_mode_goes_on_with_a_text():
    """The older API where there is one; the messages are its prompt, and it streams like any other."""
    answer = {"id": "c", "model": "m-1", "choices": [{"index": 0, "text": " a time", "finish_reason": "length"}]}
    response, server = await ask(Reply(answer), text="Once upon", mode="text", max_tokens=2)
    assert (response.content, response.finish_reason) == (" a time", "length")
    assert server.asked[0].path == "/v1/completions"
    assert server.asked[0].body == {"model": "m", "prompt": "Once upon", "max_tokens": 2}
    first = {"choices": [{"index": 0, "text": " a", "finish_reason": None}]}
    second = {"model": "m-1", "choices": [{"index": 0, "text": " time", "finish_reason": "stop"}]}
    counts = {"choices": [], "usage": {"prompt_tokens": 2, "completion_tokens": 2, "total_tokens": 4}}
    pieces, _ = await streamed(stream(first, second, counts, DONE), mode="text")
    assert [piece.delta for piece in pieces if piece.delta] == [" a", " time"]
    assert (pieces[-1].usage["total_tokens"], pieces[-1].model) == (4, "m-1")
    with pytest.raises(ConfigError, match="only talk"):
        await ask(Reply(CLAUDE), provider="anthropic", mode="text")


async def test_several_streamed_texts_are_not_mixed():
    """The answer is the first of them, whichever way their chunks come."""

    def text(index, said, finish=None):
        return {"index": index, "text": said, "finish_reason": finish}

    both = {"choices": [text(1, " other"), text(0, " first")]}
    ends = [{"choices": [text(1, " words", "stop")]}, {"choices": [text(0, " words", "length")]}]
    pieces, _ = await streamed(stream(both, *ends, DONE), mode="text", options={"n": 2})
    assert "".join(piece.delta for piece in pieces) == pieces[-1].response.content == " first words"
    assert pieces[-1].finish_reason == "length"


async def test_options_and_headers_reach_the_server():
    """Options go into the body; extra headers and Anthropic's betas go where they belong."""
    _, server = await ask(Reply(whole()), options={"service_tier": "flex", "extra_headers": {"X-Team": "lab"}})
    assert server.asked[0].body["service_tier"] == "flex"
    assert server.asked[0].headers["x-team"] == "lab"
    assert "extra_headers" not in server.asked[0].body
    _, server = await ask(Reply(CLAUDE), provider="anthropic", options={"betas": ["a-1", "b-2"], "top_k": 3})
    assert server.asked[0].headers["anthropic-beta"] == "a-1,b-2"
    assert server.asked[0].body["top_k"] == 3
    assert "betas" not in server.asked[0].body


async def test_openais_account_is_not_told_to_others(monkeypatch):
    """The SDK reads it from the environment; only OpenAI gets it, and its key too."""
    monkeypatch.setenv("OPENAI_ORG_ID", "org-mine")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-openai-only-0123456789")
    for provider in ("openai-compatible", "ollama"):
        _, server = await ask(Reply(LLAMA if provider == "ollama" else whole()), provider=provider, api_key=None)
        assert "openai-organization" not in server.asked[0].headers
        assert "sk-openai-only" not in str(server.asked[0].headers)
    _, server = await ask(Reply(whole()))
    assert "openai-organization" not in server.asked[0].headers, "an address that the caller gave"
    async with serving(Reply(whole())) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", f"{server.root}/v1")
        async with create_llm_provider({"provider": "openai", "model": "m", "api_key": KEY}) as one:
            await one.complete("hi")
    assert server.asked[0].headers["openai-organization"] == "org-mine"


async def test_the_address_may_come_from_the_environment(monkeypatch):
    """OPENAI_BASE_URL, ANTHROPIC_BASE_URL and OLLAMA_HOST, as the vendors' own tools have it."""
    async with serving(Reply(whole())) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", f"{server.root}/v1")
        monkeypatch.setenv("OLLAMA_HOST", f"127.0.0.1:{server.port}")
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.root)
        for provider, reply in (("openai", whole()), ("ollama", LLAMA), ("anthropic", CLAUDE)):
            server.replies = [Reply(reply)]
            async with create_llm_provider({"provider": provider, "model": "m", "api_key": KEY}) as one:
                assert (await one.complete("hi")).content == "Hello"


@pytest.mark.parametrize(("provider", "variable"), [("openai", "OPENAI_BASE_URL"), ("anthropic", "ANTHROPIC_BASE_URL")])
async def test_an_address_of_the_environment_that_is_none_is_named(provider, variable, monkeypatch):
    """By its variable; it is not shown, since a password may be in it."""
    monkeypatch.setenv(variable, "http://user:hidden-word@[::1")
    with pytest.raises(ConfigError, match=f"{variable} is no address") as caught:
        await create_llm_provider({"provider": provider, "model": "m", "api_key": KEY}).complete("hi")
    assert "hidden-word" not in str(caught.value)


async def test_an_address_is_needed_where_there_is_none():
    """openai-compatible could be any server."""
    with pytest.raises(ConfigError, match="where the server is"):
        await create_llm_provider("openai-compatible/m").complete("hi")


# Keys


@pytest.mark.parametrize(
    ("provider", "variable"),
    [("openai", "OPENAI_API_KEY"), ("anthropic", "ANTHROPIC_API_KEY")],
)
async def test_a_missing_key_is_said_before_anything_is_sent(provider, variable, monkeypatch):
    """The hint is the command to type; with the variable set the call goes out."""
    monkeypatch.delenv(variable, raising=False)
    reply = Reply(CLAUDE if provider == "anthropic" else whole())
    async with serving(reply) as server, provider_at(server, provider, api_key=None) as one:
        with pytest.raises(AuthenticationError, match=f"{variable} is not set") as caught:
            await one.complete("hi")
        assert f"export {variable}=" in caught.value.hint
        assert server.asked == []
        monkeypatch.setenv(variable, KEY)
        assert (await one.complete("hi")).content == "Hello"


async def test_the_key_shows_nowhere(caplog):
    """Not in an error, even when the server repeats it, nor in the log at its most talkative."""
    caplog.set_level(logging.DEBUG)
    refused = {"error": {"message": f"Incorrect API key provided: {KEY}, or sk-te****89.", "code": "invalid_api_key"}}
    with pytest.raises(AuthenticationError) as caught:
        await ask(Reply(refused, status=401))
    assert "[key]" in str(caught.value)
    lines = traceback.format_exception(caught.value)
    shown = f"{caught.value!r} {caught.value} {caught.value.hint} {caplog.text} {''.join(lines)}"
    assert KEY not in shown
    assert "sk-te****" not in shown


@pytest.mark.parametrize("key", ["sk-zwölf-0123456789", "sk-0123 456789", "sk-01\x0023456789"])
async def test_a_key_that_cannot_be_one_is_refused(key):
    """It is not sent, and not shown; white space around a key does no harm."""
    with pytest.raises(AuthenticationError, match="no key has") as caught:
        await ask(Reply(whole()), api_key=key)
    assert key not in "".join(traceback.format_exception(caught.value))
    _, server = await ask(Reply(whole()), api_key=f" {KEY}\n")
    assert server.asked[0].headers["authorization"] == f"Bearer {KEY}"


async def test_the_first_call_is_not_charged_for_the_sdk():
    """Importing and opening what a call needs is not part of its time limit."""
    async with serving(Reply(whole())) as server, provider_at(server, timeout=0.2) as provider:
        make = provider._make_client
        provider._clients._make = lambda: time.sleep(0.5) or make()
        assert (await provider.complete("hi")).content == "Hello"


# Loops and connections


async def test_connections_are_used_again():
    """Calls and streams, one after the other, on one connection."""
    async with serving(SAID) as server, provider_at(server, stream=True) as provider:
        for _ in range(3):
            await provider.complete("hi")
        assert server.connections == 1


async def test_a_provider_works_after_it_was_closed():
    """The next call opens what it needs."""
    async with serving(Reply(whole())) as server:
        provider = provider_at(server)
        await provider.complete("hi")
        await provider.close()
        assert (await provider.complete("hi")).content == "Hello"
        await provider.close()
        assert server.connections == 2


async def test_one_provider_serves_several_loops():
    """The loop of the cell and dknb's own at the same time; closing closes both."""
    async with serving(Reply(whole())) as server:
        provider = provider_at(server)
        face = SyncLLMProvider(provider)
        assert (await provider.complete("hi")).content == "Hello"
        assert (await asyncio.to_thread(face.complete, "hi")).content == "Hello"
        assert (await provider.complete("hi")).content == "Hello"
        assert server.connections == 2
        await provider.close()


async def test_many_calls_at_once_make_one_client():
    """Calls that start together share what the first of them opens."""
    made = []
    async with serving(Reply(whole())) as server, provider_at(server) as provider:
        make = provider._make_client
        provider._clients._make = lambda: made.append(1) or make()
        answers = await asyncio.gather(*[provider.complete("hi") for _ in range(8)])
    assert len(answers) == 8
    assert len(made) == 1


# Other APIs


async def test_embeddings_keep_their_order():
    """Whatever order the server gives them in."""
    rows = [{"index": 1, "embedding": [0, 1]}, {"index": 0, "embedding": [1, 0]}]
    async with serving(Reply({"data": rows, "model": "e"})) as server, provider_at(server, user_id="u") as provider:
        assert await provider.embed(["a", "b"]) == [[1.0, 0.0], [0.0, 1.0]]
        assert server.asked[0].body == {"model": "m", "input": ["a", "b"], "encoding_format": "float", "user": "u"}


async def test_a_provider_without_embeddings_says_so():
    """Before anything is sent."""
    with pytest.raises(ConfigError, match="anthropic has no embeddings"):
        await create_llm_provider({"provider": "anthropic", "model": "m", "api_key": KEY}).embed("hi")


async def test_a_model_is_looked_up():
    """In the server's list."""
    async with serving(Reply({"data": [{"id": "llama3.2"}, {"id": "other"}]})) as server:
        for model, offered in (("llama3.2", True), ("llama", False)):
            async with provider_at(server, "openai-compatible", model=model) as provider:
                assert await provider.validate_model() is offered
        assert server.asked[0].method == "GET"


async def test_tokens_are_counted_before_a_call():
    """Anthropic counts messages, system prompt and tools."""
    async with serving(Reply({"input_tokens": 14})) as server, provider_at(server, "anthropic") as provider:
        messages = [LLMMessage("system", "Be kind."), LLMMessage("user", "hi")]
        assert await provider.count_tokens(messages, tools=[{"name": "now", "parameters": {"type": "object"}}]) == 14
    assert server.asked[0].path == "/v1/messages/count_tokens"
    assert sorted(server.asked[0].body) == ["messages", "model", "system", "tools"]
