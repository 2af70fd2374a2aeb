"""Replies with rubbish in them, anywhere: a sound answer, or one of our errors."""

from __future__ import annotations

import json
import math
from contextlib import suppress
from random import Random

import pytest
from llm_recorded import is_stream, recorded
from llm_server import Reply, serving
from llm_server import stream as events_of
from provider_help import chunk, provider_at, whole

from dknb.errors import DknbError, ServerError
from dknb.llm import LLMResponse, LLMStreamResponse

DEEP = b"[" * 200_000
VALUES = [
    None,
    0,
    -1,
    5,
    math.inf,
    math.nan,
    "x",
    "",
    [],
    {},
    [1],
    ["a"],
    [None],
    [[]],
    {"a": 1},
    True,
    10**30,
    "\ud800",
]
RECORDED = {name: one for name, one in recorded().items() if one["method"] == "POST" and one["status"] == 200}
_CALL = {"id": "c", "type": "function", "function": {"name": "add", "arguments": '{"a": 1}'}}
_USAGE = {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7, "prompt_tokens_details": {"cached_tokens": 1}}
_BLOCKS = [{"type": "text", "text": "Hi"}, {"type": "tool_use", "id": "t", "name": "add", "input": {"a": 1}}]
_ITEMS = [
    {"type": "message", "id": "m", "role": "assistant", "content": [{"type": "output_text", "text": "Hi"}]},
    {"type": "function_call", "call_id": "c", "name": "add", "arguments": "{}"},
]


def _places(data, path=()):
    yield path
    if isinstance(data, (dict, list)):
        for name, value in data.items() if isinstance(data, dict) else enumerate(data):
            yield from _places(value, (*path, name))


def spoiled(data, rng):
    """The data with something else in one place, or nothing."""
    data = json.loads(json.dumps(data))
    *way, last = rng.choice([path for path in _places(data) if path])
    inner = data
    for name in way:
        inner = inner[name]
    if rng.random() < 0.2:
        del inner[last]
    else:
        inner[last] = rng.choice(VALUES)
    return data


def check(answer):
    """An answer is made of what it says to be made of, and goes through JSON."""
    texts = [answer.content, answer.model, answer.finish_reason or "", answer.reasoning or ""]
    assert all(isinstance(text, str) for text in texts)
    assert all(type(count) is int and count >= 0 for count in (answer.usage or {}).values())
    assert answer.cost_usd is None or answer.cost_usd >= 0
    assert all(isinstance(call.name, str) and isinstance(call.arguments, dict) for call in answer.tool_calls)
    again = LLMResponse.from_dict(json.loads(json.dumps(answer.to_dict())))
    assert again.content == answer.content
    answer.to_message().to_dict()


