"""The dialect of OpenAI's responses, both directions, with payloads as its reference describes them."""

from __future__ import annotations

import pytest

from dknb.llm import (
    DocumentPart,
    ImagePart,
    LLMConfig,
    LLMMessage,
    ReasoningPart,
    TextPart,
    ToolCall,
    ToolCallPiece,
    ToolResult,
)
from dknb.llm.dialects.dialect import NoAnswer, StreamError
from dknb.llm.dialects.responses_api import RESPONSES
from dknb.llm.request import completion_request


def body(*messages, tools=None, tool_choice=None, **settings):
    config = LLMConfig("openai", "m", options={"api": "responses", **settings.pop("options", {})}, **settings)
    return RESPONSES.body(completion_request(config, list(messages) or "hi", tools, tool_choice))


def streamed(*events):
    answer = RESPONSES.accumulator()
    pieces = [piece for event in events if (piece := answer.feed(event))]
    return answer, pieces


def test_settings_have_the_vendors_names():
    """Only those that were made are sent; the choice of the api is not for the server."""
    assert body() == {"model": "m", "input": [{"role": "user", "content": "hi"}]}
    sent = body(max_tokens=5, temperature=0, user_id="u", response_format="json", options={"store": False})
    assert {name: sent[name] for name in sent if name not in ("model", "input")} == {
        "max_output_tokens": 5,
        "temperature": 0,
        "user": "u",
        "text": {"format": {"type": "json_object"}},
        "store": False,
    }
    schema = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}, "strict": True}}
    assert body(response_format=schema)["text"] == {
        "format": {"type": "json_schema", "name": "x", "schema": {"type": "object"}, "strict": True}
    }


def test_a_conversation_with_tools():
    """Calls and their outputs are items of their own."""
    sent = body(
        LLMMessage("system", "Be exact."),
        LLMMessage("user", [TextPart("look"), ImagePart(data="aGk=", media_type="image/png")]),
        LLMMessage("assistant", "I add.", tool_calls=[ToolCall("add", {"a": 1}, "c1", '{"a":1}')]),
        LLMMessage("tool", "1", tool_call_id="c1"),
        LLMMessage("user", [ToolResult("c2", [{"type": "text", "text": "noon"}]), TextPart("and?")]),
    )["input"]
    assert sent == [
        {"role": "system", "content": "Be exact."},
        {
            "role": "user",
            "content": [
                {"type": "input_text", "text": "look"},
                {"type": "input_image", "image_url": "data:image/png;base64,aGk="},
            ],
        },
        {"role": "assistant", "content": "I add."},
        {"type": "function_call", "call_id": "c1", "name": "add", "arguments": '{"a":1}'},
        {"type": "function_call_output", "call_id": "c1", "output": "1"},
        {"type": "function_call_output", "call_id": "c2", "output": [{"type": "input_text", "text": "noon"}]},
        {"role": "user", "content": [{"type": "input_text", "text": "and?"}]},
    ]


@pytest.mark.parametrize(
    ("part", "block"),
    [
        (DocumentPart(file_id="f", name="a.pdf"), {"filename": "a.pdf", "file_id": "f"}),
        (DocumentPart(url="https://example.org/a.pdf"), {"file_url": "https://example.org/a.pdf"}),
        (DocumentPart(data="aGk=", media_type="application/pdf"), {"file_data": "data:application/pdf;base64,aGk="}),
    ],
)
def test_documents(part, block):
    """By id, by address, or as data; and they are read in the same form."""
    sent = body(LLMMessage("user", [part]))["input"][0]["content"]
    assert sent == [{"type": "input_file", **block}]
    assert LLMMessage("user", sent).parts == [part]


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("auto", "auto"),
        ("any", "required"),
        ("add", {"type": "function", "name": "add"}),
        ({"type": "function", "function": {"name": "add"}}, {"type": "function", "name": "add"}),
        ({"type": "web_search"}, {"type": "web_search"}),
    ],
)
def test_the_choice_of_a_tool(given, sent):
    """In our words, in those of chat completions, or in the server's own."""
    assert body(tools=[{"name": "add", "parameters": {}}], tool_choice=given)["tool_choice"] == sent


