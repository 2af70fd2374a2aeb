"""Providers that ask the server of a test, and what it answers them."""

from __future__ import annotations

from llm_server import serving, stream

from dknb.llm import create_llm_provider

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
