"""The typed pieces of a stream, the same from every vendor."""

from __future__ import annotations

import pytest
from llm_server import Reply, stream
from provider_help import CLAUDE, DONE, chunk, streamed, whole

from dknb.llm import LLMResponse, LLMStreamResponse, ToolCall, ToolCallPiece
from dknb.llm.events import last_pieces, pieces_of

USAGE = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}


def delta(**fields):
    return {"id": "c", "model": "m-1", "choices": [{"index": 0, "delta": fields, "finish_reason": None}]}


def call(**fields):
    return {"index": 0, "function": {}, **fields}


CHAT = stream(
    delta(role="assistant", content="", reasoning_content="hm"),
    delta(content="I add."),
    delta(tool_calls=[call(id="a", function={"name": "add", "arguments": ""})]),
    delta(tool_calls=[call(function={"arguments": '{"x"'})]),
    delta(tool_calls=[call(function={"arguments": ": 1}"})]),
    chunk(finish="tool_calls"),
    {"choices": [], "usage": USAGE},
    DONE,
)


def event(kind, **fields):
    return {"type": kind, **fields}


def block(index, begin, *deltas):
    yield event("content_block_start", index=index, content_block=begin)
    for one in deltas:
        yield event("content_block_delta", index=index, delta=one)


MESSAGES = stream(
    event("message_start", message={**CLAUDE, "content": [], "usage": {"input_tokens": 1, "output_tokens": 1}}),
    *block(0, {"type": "thinking", "thinking": ""}, {"type": "thinking_delta", "thinking": "hm"}),
    *block(1, {"type": "text", "text": ""}, {"type": "text_delta", "text": "I add."}),
    *block(
        2,
        {"type": "tool_use", "id": "a", "name": "add", "input": {}},
        {"type": "input_json_delta", "partial_json": '{"x"'},
        {"type": "input_json_delta", "partial_json": ": 1}"},
    ),
    event("message_delta", delta={"stop_reason": "tool_use"}, usage={"output_tokens": 2}),
    event("message_stop"),
)
ITEMS = [
    {"type": "reasoning", "id": "rs", "summary": [{"type": "summary_text", "text": "hm"}]},
    {"type": "message", "id": "msg", "role": "assistant", "content": [{"type": "output_text", "text": "I add."}]},
    {"type": "function_call", "id": "fc", "call_id": "a", "name": "add", "arguments": '{"x": 1}'},
]
RESPONSE = {
    "id": "r",
    "model": "m-1",
    "status": "completed",
    "output": ITEMS,
    "usage": {"input_tokens": 1, "output_tokens": 2, "total_tokens": 3},
}
RESPONSES = stream(
    event("response.created", response={**RESPONSE, "output": [], "status": "in_progress", "usage": None}),
    event("response.reasoning_summary_text.delta", output_index=0, summary_index=0, delta="hm"),
    event("response.output_text.delta", output_index=1, content_index=0, delta="I add."),
    event("response.output_item.added", output_index=2, item={**ITEMS[2], "arguments": ""}),
    event("response.function_call_arguments.delta", output_index=2, delta='{"x"'),
    event("response.function_call_arguments.delta", output_index=2, delta=": 1}"),
    event("response.output_item.done", output_index=2, item=ITEMS[2]),
    event("response.completed", response=RESPONSE),
)
VENDORS = [
    ("openai", CHAT, {}),
    ("openai-compatible", CHAT, {}),
    ("openai", RESPONSES, {"options": {"api": "responses"}}),
    ("anthropic", MESSAGES, {}),
]


@pytest.mark.parametrize(("provider", "said", "settings"), VENDORS, ids=["chat", "compatible", "responses", "messages"])
async def test_every_vendor_streams_the_same_pieces(provider, said, settings):
    """Reasoning, text, fragments of a call, usage and the end, each a piece of its own."""
    pieces, _ = await streamed(said, provider=provider, **settings)
    assert [piece.kind for piece in pieces] == ["reasoning", "text", *["tool_call"] * 3, "usage", "end"]
    assert (pieces[0].reasoning, pieces[1].delta, pieces[-2].usage) == ("hm", "I add.", USAGE)
    assert [piece.tool_call for piece in pieces[2:5]] == [
        ToolCallPiece(0, "a", "add"),
        ToolCallPiece(0, arguments='{"x"'),
        ToolCallPiece(0, arguments=": 1}"),
    ]
    last = pieces[-1].response
    assert [(one.id, one.name, one.arguments) for one in last.tool_calls] == [("a", "add", {"x": 1})]
    assert (last.content, last.reasoning, last.usage["total_tokens"]) == ("I add.", "hm", 3)


async def test_a_call_that_comes_whole_is_one_piece():
    """As llama.cpp and others send them on the responses API: without a delta of arguments."""
    said = stream(
        event("response.output_item.added", output_index=0, item={**ITEMS[2], "arguments": ""}),
        event("response.output_item.done", output_index=0, item=ITEMS[2]),
        event("response.completed", response={**RESPONSE, "output": ITEMS[2:]}),
    )
    pieces, _ = await streamed(said, options={"api": "responses"})
    assert [piece.tool_call for piece in pieces[:2]] == [
        ToolCallPiece(0, "a", "add"),
        ToolCallPiece(0, arguments='{"x": 1}'),
    ]


async def test_a_whole_answer_is_streamed_in_typed_pieces():
    """By a server that does not stream."""
    answer = whole()
    calls = [{"id": "a", "type": "function", "function": {"name": "add", "arguments": "{}"}}]
    answer["choices"][0]["message"] |= {"reasoning": "hm", "tool_calls": calls}
    pieces, _ = await streamed(Reply(answer))
    assert [piece.kind for piece in pieces] == ["reasoning", "text", "tool_call", "usage", "end"]


def test_an_answer_in_pieces_is_the_answer():
    """What is replayed without its stream brings the same kinds."""
    answer = LLMResponse("hi", reasoning="hm", usage=USAGE, tool_calls=[ToolCall("add", {"x": 1}, "a")])
    pieces = [*pieces_of(answer), *last_pieces(answer)]
    assert [piece.kind for piece in pieces] == ["reasoning", "text", "tool_call", "usage", "end"]
    assert pieces[2].tool_call == ToolCallPiece(0, "a", "add", '{"x": 1}')
    assert [piece.kind for piece in last_pieces(LLMResponse("hi"))] == ["end"]


@pytest.mark.parametrize(
    "piece",
    [
        LLMStreamResponse("hi"),
        LLMStreamResponse(reasoning="hm"),
        LLMStreamResponse(tool_call=ToolCallPiece(1, "a", "add", "{")),
        LLMStreamResponse(tool_call=ToolCallPiece(0, arguments="}")),
        LLMStreamResponse(usage=USAGE, model="m"),
    ],
    ids=lambda piece: piece.kind,
)
def test_a_piece_survives_json(piece):
    """As a recording keeps it."""
    assert LLMStreamResponse.from_dict(piece.to_dict()) == piece
    assert LLMStreamResponse.from_dict(piece.to_dict()).kind == piece.kind
