"""The dialect of Anthropic's messages, both directions, with payloads as its reference describes them."""

from __future__ import annotations

import pytest

from dknb.errors import ConfigError
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
from dknb.llm.dialects.messages_api import MESSAGES
from dknb.llm.request import completion_request


def body(*messages, tools=None, tool_choice=None, model="claude-sonnet-4-5", **settings):
    config = LLMConfig("anthropic", model, **settings)
    return MESSAGES.body(completion_request(config, list(messages) or "hi", tools, tool_choice))


def streamed(*events):
    answer = MESSAGES.accumulator()
    pieces = [piece for event in events if (piece := answer.feed(event))]
    return answer, pieces


# To the server


def test_settings_have_the_vendors_names():
    """max_tokens, which the API demands, has a default by family; everything else is only sent when set."""
    assert body() == {
        "model": "claude-sonnet-4-5",
        "messages": [{"role": "user", "content": "hi"}],
        "max_tokens": 8192,
    }
    assert body(model="claude-3-haiku-20240307")["max_tokens"] == 4096
    sent = body(
        temperature=0,
        top_p=0.5,
        max_tokens=5,
        stop_sequences=["END"],
        user_id="u",
        options={"thinking": {"type": "enabled", "budget_tokens": 1024}, "top_k": 3, "betas": ["x"]},
    )
    assert {name: sent[name] for name in sent if name not in ("model", "messages")} == {
        "temperature": 0,
        "top_p": 0.5,
        "max_tokens": 5,
        "stop_sequences": ["END"],
        "metadata": {"user_id": "u"},
        "thinking": {"type": "enabled", "budget_tokens": 1024},
        "top_k": 3,
    }


def test_system_messages_go_to_the_top():
    """As text, or as blocks where they have marks."""
    user = LLMMessage("user", "hi")
    assert body(LLMMessage("system", "A."), LLMMessage("system", "B."), user)["system"] == "A.\n\nB."
    assert body(user, system_prompt="C.")["system"] == "C."
    blocks = [{"type": "text", "text": "A.", "cache_control": {"type": "ephemeral"}}]
    sent = body(LLMMessage("system", blocks), user)
    assert sent["system"] == blocks
    assert sent["messages"] == [{"role": "user", "content": "hi"}]


def test_a_conversation_with_tools():
    """Calls are blocks of the assistant's; the results of several make one message of the user's."""
    sent = body(
        LLMMessage("user", "add"),
        LLMMessage("assistant", "Both.", tool_calls=[ToolCall("add", {"a": 1}, "t1"), ToolCall("now", {}, "t2")]),
        LLMMessage("tool", "1", tool_call_id="t1"),
        LLMMessage("tool", "noon", tool_call_id="t2"),
    )["messages"]
    assert sent == [
        {"role": "user", "content": "add"},
        {
            "role": "assistant",
            "content": [
                {"type": "text", "text": "Both."},
                {"type": "tool_use", "id": "t1", "name": "add", "input": {"a": 1}},
                {"type": "tool_use", "id": "t2", "name": "now", "input": {}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "t1", "content": "1"},
                {"type": "tool_result", "tool_use_id": "t2", "content": "noon"},
            ],
        },
    ]


BLOCKS = [
    {"type": "thinking", "thinking": "hm", "signature": "sig"},
    {"type": "redacted_thinking", "data": "xyz"},
    {"type": "text", "text": "It rains.", "citations": [{"type": "char_location"}]},
    {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "rain"}},
    {"type": "web_search_tool_result", "tool_use_id": "s", "content": [{"type": "web_search_result"}]},
    {"type": "tool_use", "id": "t1", "name": "add", "input": {"a": 1}, "caller": {"type": "direct"}},
    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGk="}},
    {"type": "image", "source": {"type": "url", "url": "https://example.org/a.png"}},
    {"type": "document", "source": {"type": "file", "file_id": "f1"}, "title": "A", "context": "B"},
    {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "words"}},
    {"type": "document", "source": {"type": "content", "content": "whatever"}},
    {"type": "tool_result", "tool_use_id": "t0", "content": [{"type": "text", "text": "3"}], "is_error": False},
    {"type": "tool_result", "tool_use_id": "t0", "content": "no", "is_error": True, "cache_control": {"type": "e"}},
]


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block["type"])
def test_blocks_go_back_as_they_came(block):
    """What the vendor wrote, or somebody wrote for it, is sent unchanged."""
    message = LLMMessage.from_dict({"role": "user", "content": [block]})
    again = LLMMessage.from_dict(message.to_dict())
    assert body(again)["messages"] == [{"role": "user", "content": [block]}]


