"""Providers behind HTTP, against a server that says what a test tells it to."""

from __future__ import annotations

import asyncio
import logging
import time
import traceback

import pytest
from llm_server import HANG, Reply, serving, sse, stream

from dknb.errors import (
    AuthenticationError,
    BadRequest,
    CallTimeout,
    ConfigError,
    ConnectionFailed,
    ContentRefused,
    ContextTooLong,
    ModelNotFound,
    RateLimited,
    ServerError,
)
from dknb.llm import LLMMessage, SyncLLMProvider, create_llm_provider

KEY = "sk-test-secret-0123456789"


def chunk(text="", finish=None):
    choice = {"index": 0, "delta": {"content": text} if text else {}, "finish_reason": finish}
    return {"id": "chatcmpl-1", "model": "m-1", "choices": [choice]}


def whole(text="Hello"):
    message = {"role": "assistant", "content": text}
    usage = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
    choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
    return {"id": "chatcmpl-1", "model": "m-1", "choices": choices, "usage": usage}


CLAUDE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-1",
    "content": [{"type": "text", "text": "Hello"}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 1, "output_tokens": 2},
}
DONE = b"data: [DONE]\n\n"
SAID = stream(chunk("Hel"), chunk("lo"), chunk(finish="stop"), DONE)


def provider_at(server, provider="openai", **settings):
    base = server.root if provider == "anthropic" else f"{server.root}/v1"
    config = {"provider": provider, "model": "m", "api_base": base, "api_key": KEY, "retry_delay": 0.0, **settings}
    return create_llm_provider(config)


async def ask(*replies, text="hi", **settings):
    async with serving(*replies) as server, provider_at(server, **settings) as provider:
        return await provider.complete(text), server


async def streamed(*replies, **settings):
    async with serving(*replies) as server, provider_at(server, **settings) as provider:
        return [piece async for piece in provider.stream_complete("hi")], server


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
        ("ollama", "/v1/chat/completions"),
        ("openai-compatible", "/v1/chat/completions"),
    ],
)
async def test_each_provider_asks_its_own_address(provider, path):
    """With the key in the header for it."""
    response, server = await ask(Reply(CLAUDE if provider == "anthropic" else whole()), provider=provider)
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
    assert [piece.delta for piece in pieces] == [" a", " time", ""]
    assert (pieces[-1].usage["total_tokens"], pieces[-1].model) == (4, "m-1")
    with pytest.raises(ConfigError, match="only talk"):
        await ask(Reply(CLAUDE), provider="anthropic", mode="text")


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
        _, server = await ask(Reply(whole()), provider=provider, api_key=None)
        assert "openai-organization" not in server.asked[0].headers
        assert "sk-openai-only" not in str(server.asked[0].headers)
    _, server = await ask(Reply(whole()))
    assert server.asked[0].headers["openai-organization"] == "org-mine"


async def test_the_address_may_come_from_the_environment(monkeypatch):
    """OPENAI_BASE_URL, ANTHROPIC_BASE_URL and OLLAMA_HOST, as the vendors' own tools have it."""
    async with serving(Reply(whole())) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", f"{server.root}/v1")
        monkeypatch.setenv("OLLAMA_HOST", f"127.0.0.1:{server.port}")
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.root)
        for provider in ("openai", "ollama"):
            async with create_llm_provider({"provider": provider, "model": "m", "api_key": KEY}) as one:
                assert (await one.complete("hi")).content == "Hello"
        server.replies = [Reply(CLAUDE)]
        async with create_llm_provider({"provider": "anthropic", "model": "m", "api_key": KEY}) as one:
            assert (await one.complete("hi")).content == "Hello"


async def test_an_address_is_needed_where_there_is_none():
    """openai-compatible could be any server."""
    with pytest.raises(ConfigError, match="where the server is"):
        await create_llm_provider("openai-compatible/m").complete("hi")


# Keys


@pytest.mark.parametrize(
    ("provider", "variable"),
    [("openai", "OPENAI_API_KEY"), ("anthropic", "ANTHROPIC_API_KEY"), ("huggingface", "HF_TOKEN")],
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


# Failures

OPENAI = {"message": "It went wrong.", "type": "invalid_request_error", "param": None, "code": None}


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (400, OPENAI, BadRequest),
        (401, {**OPENAI, "code": "invalid_api_key"}, AuthenticationError),
        (403, {"message": "not allowed"}, AuthenticationError),
        (404, {**OPENAI, "code": "model_not_found"}, ModelNotFound),
        (404, {"message": "no such path"}, ModelNotFound),
        (400, {**OPENAI, "code": "context_length_exceeded"}, ContextTooLong),
        (400, {"message": "This model's maximum context length is 8192 tokens."}, ContextTooLong),
        (400, {"type": "exceed_context_size_error", "message": "request too big"}, ContextTooLong),
        (400, {"message": "prompt is too long: 210000 tokens > 200000 maximum"}, ContextTooLong),
        (413, {"type": "request_too_large", "message": "too large"}, ContextTooLong),
        (400, {**OPENAI, "code": "content_filter"}, ContentRefused),
        (
            400,
            {"type": "invalid_request_error", "message": "Output blocked by content filtering policy"},
            ContentRefused,
        ),
        (422, {"message": "unprocessable"}, BadRequest),
        (429, {"message": "slow down"}, RateLimited),
        (429, {**OPENAI, "code": "insufficient_quota", "type": "insufficient_quota"}, RateLimited),
        (500, {"message": "oops"}, ServerError),
        (529, {"type": "overloaded_error", "message": "Overloaded"}, ServerError),
        (408, {"message": "timeout"}, CallTimeout),
    ],
)
async def test_a_refusal_has_its_class(status, error, kind):
    """By the code that the vendor gives, else by the status; with the vendor's words and all facts."""
    reply = Reply({"error": error}, status=status, headers={"x-request-id": "req_7"})
    with pytest.raises(kind, match=error["message"][:10]) as caught:
        await ask(reply, retry_count=0)
    assert type(caught.value) is kind
    assert caught.value.hint or kind is BadRequest
    facts = (caught.value.provider, caught.value.model, caught.value.status, caught.value.request_id)
    assert facts == ("openai", "m", status, "req_7")


