"""What a server's text says: how much was too much, and which setting it does not take.

The texts are those of the vendors, as issue threads quote them (see ``dknb/llm/refusals.py``).
"""

from __future__ import annotations

import json

import pytest
from llm_scripted import streamed
from llm_server import Reply, serving, stream
from provider_help import KEY, provider_at

from dknb.errors import (
    AuthenticationError,
    BadRequest,
    ConnectionFailed,
    ContextTooLong,
    ModelNotFound,
    ProviderError,
    RateLimited,
    ServerError,
)
from dknb.llm import LLMConfig, LLMMessage, create_llm_provider
from dknb.llm.calls.outcome import with_sizes
from dknb.llm.request import completion_request
from dknb.llm.wire.faults import Faults

ADD = {"name": "add", "parameters": {"type": "object", "properties": {}}}


def refused(
    error, status=400, *, provider="openai-compatible", model="m", tools=(), key=None, headers=None, **settings
):
    """The error that a server's error becomes, for a request with these settings."""
    messages = settings.pop("messages", "hi")
    request = completion_request(LLMConfig(provider, model, **settings), messages, list(tools))
    body = error if isinstance(error, str) else json.dumps({"error": error})
    return Faults("Server", request, key).refused(status, body, headers or {})


@pytest.mark.parametrize(
    ("error", "tokens", "limit"),
    [
        (
            "This model's maximum context length is 8192 tokens. However, your messages resulted in 10369 tokens. Please "
            "reduce the length of the messages.",
            10_369,
            8_192,
        ),
        (
            "This model's maximum context length is 4097 tokens, however you requested 4927 tokens (3927 in your prompt; "
            "1000 for the completion). Please reduce your prompt; or completion length.",
            4_927,
            4_097,
        ),
        ("prompt is too long: 209377 tokens > 200000 maximum", 209_377, 200_000),
        (
            "input length and `max_tokens` exceed context limit: 188240 + 21333 > 200000, decrease input length or "
            "`max_tokens` and try again",
            209_573,
            200_000,
        ),
        (
            "request (4390 tokens) exceeds the available context size (4096 tokens), try increasing it",
            4_390,
            4_096,
        ),
        ("Requested tokens (2285) exceed context window of 2048", 2_285, 2_048),
        (
            "This model's maximum context length is 16384 tokens. However, you requested 122946 tokens (112946 in the "
            "messages, 10000 in the completion). Please reduce the length of the messages or completion.",
            122_946,
            16_384,
        ),
        (
            "'max_tokens' or 'max_completion_tokens' is too large: 5000. This model's maximum context length is 4096 "
            "tokens and your request has 100 input tokens (5000 > 4096 - 100).",
            5_100,
            4_096,
        ),
        (
            "This model's maximum context length is 2048 tokens. However, you requested 100 output tokens and your prompt "
            "contains at least 1949 input tokens, for a total of at least 2049 tokens.",
            2_049,
            2_048,
        ),
        (
            "The decoder prompt (length 5000) is longer than the maximum model length of 4096.",
            5_000,
            4_096,
        ),
        (
            "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 4000 `inputs` tokens and "
            "1000 `max_new_tokens`",
            5_000,
            4_096,
        ),
        ("Input validation error: `inputs` must have less than 1024 tokens. Given: 1500", 1_500, 1_024),
        (
            "The input token count (1,200,000) exceeds the maximum number of tokens allowed (1,048,576).",
            1_200_000,
            1_048_576,
        ),
        (
            "Prompt contains 65673 tokens and 0 draft tokens, too large for model with 32768 maximum context length",
            65_673,
            32_768,
        ),
    ],
)
@pytest.mark.parametrize("status", [400, 422, 500])
def test_too_long_has_both_numbers(error, tokens, limit, status):
    """Whoever says it, and with whatever status."""
    found = refused({"message": error, "type": "invalid_request_error", "code": None}, status)
    assert type(found) is ContextTooLong
    assert (found.tokens, found.limit, found.counted) == (tokens, limit, True)


def test_numbers_may_stand_beside_the_text():
    """As in llama.cpp's error."""
    text = "the request exceeds the available context size. try increasing the context size or enable context shift"
    error = {"code": 400, "message": text, "type": "exceed_context_size_error", "n_prompt_tokens": 14429, "n_ctx": 8192}
    found = refused(error)
    assert (type(found), found.tokens, found.limit) == (ContextTooLong, 14_429, 8_192)


