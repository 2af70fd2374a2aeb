"""The dialect of OpenAI's chat completions, both directions, with payloads as its reference describes them."""

from __future__ import annotations

import pytest

from dknb.errors import ConfigError
from dknb.llm import (
    DocumentPart,
    ImagePart,
    LLMConfig,
    LLMMessage,
    RawPart,
    ReasoningPart,
    TextPart,
    ToolCall,
    ToolCallPiece,
    ToolResult,
)
from dknb.llm.dialects.chat_api import ChatTraits, chat_dialect
from dknb.llm.dialects.dialect import NoAnswer, StreamError
from dknb.llm.request import completion_request
from dknb.llm.wire.sse import DONE

CHAT = chat_dialect(ChatTraits(max_tokens="max_completion_tokens"))


def body(*messages, tools=None, tool_choice=None, dialect=CHAT, **settings):
    config = LLMConfig("openai", "m", **settings)
    return dialect.body(completion_request(config, list(messages) or "hi", tools, tool_choice))


def streamed(*events):
    answer = CHAT.accumulator()
    pieces = [piece for event in events if (piece := answer.feed(event))]
    return answer, pieces


def chunk(delta=None, finish=None, **fields):
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
    return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "model": "m-1", "choices": choices, **fields}


# To the server


def test_settings_have_the_vendors_names():
    """Only those that were made are sent."""
    sent = body(
        temperature=0,
        max_tokens=5,
        top_p=0.5,
        stop_sequences=["END"],
        seed=7,
        logit_bias={"50256": -100},
        user_id="u",
        frequency_penalty=0.1,
        presence_penalty=0.2,
        response_format="json",
        options={"n": 1, "extra_body": {"reasoning_effort": "low"}},
    )
    assert sent == {
        "model": "m",
        "messages": [{"role": "user", "content": "hi"}],
        "temperature": 0,
        "max_completion_tokens": 5,
        "top_p": 0.5,
        "stop": ["END"],
        "seed": 7,
        "logit_bias": {"50256": -100},
        "user": "u",
        "frequency_penalty": 0.1,
        "presence_penalty": 0.2,
        "response_format": {"type": "json_object"},
        "n": 1,
        "reasoning_effort": "low",
    }
    assert body() == {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
    assert body(max_tokens=5, dialect=chat_dialect(ChatTraits()))["max_tokens"] == 5


def test_a_stream_is_asked_for_its_usage():
    """Unless the server is known not to take the question."""
    assert CHAT.stream_fields == {"stream": True, "stream_options": {"include_usage": True}}
    assert chat_dialect(ChatTraits(stream_usage=False)).stream_fields == {"stream": True}


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("auto", "auto"),
        ("none", "none"),
        ("required", "required"),
        ("any", "required"),
        ("add", {"type": "function", "function": {"name": "add"}}),
        ({"type": "tool", "name": "add"}, {"type": "function", "function": {"name": "add"}}),
        ({"type": "any"}, "required"),
        ({"type": "function", "function": {"name": "add"}}, {"type": "function", "function": {"name": "add"}}),
    ],
)
def test_the_choice_of_a_tool(given, sent):
    """In our words, in Anthropic's, or in the server's own."""
    assert body(tools=[{"name": "add", "parameters": {}}], tool_choice=given)["tool_choice"] == sent


def test_a_conversation_with_tools():
    """Calls with their JSON text as it came, and a message for each result."""
    call = ToolCall("add", {"a": 1}, "call_1", '{"a":1}')
    sent = body(
        LLMMessage("developer", "Be exact."),
        LLMMessage("user", "add", name="ann"),
        LLMMessage("assistant", "", tool_calls=[call, ToolCall("now", {}, "call_2")]),
        LLMMessage("tool", "1", tool_call_id="call_1"),
        LLMMessage("user", [ToolResult("call_2", "noon"), TextPart("and?")]),
    )["messages"]
    assert sent == [
        {"role": "developer", "content": "Be exact."},
        {"role": "user", "content": "add", "name": "ann"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {"id": "call_1", "type": "function", "function": {"name": "add", "arguments": '{"a":1}'}},
                {"id": "call_2", "type": "function", "function": {"name": "now", "arguments": "{}"}},
            ],
        },
        {"role": "tool", "content": "1", "tool_call_id": "call_1"},
        {"role": "tool", "tool_call_id": "call_2", "content": "noon"},
        {"role": "user", "content": [{"type": "text", "text": "and?"}]},
    ]


def test_results_alone_make_no_empty_message():
    """A user's message that only carries results is those results."""
    sent = body(LLMMessage("user", [ToolResult("c", [{"type": "text", "text": "3"}])]))["messages"]
    assert sent == [{"role": "tool", "tool_call_id": "c", "content": [{"type": "text", "text": "3"}]}]


