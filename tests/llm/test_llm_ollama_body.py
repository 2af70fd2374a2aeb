"""What is sent to Ollama."""

from __future__ import annotations

import pytest

from dknb.errors import ConfigError
from dknb.llm import DocumentPart, ImagePart, LLMConfig, LLMMessage, ReasoningPart, TextPart, ToolCall, ToolResult
from dknb.llm.dialects.ollama_body import chat_body, embed_body, generate_body
from dknb.llm.request import completion_request, embedding_request

PNG = "iVBORw0KGgo="
ADD = {"name": "add", "description": "Adds.", "parameters": {"type": "object"}}


def asked(messages="hi", body=chat_body, tools=None, tool_choice=None, **settings):
    config = LLMConfig("ollama", "llama3.2", **settings)
    return body(completion_request(config, messages, tools, tool_choice))


def sent(*messages, **settings):
    return asked(list(messages), **settings)["messages"]


def test_a_chat_asks_for_no_stream_unless_it_is_one():
    """Ollama streams when nothing is said."""
    assert asked() == {"model": "llama3.2", "messages": [{"role": "user", "content": "hi"}], "stream": False}


def test_settings_are_options_of_the_model():
    """Under Ollama's names for them."""
    body = asked(
        temperature=0, max_tokens=5, top_p=0.5, seed=7, stop_sequences=["x"], frequency_penalty=1, presence_penalty=2
    )
    assert body["options"] == {
        "temperature": 0,
        "num_predict": 5,
        "top_p": 0.5,
        "seed": 7,
        "stop": ["x"],
        "frequency_penalty": 1,
        "presence_penalty": 2,
    }


def test_options_go_where_they_belong():
    """How the server is to go about it beside the messages; what the model is to do among its options."""
    options = {"keep_alive": "5m", "think": "high", "num_ctx": 4096, "top_k": 3}
    body = asked(options={**options, "extra_body": {"new_field": 1, "options": {"min_p": 0.1}}}, temperature=1)
    assert (body["keep_alive"], body["think"], body["new_field"]) == ("5m", "high", 1)
    assert body["options"] == {"temperature": 1, "num_ctx": 4096, "top_k": 3, "min_p": 0.1}


@pytest.mark.parametrize(
    ("wanted", "sent_as"),
    [
        ("json", "json"),
        ({"type": "json_object"}, "json"),
        ({"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "array"}}}, {"type": "array"}),
        ({"type": "json_schema", "name": "a", "schema": {"type": "array"}}, {"type": "array"}),
        ({"type": "object", "properties": {}}, {"type": "object", "properties": {}}),
    ],
)
def test_a_response_format_is_json_or_the_schema(wanted, sent_as):
    """However it is written."""
    request = completion_request(LLMConfig("ollama", "m"), "hi")
    request.settings["response_format"] = wanted
    assert chat_body(request)["format"] == sent_as


def test_plain_text_is_no_format():
    """It is what comes anyway."""
    assert "format" not in asked(response_format="text")


@pytest.mark.parametrize("setting", [{"logit_bias": {"1": 1.0}}, {"user_id": "u"}])
def test_a_setting_that_it_has_not_is_named(setting):
    """Before anything is sent."""
    with pytest.raises(ConfigError, match=next(iter(setting))):
        asked(**setting)


def test_tools_are_offered_as_functions():
    """None of them where none is to be called."""
    function = {"type": "function", "function": ADD}
    assert asked(tools=[ADD])["tools"] == asked(tools=[ADD], tool_choice="auto")["tools"] == [function]
    assert "tools" not in asked(tools=[ADD], tool_choice="none")


@pytest.mark.parametrize("choice", ["required", "add", {"type": "function", "function": {"name": "add"}}])
def test_a_call_cannot_be_demanded(choice):
    """Its API has no word for that, and leaving it out silently would not do what was asked."""
    with pytest.raises(ConfigError, match="cannot make a model call a tool"):
        asked(tools=[ADD], tool_choice=choice)


def test_calls_and_results_go_back():
    """Arguments as an object; a result with the name of its tool, which older servers tell it by."""
    call = ToolCall("add", {"a": 1}, "c1", raw_arguments='{"a": 1}')
    messages = sent(
        LLMMessage("assistant", tool_calls=[call], reasoning="Add them."), LLMMessage("tool", "2", tool_call_id="c1")
    )
    function = {"id": "c1", "function": {"name": "add", "arguments": {"a": 1}}}
    assert messages == [
        {"role": "assistant", "content": "", "thinking": "Add them.", "tool_calls": [function]},
        {"role": "tool", "content": "2", "tool_name": "add", "tool_call_id": "c1"},
    ]


def test_results_in_one_message_become_messages():
    """As Anthropic writes them; with their images, and before what the user says besides."""
    calls = [ToolCall("add", {}, "c1"), ToolCall("look", {}, "c2")]
    image = {"type": "image", "data": PNG, "media_type": "image/png"}
    results = [ToolResult("c1", "2"), ToolResult("c2", [{"type": "text", "text": "this"}, image]), TextPart("And?")]
    assert sent(LLMMessage("assistant", tool_calls=calls), LLMMessage("user", results))[1:] == [
        {"role": "tool", "content": "2", "tool_name": "add", "tool_call_id": "c1"},
        {"role": "tool", "content": "this", "images": [PNG], "tool_name": "look", "tool_call_id": "c2"},
        {"role": "user", "content": "And?"},
    ]


def test_the_old_form_of_a_call_goes_back_too():
    """One function, by its name."""
    called = LLMMessage("assistant", function_call={"name": "add", "arguments": '{"a": 1}'})
    assert sent(called, LLMMessage("function", "2", name="add")) == [
        {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "add", "arguments": {"a": 1}}}]},
        {"role": "tool", "content": "2", "tool_name": "add"},
    ]