@pytest.mark.parametrize(
    "body",
    [
        {"detail": "It went wrong."},
        {"message": "It went wrong."},
        ["It went wrong."],
        "It went wrong.",
        {"error": "It went wrong."},
    ],
)
async def test_a_refusal_in_another_shape_is_understood(body):
    """Servers wrap their errors in many ways."""
    with pytest.raises(BadRequest, match="It went wrong"):
        await ask(Reply(body, status=400))


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after-ms": "250"}, 0.25),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
    ],
)
async def test_the_wait_that_the_server_asks_for_is_told(headers, seconds):
    """In any of the forms that it may have."""
    with pytest.raises(RateLimited) as caught:
        await ask(Reply({}, status=429, headers=headers), retry_count=0)
    assert caught.value.retry_after == seconds


@pytest.mark.parametrize(
    ("model", "error"),
    [
        ("m", {"message": "Unsupported parameter.", "param": "temperature"}),
        ("m", {"message": "'temperature' does not support 0.1 with this model."}),
        ("o3-mini", {"message": "Unsupported value."}),
    ],
)
async def test_a_refusal_says_which_setting_to_drop(model, error):
    """Named by the server, or known from the table of model families."""
    with pytest.raises(BadRequest) as caught:
        await ask(Reply({"error": error}, status=400), model=model, temperature=0.1)
    assert caught.value.hint == "Leave out temperature for this model:  temperature=None"


@pytest.mark.parametrize("status", [200, 404, 502])
async def test_a_web_page_is_no_answer(status):
    """A wrong address often answers with a page; the hint is about the address."""
    page = Reply("<!DOCTYPE html><html>Welcome</html>", status=status, content_type="text/html")
    with pytest.raises(ServerError, match="web page") as caught:
        await ask(page, retry_count=0)
    assert "api_base" in caught.value.hint
    with pytest.raises(ServerError, match="web page"):
        await streamed(page, retry_count=0)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", {"choices": []}, {"choices": [{}]}, b'{"choices": "\xff"}']
)
async def test_what_is_no_answer_is_an_error(body):
    """Broken JSON, other JSON, no choices: never an empty answer."""
    with pytest.raises(ServerError, match="no answer"):
        await ask(Reply(body))


async def test_an_error_with_status_200_is_an_error():
    """Some servers say 200 and mean something else."""
    with pytest.raises(RateLimited, match="slow down"):
        await ask(Reply({"error": {"message": "slow down", "code": 429, "type": "rate_limit_error"}}), retry_count=0)


async def test_no_server_is_a_failed_connection():
    """The error names the address."""
    async with serving(Reply(b"")) as server:
        pass
    with pytest.raises(ConnectionFailed, match=f"127.0.0.1:{server.port}"):
        async with provider_at(server, retry_count=0) as provider:
            await provider.complete("hi")


# Streams


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
    """The answer is one piece then."""
    pieces, _ = await streamed(Reply(whole()))
    assert [piece.delta for piece in pieces] == ["Hello", ""]
    assert pieces[-1].usage["total_tokens"] == 3


async def test_a_refused_stream_is_tried_again():
    """Until its first piece a stream is like any call."""
    pieces, server = await streamed(Reply({}, status=503), SAID)
    assert pieces[-1].response.content == "Hello"
    assert len(server.asked) == 2


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
    """Ollama's names may leave out the tag."""
    async with serving(Reply({"data": [{"id": "llama3.2:latest"}, {"id": "other"}]})) as server:
        for model, offered in (("llama3.2", True), ("llama3.2:latest", True), ("llama", False)):
            async with provider_at(server, "ollama", model=model) as provider:
                assert await provider.validate_model() is offered
        assert server.asked[0].method == "GET"


async def test_tokens_are_counted_before_a_call():
    """Anthropic counts messages, system prompt and tools."""
    async with serving(Reply({"input_tokens": 14})) as server, provider_at(server, "anthropic") as provider:
        messages = [LLMMessage("system", "Be kind."), LLMMessage("user", "hi")]
        assert await provider.count_tokens(messages, tools=[{"name": "now"}]) == 14
    assert server.asked[0].path == "/v1/messages/count_tokens"
    assert sorted(server.asked[0].body) == ["messages", "model", "system", "tools"]