async def test_numbers_that_nobody_tells_are_known_or_estimated():
    """The window of a known model, and our estimate of the tokens, which says that it is one."""
    config = LLMConfig("openai", "gpt-4o")
    request = completion_request(config, [LLMMessage("user", "word " * 1_000)])
    text = '{"error": {"message": "Your input exceeds the context window of this model.", "type": "invalid_request_error"}}'
    found = Faults("OpenAI", request).refused(400, text, {})
    assert (type(found), found.tokens, found.limit) == (ContextTooLong, None, None)
    await with_sizes(found, request, config)
    assert (found.limit, found.counted) == (128_000, False)
    assert 900 < found.tokens < 1_500
    assert "by an estimate; the model takes 128,000" in found.hint


@pytest.mark.parametrize(
    "text",
    ["Context size has been exceeded.", "input length exceeds maximum context length", "context_length_exceeded"],
)
def test_too_long_without_numbers(text):
    """Whatever the letters' case."""
    assert type(refused({"message": text, "code": 500, "type": "server_error"}, 500)) is ContextTooLong


@pytest.mark.parametrize(
    ("error", "sent", "hint"),
    [
        (
            {
                "message": "Unsupported value: 'temperature' does not support 0.2 with this model. Only the default (1) "
                "value is supported.",
                "type": "invalid_request_error",
                "param": "temperature",
                "code": "unsupported_value",
            },
            {"temperature": 0.2, "top_p": 0.5},
            "Leave out temperature for this model:  temperature=None",
        ),
        (
            {
                "message": "Unsupported parameter: 'max_tokens' is not supported with this model. Use "
                "'max_completion_tokens' instead.",
                "code": "unsupported_parameter",
                "param": "max_tokens",
            },
            {"max_tokens": 5},
            'This model calls it otherwise:  max_tokens=None, options={"max_completion_tokens": 5}',
        ),
        (
            {"message": "Unrecognized request argument supplied: max_completion_tokens"},
            {"max_tokens": 5},
            "Leave out max_tokens for this model:  max_tokens=None",
        ),
        (
            {"message": "Unsupported parameter: 'stop' is not supported with this model.", "param": "stop"},
            {"stop_sequences": ["x"]},
            "Leave out stop_sequences for this model:  stop_sequences=None",
        ),
        (
            {
                "message": "Unsupported value: 'messages[0].role' does not support 'system' with this model.",
                "param": "messages[0].role",
                "code": "unsupported_value",
            },
            {"system_prompt": "Be kind.", "temperature": 0.5},
            "Leave out the system prompt for this model, or say it in the first user message",
        ),
        (
            {"message": "registry.ollama.ai/library/gemma3:4b does not support tools", "type": "api_error"},
            {"tools": [ADD]},
            "Leave out tools for this model:  tools=[]",
        ),
        (
            {"message": '"llama3.1:8b" does not support thinking', "type": "invalid_request_error"},
            {"options": {"think": True}},
            'Leave out think for this model:  options without "think"',
        ),
        (
            {"message": "Invalid parameter: 'response_format' of type 'json_schema' is not supported with this model."},
            {"response_format": "json"},
            "Leave out response_format for this model:  response_format=None",
        ),
        (
            {"message": "`temperature` and `top_p` cannot both be specified for this model. Please use only one."},
            {"temperature": 0.5, "top_p": 0.5},
            "Leave out one of temperature and top_p:  top_p=None",
        ),
        (
            {"message": "`temperature` may only be set to 1 when thinking is enabled"},
            {"temperature": 0.5},
            "Leave out temperature for this model:  temperature=None",
        ),
        (
            {
                "message": [
                    {"type": "extra_forbidden", "loc": ["body", "logit_bias"], "msg": "Extra inputs are not permitted"}
                ]
            },
            {"logit_bias": {"1": 1.0}},
            "Leave out logit_bias for this model:  logit_bias=None",
        ),
        ({"message": "Unknown parameter: 'mirostat'."}, {"options": {"mirostat": 1}}, "options without"),
        ({"message": "messages must alternate between user and assistant; stop"}, {"user_id": "u"}, None),
        ({"message": "Thinking mode does not support this tool_choice"}, {"tools": [ADD], "function_call": None}, None),
    ],
)
def test_a_refusal_says_what_to_leave_out(error, sent, hint):
    """The setting by our name for it, or what to write instead; nothing where the text names none that was sent."""
    found = refused(error, **sent)
    assert type(found) is BadRequest
    assert found.hint is None if hint is None else hint in found.hint