def test_images_and_documents():
    """By address or as data, with what the vendor wants beside them."""
    blocks = [
        {"type": "image_url", "image_url": {"url": "https://example.org/a.png", "detail": "low"}},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}},
        {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,aGk="}},
        {"type": "file", "file": {"file_id": "file-1"}},
        {"type": "input_audio", "input_audio": {"data": "aGk=", "format": "wav"}},
    ]
    message = LLMMessage.from_dict({"role": "user", "content": blocks})
    assert body(message)["messages"][0]["content"] == blocks
    text = DocumentPart(data="plain words", media_type="text/plain")
    assert body(LLMMessage("user", [text]))["messages"][0]["content"] == [{"type": "text", "text": "plain words"}]
    with pytest.raises(ConfigError, match="no document by its address"):
        body(LLMMessage("user", [DocumentPart(url="https://example.org/a.pdf")]))


def test_what_another_vendor_wrote_is_left_out():
    """A talk that began with Anthropic goes on here: no thinking, no server tools, no citations, no cache marks."""
    blocks = [
        {"type": "thinking", "thinking": "hm", "signature": "sig"},
        {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}},
        {"type": "web_search_tool_result", "tool_use_id": "s", "content": []},
        {"type": "text", "text": "It rains.", "citations": [], "cache_control": {"type": "ephemeral"}},
        {"type": "tool_use", "id": "toolu_1", "name": "add", "input": {"a": 1}},
    ]
    message = LLMMessage.from_dict({"role": "assistant", "content": blocks})
    assert body(message)["messages"] == [
        {
            "role": "assistant",
            "content": [{"type": "text", "text": "It rains."}],
            "tool_calls": [{"id": "toolu_1", "type": "function", "function": {"name": "add", "arguments": '{"a": 1}'}}],
        }
    ]
    marked = LLMMessage("user", [TextPart("hi", {"cache_control": {"type": "ephemeral"}})])
    kept = body(marked, dialect=chat_dialect(ChatTraits(keeps_marks=True)))
    assert kept["messages"][0]["content"][0]["cache_control"] == {"type": "ephemeral"}


def test_the_old_form_of_a_call_is_sent_back_as_it_was():
    """function_call, and the message of role function that answers it."""
    call = {"name": "add", "arguments": "{}"}
    sent = body(
        LLMMessage("user", "hi"),
        LLMMessage("assistant", "", function_call=call),
        LLMMessage("function", "3", name="add"),
    )["messages"]
    assert sent[1:] == [
        {"role": "assistant", "content": None, "function_call": call},
        {"role": "function", "content": "3", "name": "add"},
    ]


def test_a_custom_tools_call_is_sent_back_as_it_was():
    """Its input is text, not JSON."""
    call = {"id": "c", "type": "custom", "custom": {"name": "sql", "input": "SELECT 1"}}
    message = LLMMessage.from_dict({"role": "assistant", "content": None, "tool_calls": [call]})
    assert body(message)["messages"][0]["tool_calls"] == [call]


# From the server

ANSWER = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "model": "gpt-x-2026",
    "service_tier": "default",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "Hello", "refusal": None, "annotations": []},
            "logprobs": None,
            "finish_reason": "length",
        }
    ],
    "usage": {
        "prompt_tokens": 19,
        "completion_tokens": 10,
        "total_tokens": 29,
        "prompt_tokens_details": {"cached_tokens": 4, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 3},
    },
}


def message_of(**fields):
    return {**ANSWER, "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", **fields}}]}


def test_an_answer_is_read():
    """Text, the vendor's words for model and finish reason, and its counts."""
    response = CHAT.response(ANSWER)
    assert (response.content, response.model, response.finish_reason) == ("Hello", "gpt-x-2026", "length")
    assert response.usage == {
        "prompt_tokens": 19,
        "completion_tokens": 10,
        "total_tokens": 29,
        "cached_tokens": 4,
        "reasoning_tokens": 3,
    }
    assert response.metadata == {"id": "chatcmpl-1", "service_tier": "default"}
    assert response.parts == []


def test_answers_of_other_servers_are_read():
    """Reasoning under either name, no usage, content in parts, a refusal."""
    assert CHAT.response(message_of(content="a", reasoning_content="hm")).reasoning == "hm"
    assert CHAT.response(message_of(content="a", reasoning="hm")).reasoning == "hm"
    assert CHAT.response({**message_of(content="a"), "usage": None}).usage is None
    response = CHAT.response(message_of(content=[{"type": "text", "text": "a"}]))
    assert (response.content, response.parts) == ("a", [TextPart("a")])
    refused = CHAT.response(message_of(content=None, refusal="No."))
    assert (refused.content, refused.parts) == ("No.", [RawPart({"type": "refusal", "refusal": "No."})])