def test_what_another_vendor_wrote_is_left_out():
    """A talk that began with OpenAI goes on here: no foreign reasoning, no refusal block, no marks of theirs."""
    message = LLMMessage(
        "assistant",
        [
            ReasoningPart("hm", data="encrypted", extra={"item": {"type": "reasoning"}}),
            TextPart("ok", {"annotations": [], "message": {"id": "m"}}),
            {"type": "refusal", "refusal": "no"},
            {"type": "web_search_call", "id": "w"},
            ToolCall("add", {"a": 1}, "c", '{"a":1}', {"item": {"id": "f"}}),
        ],
    )
    assert body(message)["messages"][0]["content"] == [
        {"type": "text", "text": "ok"},
        {"type": "tool_use", "id": "c", "name": "add", "input": {"a": 1}},
    ]
    image = LLMMessage("user", [ImagePart(data="aGk=", media_type="image/png", extra={"image_url": {"detail": "low"}})])
    assert body(image)["messages"][0]["content"] == [BLOCKS[6]]
    document = LLMMessage("user", [DocumentPart(data="aGk=", media_type="application/pdf", name="a.pdf")])
    assert body(document)["messages"][0]["content"][0]["title"] == "a.pdf"


def test_an_answer_that_was_empty_is_not_sent():
    """The API refuses empty content; an answer that was cut before it began has none."""
    sent = body(LLMMessage("user", "a"), LLMMessage("assistant", ""), LLMMessage("user", "b"))["messages"]
    assert sent == [{"role": "user", "content": "a"}, {"role": "user", "content": "b"}]


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("auto", {"type": "auto"}),
        ("required", {"type": "any"}),
        ("none", {"type": "none"}),
        ("add", {"type": "tool", "name": "add"}),
        ({"type": "function", "function": {"name": "add"}}, {"type": "tool", "name": "add"}),
        ({"type": "auto", "disable_parallel_tool_use": True}, {"type": "auto", "disable_parallel_tool_use": True}),
    ],
)
def test_the_choice_of_a_tool(given, sent):
    """In our words, in OpenAI's, or in the server's own."""
    assert body(tools=[{"name": "add", "parameters": {}}], tool_choice=given)["tool_choice"] == sent


def test_a_schema_is_the_output_config():
    """In OpenAI's form or in Anthropic's; a JSON mode without schema there is none."""
    schema = {"type": "object"}
    wanted = {"format": {"type": "json_schema", "schema": schema}}
    openai = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    assert body(response_format=openai)["output_config"] == wanted
    assert body(response_format={"type": "json_schema", "schema": schema})["output_config"] == wanted
    assert "output_config" not in body(response_format="text")
    with pytest.raises(ConfigError, match="response_format 'json'"):
        body(response_format="json")


# From the server