REASONING = {
    "type": "reasoning",
    "id": "rs_1",
    "summary": [{"type": "summary_text", "text": "hm"}],
    "encrypted_content": "xyz",
}
MESSAGE = {
    "type": "message",
    "id": "msg_1",
    "role": "assistant",
    "status": "completed",
    "content": [{"type": "output_text", "text": "Hello", "annotations": []}],
}
CALL = {
    "type": "function_call",
    "id": "fc_1",
    "status": "completed",
    "call_id": "c1",
    "name": "add",
    "arguments": '{"a":1}',
}
SEARCH = {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search"}}
ANSWER = {
    "id": "resp_1",
    "object": "response",
    "status": "completed",
    "error": None,
    "incomplete_details": None,
    "model": "gpt-x-2026",
    "service_tier": "default",
    "output": [REASONING, SEARCH, MESSAGE, CALL],
    "usage": {
        "input_tokens": 3,
        "input_tokens_details": {"cached_tokens": 1},
        "output_tokens": 6,
        "output_tokens_details": {"reasoning_tokens": 2},
        "total_tokens": 9,
    },
}


def test_an_answer_is_read():
    """Text, reasoning, calls, the vendor's words and its counts."""
    response = RESPONSES.response(ANSWER)
    assert (response.content, response.reasoning) == ("Hello", "hm")
    assert (response.model, response.finish_reason) == ("gpt-x-2026", "completed")
    assert [(call.id, call.name, call.arguments) for call in response.tool_calls] == [("c1", "add", {"a": 1})]
    assert response.usage == {
        "prompt_tokens": 3,
        "completion_tokens": 6,
        "total_tokens": 9,
        "cached_tokens": 1,
        "reasoning_tokens": 2,
    }
    assert response.metadata["id"] == "resp_1"


def test_an_answer_goes_back_as_it_came():
    """Encrypted reasoning, searches and ids included, after a way through JSON."""
    message = LLMMessage.from_dict(RESPONSES.response(ANSWER).to_message().to_dict())
    assert body(message)["input"] == ANSWER["output"]


def test_an_answer_that_is_not_whole_says_why():
    """The reason that the vendor gives is the finish reason."""
    cut = {**ANSWER, "status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}
    assert RESPONSES.response(cut).finish_reason == "max_output_tokens"
    with pytest.raises(NoAnswer):
        RESPONSES.response({**ANSWER, "status": "failed"})


def test_what_another_vendor_wrote_is_left_out():
    """A talk that began with Anthropic goes on here."""
    blocks = [
        {"type": "thinking", "thinking": "hm", "signature": "sig"},
        {"type": "web_search_tool_result", "tool_use_id": "s", "content": []},
        {"type": "text", "text": "ok", "citations": []},
        {"type": "tool_use", "id": "t1", "name": "add", "input": {"a": 1}},
    ]
    assert body(LLMMessage("assistant", blocks))["input"] == [
        {"role": "assistant", "content": [{"type": "output_text", "text": "ok"}]},
        {"type": "function_call", "call_id": "t1", "name": "add", "arguments": '{"a": 1}'},
    ]


def added(index, item):
    return {"type": "response.output_item.added", "output_index": index, "item": item}


EVENTS = [
    {"type": "response.created", "response": {**ANSWER, "status": "in_progress", "output": [], "usage": None}},
    added(0, {"type": "reasoning", "id": "rs_1", "summary": []}),
    {"type": "response.reasoning_summary_part.added", "output_index": 0, "summary_index": 0},
    {"type": "response.reasoning_summary_text.delta", "output_index": 0, "summary_index": 0, "delta": "hm"},
    added(1, {"type": "message", "id": "msg_1", "role": "assistant", "content": []}),
    {"type": "response.content_part.added", "output_index": 1, "content_index": 0, "part": {"type": "output_text"}},
    {"type": "response.output_text.delta", "output_index": 1, "content_index": 0, "delta": "Hel"},
    {"type": "response.output_text.delta", "output_index": 1, "content_index": 0, "delta": "lo"},
    added(2, {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "add", "arguments": ""}),
    {"type": "response.function_call_arguments.delta", "output_index": 2, "delta": '{"a"'},
]
END = {"type": "response.completed", "response": ANSWER}


def test_a_stream_adds_up():
    """Its last event is the whole answer."""
    answer, pieces = streamed(*EVENTS, END)
    assert [(piece.kind, piece.delta or piece.reasoning) for piece in pieces if piece.kind != "tool_call"] == [
        ("reasoning", "hm"),
        ("text", "Hel"),
        ("text", "lo"),
    ]
    assert [piece.tool_call for piece in pieces[-2:]] == [
        ToolCallPiece(0, "c1", "add"),
        ToolCallPiece(0, arguments='{"a"'),
    ]
    assert answer.response().to_dict()["parts"] == RESPONSES.response(ANSWER).to_dict()["parts"]
    assert answer.ended


def test_a_whole_answer_without_output_is_what_streamed():
    """Some servers leave the output out of the last event."""
    last = {"type": "response.completed", "response": {**ANSWER, "output": []}}
    done = {"type": "response.output_item.done", "output_index": 1, "item": MESSAGE}
    answer, _ = streamed(*EVENTS[:8], done, last)
    assert (answer.response().content, answer.response().finish_reason) == ("Hello", "completed")


def test_a_cut_stream_gives_what_there_is():
    """Text, reasoning, and the text of arguments that are no object yet."""
    answer, _ = streamed(*EVENTS)
    response = answer.response()
    assert (response.content, response.reasoning) == ("Hello", "hm")
    assert (response.tool_calls[0].arguments, response.tool_calls[0].raw_arguments) == ({}, '{"a"')
    assert not answer.complete
    assert isinstance(response.parts[0], ReasoningPart)


@pytest.mark.parametrize(
    "event",
    [
        {"type": "error", "code": "server_error", "message": "no"},
        {"type": "response.failed", "response": {"error": {"code": "server_error", "message": "no"}}},
    ],
)
def test_an_error_in_a_stream_is_raised(event):
    """In either of the two forms."""
    with pytest.raises(StreamError):
        streamed(EVENTS[0], event)


def test_items_may_be_known_by_their_ids_alone():
    """llama.cpp's events name the item but not its place, and its first event has no output."""
    begun = {"type": "response.created", "response": {"id": "resp_1", "status": "in_progress"}}
    item = {"id": "msg_1", "type": "message", "role": "assistant", "content": []}
    answer, pieces = streamed(
        begun,
        {"type": "response.output_item.added", "item": item},
        {"type": "response.output_text.delta", "item_id": "msg_1", "delta": "Hel"},
        {"type": "response.output_text.delta", "item_id": "msg_1", "delta": "lo"},
    )
    assert "".join(piece.delta for piece in pieces) == answer.response().content == "Hello"


def test_a_refusal_streams_as_text():
    """The words of a refusal are shown and are the answer's text."""
    answer, pieces = streamed(
        *EVENTS[:1],
        added(0, {"type": "message", "role": "assistant", "content": []}),
        {"type": "response.refusal.delta", "output_index": 0, "content_index": 0, "delta": "No."},
    )
    assert (pieces[0].delta, answer.response().content) == ("No.", "No.")
