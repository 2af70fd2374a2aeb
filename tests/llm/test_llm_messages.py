"""Messages, responses and their parts: plain data both ways, and the vendors' own forms."""

from __future__ import annotations

import json
from datetime import datetime, timezone

import pytest

from dknb.errors import ConfigError
from dknb.llm import (
    DocumentPart,
    ImagePart,
    LLMMessage,
    LLMResponse,
    LLMStreamResponse,
    RawPart,
    ReasoningPart,
    TextPart,
    ToolCall,
    ToolResult,
)
from dknb.llm.parts import part_from_dict, part_to_dict

PARTS = [
    TextPart("hello", {"cache_control": {"type": "ephemeral"}}),
    ImagePart(url="https://example.org/a.png", extra={"image_url": {"detail": "low"}}),
    ImagePart(data="aGk=", media_type="image/png"),
    DocumentPart(data="aGk=", media_type="application/pdf", name="a.pdf"),
    DocumentPart(file_id="file-1"),
    ReasoningPart("hm", signature="sig", extra={"x": 0}),
    ReasoningPart(data="encrypted"),
    ToolCall("add", {"a": 1}, "call_1", '{"a": 1}'),
    ToolCall("now", {}, "call_2", ""),
    ToolResult("call_1", [{"type": "text", "text": "3"}], is_error=True),
    RawPart({"type": "web_search_tool_result", "content": []}),
]


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.type)
def test_a_part_survives_json(part):
    """A part written as JSON and read again is the same part."""
    assert part_from_dict(json.loads(json.dumps(part_to_dict(part)))) == part


def test_empty_fields_are_not_written():
    """A plain message is two fields; a part without extras is its own fields."""
    assert LLMMessage("user", "hi").to_dict() == {"role": "user", "content": "hi"}
    assert part_to_dict(TextPart("hi")) == {"type": "text", "text": "hi"}


MESSAGES = [
    LLMMessage("user", "hi"),
    LLMMessage("system", "", name="x"),
    LLMMessage("assistant", "I add.", tool_calls=[ToolCall("add", {"a": 1}, "call_1")], reasoning="hm"),
    LLMMessage("tool", "3", tool_call_id="call_1", metadata={"seconds": 0.5}),
    LLMMessage("user", [TextPart("look"), ImagePart(url="https://example.org/a.png")]),
    LLMMessage("assistant", [ReasoningPart("hm", "sig"), TextPart("ok"), ToolCall("add", {}, "call_1")]),
    LLMMessage("assistant", "", function_call={"name": "add", "arguments": "{}"}),
]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.role)
def test_a_message_survives_json(message):
    """A message written as JSON and read again is the same message."""
    assert LLMMessage.from_dict(json.loads(json.dumps(message.to_dict()))) == message


def test_metadata_is_left_out_of_what_is_sent():
    """Metadata is the caller's own and is not part of what a request is."""
    message = LLMMessage("user", "hi", metadata={"private": True})
    assert message.to_dict(metadata=False) == {"role": "user", "content": "hi"}


def test_a_list_of_content_becomes_text_and_parts():
    """Strings, parts and vendors' blocks may be mixed; the text is that of the text parts."""
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}}
    message = LLMMessage("user", ["a", TextPart("b"), {"type": "text", "text": "c"}, image])
    assert message.content == "abc"
    assert message.parts == [
        TextPart("a"),
        TextPart("b"),
        TextPart("c"),
        ImagePart(data="aGk=", media_type="image/png"),
    ]


def test_calls_and_reasoning_are_read_from_the_parts():
    """Anthropic's blocks fill the fields that a caller looks at."""
    blocks = [
        {"type": "thinking", "thinking": "hm", "signature": "sig"},
        {"type": "redacted_thinking", "data": "xyz"},
        {"type": "text", "text": "I add.", "citations": None},
        {"type": "tool_use", "id": "toolu_1", "name": "add", "input": {"a": 1}},
    ]
    message = LLMMessage.from_dict({"role": "assistant", "content": blocks})
    assert (message.content, message.reasoning) == ("I add.", "hm")
    assert message.tool_calls == [ToolCall("add", {"a": 1}, "toolu_1")]
    assert message.parts[1] == ReasoningPart(data="xyz")
    assert message.parts[2].extra == {"citations": None}