def test_an_answer_without_choices_is_none():
    """An empty list is not an empty answer."""
    with pytest.raises(NoAnswer):
        CHAT.response({**ANSWER, "choices": []})


def test_a_stream_adds_up():
    """Text and reasoning become pieces, the rest comes with the whole answer."""
    answer, pieces = streamed(
        chunk({"role": "assistant", "content": ""}),
        chunk({"reasoning_content": "hm"}),
        chunk({"content": "Hel"}),
        chunk({"content": "lo"}, finish="stop"),
        chunk(usage={"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}),
        DONE,
    )
    assert [(piece.delta, piece.reasoning) for piece in pieces] == [("", "hm"), ("Hel", ""), ("lo", "")]
    response = answer.response()
    assert (response.content, response.reasoning, response.finish_reason) == ("Hello", "hm", "stop")
    assert (response.model, response.usage["total_tokens"]) == ("m-1", 3)
    assert answer.ended


def fragment(arguments, **fields):
    function = {name: fields.pop(name) for name in ("name",) if name in fields}
    return {"tool_calls": [{**fields, "function": {**function, "arguments": arguments}}]}


@pytest.mark.parametrize(
    "deltas",
    [
        # As OpenAI streams parallel calls.
        [
            fragment("", index=0, id="a", name="add"),
            fragment('{"x":', index=0),
            fragment("1}", index=0),
            fragment("", index=1, id="b", name="sub"),
            fragment('{"x":2}', index=1),
        ],
        # Servers that leave the index out, or give all calls the same.
        [fragment('{"x":1}', id="a", name="add"), fragment('{"x":2}', id="b", name="sub")],
        [
            fragment('{"x":', index=0, id="a", name="add"),
            fragment("1}", index=0),
            fragment('{"x":2}', index=0, id="b", name="sub"),
        ],
        # Fragments of two calls in turns.
        [
            fragment('{"x":', index=0, id="a", name="add"),
            fragment('{"x":', index=1, id="b", name="sub"),
            fragment("1}", index=0),
            fragment("2}", index=1),
        ],
    ],
)
def test_calls_are_put_together(deltas):
    """However a server cuts and numbers them."""
    answer, _ = streamed(*[chunk(delta) for delta in deltas], chunk({}, finish="tool_calls"))
    assert [(call.id, call.name, call.arguments) for call in answer.response().tool_calls] == [
        ("a", "add", {"x": 1}),
        ("b", "sub", {"x": 2}),
    ]


def test_text_beside_a_call_is_not_lost():
    """One chunk may bring both."""
    answer, pieces = streamed(chunk({"content": "I add.", **fragment("{}", index=0, id="a", name="add")}))
    assert [piece.kind for piece in pieces[0]] == ["text", "tool_call"]
    assert (pieces[0][0].delta, pieces[0][1].tool_call) == ("I add.", ToolCallPiece(0, "a", "add", "{}"))
    assert answer.response().tool_calls[0].name == "add"


def test_the_old_form_of_a_call_streams_too():
    """function_call in fragments."""
    answer, _ = streamed(
        chunk({"function_call": {"name": "add", "arguments": ""}}),
        chunk({"function_call": {"arguments": '{"a":'}}),
        chunk({"function_call": {"arguments": "1}"}}, finish="function_call"),
    )
    assert answer.response().function_call == {"name": "add", "arguments": '{"a":1}'}


def test_a_call_that_was_cut_keeps_its_text():
    """Half an object is no arguments, but it is what arrived."""
    answer, _ = streamed(chunk(fragment('{"x": "ha', index=0, id="a", name="add")))
    call = answer.response().tool_calls[0]
    assert (call.arguments, call.raw_arguments) == ({}, '{"x": "ha')
    assert not answer.complete


def test_other_choices_are_not_mixed_in():
    """With n above 1 the answer is the first choice."""
    other = {"choices": [{"index": 1, "delta": {"content": "B"}, "finish_reason": None}]}
    answer, _ = streamed(chunk({"content": "A"}), other, chunk({"content": "A"}, finish="stop"))
    assert answer.response().content == "AA"


def test_an_error_in_a_stream_is_raised():
    """Servers report errors after they said 200."""
    with pytest.raises(StreamError):
        streamed(chunk({"content": "a"}), {"error": {"message": "overloaded", "code": "server_error"}})


def test_reasoning_is_not_sent_back():
    """Chat completions have no place for it."""
    message = LLMMessage("assistant", [ReasoningPart("hm"), TextPart("ok"), ImagePart(url="https://x.example/a.png")])
    assert [block["type"] for block in body(message)["messages"][0]["content"]] == ["text", "image_url"]