ANSWER = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-x-2026",
    "content": [{"type": "text", "text": "Hello"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {
        "input_tokens": 3,
        "cache_creation_input_tokens": 4,
        "cache_read_input_tokens": 5,
        "output_tokens": 6,
        "service_tier": "standard",
    },
}


def test_an_answer_is_read():
    """Text, the vendor's words, and its counts, of which the cached ones are not part of the prompt's."""
    response = MESSAGES.response(ANSWER)
    assert (response.content, response.model, response.finish_reason) == ("Hello", "claude-x-2026", "end_turn")
    assert response.usage == {
        "prompt_tokens": 3,
        "completion_tokens": 6,
        "total_tokens": 9,
        "cached_tokens": 5,
        "cache_write_tokens": 4,
    }
    assert response.parts == []


def test_an_answer_with_blocks_keeps_them_in_order():
    """Thinking, text and calls are found in their fields, and all together in parts."""
    response = MESSAGES.response({**ANSWER, "content": [BLOCKS[0], BLOCKS[1], BLOCKS[2], BLOCKS[5]]})
    assert (response.reasoning, response.content) == ("hm", "It rains.")
    assert response.tool_calls == [ToolCall("add", {"a": 1}, "t1", extra={"caller": {"type": "direct"}})]
    assert [type(part) for part in response.parts] == [ReasoningPart, ReasoningPart, TextPart, ToolCall]


def test_what_is_no_message_is_no_answer():
    """A body without content."""
    with pytest.raises(NoAnswer):
        MESSAGES.response({"id": "msg_1"})


def start(index, **block):
    return {"type": "content_block_start", "index": index, "content_block": block}


def delta(index, kind, **fields):
    return {"type": "content_block_delta", "index": index, "delta": {"type": kind, **fields}}


EVENTS = [
    {"type": "message_start", "message": {**ANSWER, "content": [], "stop_reason": None}},
    {"type": "ping"},
    start(0, type="thinking", thinking="", signature=""),
    delta(0, "thinking_delta", thinking="h"),
    delta(0, "thinking_delta", thinking="m"),
    delta(0, "signature_delta", signature="sig"),
    {"type": "content_block_stop", "index": 0},
    start(1, type="text", text="", citations=[]),
    delta(1, "citations_delta", citation={"type": "char_location"}),
    delta(1, "text_delta", text="Hel"),
    delta(1, "text_delta", text="lo"),
    start(2, type="tool_use", id="t1", name="add", input={}),
    delta(2, "input_json_delta", partial_json=""),
    delta(2, "input_json_delta", partial_json='{"a": '),
    delta(2, "input_json_delta", partial_json="1}"),
    start(3, type="tool_use", id="t2", name="now", input={}),
]
END = [
    {
        "type": "message_delta",
        "delta": {"stop_reason": "tool_use"},
        "usage": {"input_tokens": None, "output_tokens": 9},
    },
    {"type": "message_stop"},
]


def test_a_stream_adds_up():
    """To the message that would have come at once, with the counts of its end."""
    answer, pieces = streamed(*EVENTS, *END)
    assert [(piece.kind, piece.delta or piece.reasoning) for piece in pieces if piece.kind != "tool_call"] == [
        ("reasoning", "h"),
        ("reasoning", "m"),
        ("text", "Hel"),
        ("text", "lo"),
    ]
    assert [piece.tool_call for piece in pieces if piece.tool_call] == [
        ToolCallPiece(0, "t1", "add"),
        ToolCallPiece(0, arguments='{"a": '),
        ToolCallPiece(0, arguments="1}"),
        ToolCallPiece(1, "t2", "now"),
    ]
    response = answer.response()
    assert (response.content, response.reasoning, response.finish_reason) == ("Hello", "hm", "tool_use")
    assert (response.usage["prompt_tokens"], response.usage["completion_tokens"]) == (3, 9)
    assert [(call.name, call.arguments) for call in response.tool_calls] == [("add", {"a": 1}), ("now", {})]
    assert response.parts[0] == ReasoningPart("hm", "sig")
    assert response.parts[1].extra == {"citations": [{"type": "char_location"}]}
    assert answer.ended


@pytest.mark.parametrize("length", range(len(EVENTS) + 1))
def test_a_cut_stream_gives_what_there_is(length):
    """At any event; arguments that were cut are kept as text."""
    answer, pieces = streamed(*EVENTS[:length])
    response = MESSAGES.response({**ANSWER, "content": []}) if not length else answer.response()
    assert response.content == "".join(piece.delta for piece in pieces)
    assert not answer.complete
    if length == 14:
        assert response.tool_calls[0].raw_arguments == '{"a": '
        assert response.parts[2] is response.tool_calls[0]


def test_an_error_in_a_stream_is_raised():
    """The server was overloaded after it had begun."""
    with pytest.raises(StreamError):
        streamed({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}})


def test_several_results_in_one_message_stay_in_it():
    """Results that a user's message carries are not moved."""
    results = LLMMessage("tool", [ToolResult("a", "1"), ToolResult("b", "2")])
    sent = body(LLMMessage("user", "x"), results, LLMMessage("tool", "3", tool_call_id="c"))["messages"][1]["content"]
    assert [block["tool_use_id"] for block in sent] == ["a", "b", "c"]