def test_openai_chat_messages_are_read():
    """Calls with JSON text as arguments, a content of None, and a tool's answer."""
    call = {"id": "call_1", "type": "function", "function": {"name": "add", "arguments": '{"a": 1}'}}
    message = LLMMessage.from_dict({"role": "assistant", "content": None, "tool_calls": [call]})
    assert message.content == ""
    assert message.tool_calls == [ToolCall("add", {"a": 1}, "call_1", '{"a": 1}')]
    answer = LLMMessage.from_dict({"role": "tool", "tool_call_id": "call_1", "content": "3"})
    assert (answer.role, answer.content, answer.tool_call_id) == ("tool", "3", "call_1")


def test_items_of_the_responses_api_are_read():
    """Items without a role become messages of the role that they have in a conversation."""
    call = LLMMessage.from_dict({"type": "function_call", "call_id": "c1", "name": "add", "arguments": "{}", "id": "f"})
    assert (call.role, call.tool_calls[0].id, call.tool_calls[0].extra) == ("assistant", "c1", {"item": {"id": "f"}})
    output = LLMMessage.from_dict({"type": "function_call_output", "call_id": "c1", "output": "3"})
    assert (output.role, output.content, output.tool_call_id) == ("tool", "3", "c1")
    thought = LLMMessage.from_dict({"type": "reasoning", "id": "rs", "summary": [], "encrypted_content": "xyz"})
    assert thought.parts[0].data == "xyz"


@pytest.mark.parametrize(
    ("text", "arguments"), [('{"a": 1}', {"a": 1}), ('{"a": ', {}), ("[1]", {}), ("", {}), ("null", {})]
)
def test_arguments_that_are_no_object_are_kept_as_text(text, arguments):
    """What a model wrote as arguments is kept as it came, also where it is no JSON object."""
    block = {"id": "c", "type": "function", "function": {"name": "f", "arguments": text}}
    call = part_from_dict(block)
    assert (call.arguments, call.raw_arguments, call.arguments_json) == (arguments, text, text)


def test_arguments_given_as_an_object_are_taken():
    """Some servers send the arguments as an object, not as text."""
    call = part_from_dict({"type": "function", "function": {"name": "f", "arguments": {"a": "ü"}}})
    assert (call.arguments, call.arguments_json) == ({"a": "ü"}, '{"a": "ü"}')


@pytest.mark.parametrize(
    "block",
    [
        {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}},
        {"type": "input_audio", "input_audio": {"data": "aGk=", "format": "wav"}},
        {"type": "image", "source": {"type": "of-the-future"}},
        {"type": "document", "source": {"type": "content", "content": []}},
        {"type": "tool_use", "name": "without input"},
        {"no": "type"},
    ],
)
def test_what_is_not_known_is_kept_as_it_came(block):
    """A block of an unknown type or shape is a RawPart with all of it."""
    assert part_from_dict(block) == RawPart(block)


def test_a_message_without_a_role_is_refused():
    """The error names the keys that there were."""
    with pytest.raises(ConfigError, match="content"):
        LLMMessage.from_dict({"content": "hi"})


def test_a_response_survives_json():
    """A response written as JSON and read again is the same, its time and its zero cost included."""
    response = LLMResponse(
        "hi",
        model="m",
        finish_reason="stop",
        usage={"prompt_tokens": 1, "completion_tokens": 0, "total_tokens": 1},
        metadata={"provider": "x"},
        created_at=datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=timezone.utc),
        tool_calls=[ToolCall("add", {"a": 1}, "call_1")],
        cost_usd=0.0,
        reasoning="hm",
        parts=[TextPart("hi", {"citations": []})],
    )
    assert LLMResponse.from_dict(json.loads(json.dumps(response.to_dict()))) == response


def test_a_response_becomes_the_message_to_send_back():
    """Text, reasoning, calls and parts of the answer are all in the message."""
    response = LLMResponse("hi", tool_calls=[ToolCall("add", {}, "c")], parts=[TextPart("hi")], reasoning="hm")
    message = response.to_message()
    assert message == LLMMessage(
        "assistant", "hi", tool_calls=[ToolCall("add", {}, "c")], parts=[TextPart("hi")], reasoning="hm"
    )
    assert message.parts is not response.parts


def test_a_piece_of_a_stream_survives_json():
    """A piece with text, and a last one with the whole answer."""
    piece = LLMStreamResponse("hi", reasoning="hm")
    assert piece.to_dict() == {"delta": "hi", "reasoning": "hm"}
    last = LLMStreamResponse(is_final=True, response=LLMResponse("hi", tool_calls=[ToolCall("f")]))
    for one in (piece, last):
        assert LLMStreamResponse.from_dict(json.loads(json.dumps(one.to_dict()))) == one


def test_a_new_response_knows_its_time_with_its_zone():
    """Times are UTC and say so."""
    assert LLMResponse("").created_at.utcoffset().total_seconds() == 0