def test_a_vague_code_does_not_beat_the_status():
    """Ollama says "api_error" with each status; without one it is the server's failure."""
    assert type(refused({"message": "no", "type": "api_error"}, 404)).__name__ == "ModelNotFound"
    assert type(refused({"message": "no", "type": "api_error"}, 500)) is ServerError


def test_a_request_above_the_limit_of_a_minute_is_not_tried_again():
    """It will never fit."""
    text = "Request too large for gpt-4o in organization org-x on tokens per min (TPM): Limit 30000, Requested 40000."
    found = refused({"message": text, "type": "tokens", "code": "rate_limit_exceeded"}, 429)
    assert (type(found), found.retryable) == (RateLimited, False)


@pytest.mark.parametrize("kind", [AuthenticationError, RateLimited, BadRequest, ServerError])
def test_no_error_shows_the_key(kind):
    """Not where the server repeats it, nor in a request id or a broken connection's reason."""
    key = "my-very-own-key-0123456789"
    status = {AuthenticationError: 401, RateLimited: 429, BadRequest: 400, ServerError: 500}[kind]
    found = refused({"message": f"Wrong key {key}", "param": key}, status, key=key, headers={"x-request-id": key})
    request = completion_request(LLMConfig("openai", "m"), "hi")
    broken = Faults("Server", request, key).broken(OSError(f"https://u:{key}@host refused"))
    assert (type(found), type(broken)) == (kind, ConnectionFailed)
    for error in (found, broken):
        assert key not in f"{error!s} {error!r} {error.hint} {error.args} {vars(error)}"


@pytest.mark.parametrize("provider", ["openai", "anthropic"])
@pytest.mark.parametrize("reply", ["refused", "broken", "closed"])
async def test_the_sdks_errors_are_not_chained(provider, reply):
    """They hold the request, and the key in its headers; what they say is in our error's text."""
    seen = []
    if reply == "closed":
        async with serving(Reply()) as gone:
            pass
        async with provider_at(gone, provider, retry_count=0) as asked:
            with pytest.raises(ConnectionFailed) as caught:
                await asked.complete("hi")
            seen.append(caught.value)
    else:
        said = Reply({"error": {"message": f"no {KEY}"}}, status=400) if reply == "refused" else stream(b"data: {}")
        async with serving(said) as server, provider_at(server, provider, retry_count=0) as asked:
            for call in (asked.complete("hi"), streamed(asked)):
                with pytest.raises(ProviderError) as caught:
                    await call
                seen.append(caught.value)
    for error in seen:
        link = error
        while link is not None:
            assert not type(link).__module__.startswith(("openai", "anthropic", "httpx", "aiohttp"))
            assert KEY not in f"{link!r} {vars(link)}"
            link = link.__cause__ or link.__context__


async def test_anthropic_s_address_has_no_v1():
    """Its SDK adds that itself; a plain 404 and a web page say so, but not a model that is missing."""
    page = b"<html>404</html>"
    nothing = {"type": "error", "error": {"type": "not_found_error", "message": "Not Found"}}
    model = {"type": "error", "error": {"type": "not_found_error", "message": "model: claude-0"}}
    for body, told in ((nothing, True), (page, True), (model, False)):
        async with serving(Reply(body, status=404)) as server:
            provider = provider_at(server, "anthropic", retry_count=0).config
            async with create_llm_provider(provider.with_settings(api_base=f"{server.root}/v1")) as anthropic:
                with pytest.raises(ProviderError) as caught:
                    await anthropic.complete("hi")
        assert (caught.value.hint == f"Write the address without /v1:  api_base={server.root!r}") is told


@pytest.mark.parametrize("status", [404, 405, 501])
async def test_a_server_without_embeddings_is_said_to_have_none(status):
    """And it is asked once: what a server does not have, it does not have a moment later."""
    refusal = Reply({"error": {"message": "Not here", "code": status}}, status=status)
    async with serving(refusal) as server, provider_at(server) as provider:
        with pytest.raises(ProviderError) as caught:
            await provider.embed("hi")
        with pytest.raises(ProviderError) as other:
            await provider.complete("hi")
    assert "has no embeddings" in caught.value.hint
    assert "embeddings" not in (other.value.hint or "")
    assert len(server.asked) == 2


async def test_a_missing_model_of_embeddings_is_no_missing_endpoint():
    """The server says which model it is."""
    refusal = {"error": {"message": "The model 'm' does not exist", "code": "model_not_found"}}
    async with serving(Reply(refusal, status=404)) as server, provider_at(server) as provider:
        with pytest.raises(ModelNotFound) as caught:
            await provider.embed("hi")
    assert caught.value.hint == "Check the model's name and the address (api_base)"