BODIES = {
    "chat": (
        {"options": {}},
        {"model": "m", "service_tier": "x", "usage": _USAGE, "choices": [
            {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hi", "tool_calls": [_CALL]}}
        ]},
    ),
    "messages": (
        {"provider": "anthropic"},
        {"model": "m", "content": _BLOCKS, "stop_reason": "x", "usage": {"input_tokens": 5, "output_tokens": 2}},
    ),
    "responses": (
        {"options": {"api": "responses"}},
        {"model": "m", "status": "completed", "output": _ITEMS, "usage": {"input_tokens": 5, "output_tokens": 2}},
    ),
    "ollama": (
        {"provider": "ollama", "api_key": None},
        {"model": "m", "done": True, "done_reason": "stop", "total_duration": 5, "prompt_eval_count": 3, "eval_count": 4,
         "message": {"role": "assistant", "content": "Hi", "tool_calls": [{"function": {"name": "f", "arguments": {}}}]}},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BODIES)
async def test_rubbish_in_a_reply_is_an_answer_or_an_error_of_ours(name):
    """With every value in any place; a budget and a limit of tokens count what it used."""
    config, body = BODIES[name]
    rng = Random(7)
    replies = [Reply(spoiled(body, rng)) for _ in range(200)]
    limits = {"retry_count": 0, "rate_limit": {"tokens": 10**15}}
    async with serving(*replies) as server, provider_at(server, **config, **limits) as provider:
        answers = 0
        for _ in replies:
            with suppress(DknbError):
                check(await provider.complete("hi"))
                answers += 1
    assert answers > 30


@pytest.mark.skipif(not RECORDED, reason="the recorded exchanges are not here")
@pytest.mark.parametrize("streamed", [False, True])
async def test_rubbish_in_recorded_replies_is_an_answer_or_an_error_of_ours(streamed):
    """Real replies, whole and streamed, with something else in one place."""
    rng = Random(11)
    kept = [
        one
        for one in RECORDED.values()
        if is_stream(one) is streamed and "count_tokens" not in one["path"] and "embed" not in one["path"]
    ]
    answers = 0
    for exchange in rng.sample(kept, min(25, len(kept))):
        config = {"provider": "anthropic"} if exchange["provider"] == "anthropic" else {}
        if "responses" in exchange["path"]:
            config = {"options": {"api": "responses"}}
        replies = [_spoiled_reply(exchange, rng) for _ in range(8)]
        async with serving(*replies) as server, provider_at(server, **config, retry_count=0) as provider:
            for _ in replies:
                with suppress(DknbError):
                    if streamed:
                        pieces = [piece async for piece in provider.stream_complete("hi")]
                        assert all(isinstance(piece.delta, str) for piece in pieces)
                        check(pieces[-1].response)
                    else:
                        check(await provider.complete("hi"))
                    answers += 1
    assert answers > 30


def _spoiled_reply(exchange, rng):
    if not is_stream(exchange):
        return Reply(spoiled(json.loads(exchange["response"]), rng))
    lines = exchange["response"].split("\n")
    place = rng.choice([at for at, line in enumerate(lines) if line.startswith("data: {")])
    lines[place] = "data: " + json.dumps(spoiled(json.loads(lines[place][6:]), rng))
    return Reply("\n".join(lines), content_type="text/event-stream")


@pytest.mark.parametrize(
    ("usage", "kept"),
    [
        ({"prompt_tokens": "5", "completion_tokens": 1}, None),
        ({"prompt_tokens": math.nan, "completion_tokens": 1}, None),
        ({"prompt_tokens": -5, "completion_tokens": 1}, None),
        ({"prompt_tokens": 10**30}, None),
        (7, None),
        (
            {"prompt_tokens": 5.0, "completion_tokens": 1, "total_tokens": "6", "prompt_tokens_details": 5},
            {"prompt_tokens": 5, "completion_tokens": 1, "total_tokens": 6},
        ),
    ],
)
async def test_a_usage_that_is_rubbish_loses_no_answer(usage, kept):
    """What is no count is left out; where prompt or answer has none, nobody knows what it used."""
    body = {**whole("Hi"), "usage": usage}
    async with serving(Reply(body)) as server, provider_at(server, rate_limit={"tokens": 10**6}) as provider:
        answer = await provider.complete("hi")
    assert (answer.content, answer.usage) == ("Hi", kept)


@pytest.mark.parametrize(
    "reply",
    [
        Reply(DEEP),
        Reply(b'{"a":' * 100_000, status=500),
        events_of(b"data: " + b'{"a":' * 100_000 + b"\n\n"),
        events_of(b"data: " + DEEP + b"\n\n"),
    ],
)
async def test_brackets_without_end_are_no_answer(reply):
    """In a body, in an error's body, in an event."""
    async with serving(reply) as server, provider_at(server, retry_count=0) as provider:
        with pytest.raises(ServerError):
            await provider.complete("hi", stream="stream" in reply.content_type)


async def test_an_answer_that_cannot_be_read_keeps_its_text():
    """A call that is none: the text around it is in the error."""
    body = whole("Let me see.")
    body["choices"][0]["message"]["tool_calls"] = [{"id": "c", "type": "function", "function": 5}]
    async with serving(Reply(body)) as server, provider_at(server, retry_count=0) as provider:
        with pytest.raises(ServerError, match="something that is no answer") as caught:
            await provider.complete("hi")
    assert caught.value.partial.content == "Let me see."


async def test_a_stream_that_makes_no_answer_keeps_its_pieces():
    """Also where the rubbish shows only when all is put together."""
    last = chunk(finish="stop")
    last["choices"][0]["delta"] = {"audio": 5, "content": None}
    reply = events_of(chunk("Hel"), chunk("lo"), last)
    async with serving(reply) as server, provider_at(server, retry_count=0) as provider:
        with pytest.raises(ServerError) as caught:
            await provider.complete("hi", stream=True)
    assert caught.value.partial.content == "Hello"


def test_a_piece_is_text():
    """Only what is of the right kind goes on."""
    from dknb.llm.calls.sound import has_text

    assert has_text(LLMStreamResponse("a"))
    assert not has_text(LLMStreamResponse(5))