def test_images_and_texts_of_a_message():
    """Images beside the content, text documents in it, and what another vendor's model thought as text."""
    document = DocumentPart(data="Facts.", media_type="text/plain")
    image = ImagePart(data=PNG, media_type="image/png")
    assert sent(LLMMessage("user", [image, document, "What?"])) == [
        {"role": "user", "content": "Facts.\n\nWhat?", "images": [PNG]}
    ]
    assert sent(LLMMessage("assistant", [ReasoningPart("Hm.", signature="s"), TextPart("So.")])) == [
        {"role": "assistant", "content": "So.", "thinking": "Hm."}
    ]


@pytest.mark.parametrize(
    ("part", "says"),
    [
        (ImagePart(url="https://host.example/a.png"), "no image by its address"),
        (DocumentPart(data="JVBERi0=", media_type="application/pdf", name="a.pdf"), "a.pdf"),
        (DocumentPart(url="https://host.example/a.pdf"), "a.pdf"),
    ],
)
def test_what_it_cannot_read_is_refused(part, says):
    """Before anything is sent."""
    with pytest.raises(ConfigError, match=says):
        sent(LLMMessage("user", [part]))


def test_a_developer_is_the_system():
    """Ollama knows no other word."""
    assert sent(LLMMessage("developer", "Be kind."))[0]["role"] == "system"


def test_a_text_is_gone_on_with_raw():
    """No template makes a question of it, unless the caller says so."""
    messages = [LLMMessage("system", "Notes."), LLMMessage("user", "Once upon")]
    assert asked(messages, generate_body, temperature=1) == {
        "model": "llama3.2",
        "prompt": "Notes.\n\nOnce upon",
        "stream": False,
        "raw": True,
        "options": {"temperature": 1},
    }
    assert asked("hi", generate_body, options={"raw": False})["raw"] is False
    assert "raw" not in asked("hi", generate_body, options={"suffix": "end"})
    image = ImagePart(data=PNG, media_type="image/png")
    assert asked([LLMMessage("user", [image, "What?"])], generate_body)["images"] == [PNG]


def test_texts_to_embed():
    """With how many numbers a vector is to have, and how the model is to be run."""
    config = LLMConfig("ollama", "m", options={"dimensions": 64, "truncate": False, "num_ctx": 512})
    assert embed_body(embedding_request(config, ["a", "b"])) == {
        "model": "m",
        "input": ["a", "b"],
        "dimensions": 64,
        "truncate": False,
        "options": {"num_ctx": 512},
    }
