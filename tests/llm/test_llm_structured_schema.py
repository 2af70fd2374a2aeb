"""Schemas as they are sent, tool arguments, and the mode ``instruct``."""

from __future__ import annotations

import sys
from typing import TypedDict

import pytest
from llm_server import Reply
from provider_help import ask, whole
from pydantic import BaseModel

from dknb.errors import ConfigError
from dknb.llm import ImagePart, LLMConfig, LLMMessage, TextPart, ToolCall, validate_arguments
from dknb.llm.answers.answer_shape import canonical_format
from dknb.llm.answers.strict_schema import all_in_words, strict_schema
from dknb.llm.request import completion_request


class Node(BaseModel):
    """A tree."""

    value: int | None = None
    kids: list[Node] = []


def closed(**properties):
    whole = {"type": "object", "properties": properties, "required": list(properties)}
    return {**whole, "additionalProperties": False}


TEXT = {"type": "string"}


def test_a_recursive_model_has_an_object_at_its_root():
    """Every object is closed and requires all it has, since the model's defaults are known here."""
    told = canonical_format(Node)["json_schema"]
    assert (told["name"], told["strict"]) == ("Node", True)
    for schema in (told["schema"], told["schema"]["$defs"]["Node"]):
        assert (schema["type"], schema["required"]) == ("object", ["value", "kids"])
        assert schema["additionalProperties"] is False
        assert schema["properties"]["kids"]["items"] == {"$ref": "#/$defs/Node"}


def test_names_are_the_same_in_every_module():
    """They are part of what is recorded."""
    assert canonical_format(list[Node])["json_schema"]["name"] == "list_Node"


@pytest.mark.parametrize(
    ("schema", "strict"),
    [
        ({"type": "object", "properties": {"a": TEXT}, "required": ["a"]}, closed(a=TEXT)),
        (closed(a={"oneOf": [TEXT, {"type": "null"}]}), closed(a={"anyOf": [TEXT, {"type": "null"}]})),
        (closed(a={"allOf": [TEXT]}), closed(a=TEXT)),
        (closed(a={**TEXT, "default": "x", "examples": ["y"]}), closed(a=TEXT)),
        (closed(a={**TEXT, "minLength": 2}), closed(a={**TEXT, "description": "(minLength: 2)"})),
        (
            closed(a={**TEXT, "description": "A name.", "maxLength": 9}),
            closed(a={**TEXT, "description": "A name. (maxLength: 9)"}),
        ),
        (closed(minLength=TEXT, default=TEXT), closed(minLength=TEXT, default=TEXT)),
        ({"type": "object", "properties": {"a": TEXT}}, None),
        ({"type": "object", "additionalProperties": TEXT}, None),
        (closed(a={}), None),
        (closed(a={"type": "array", "prefixItems": [TEXT]}), None),
        (closed(a={"not": TEXT}), None),
        (closed(a={"allOf": [TEXT, {"maxLength": 3}]}), None),
        (closed(a={"type": ["object", "null"]}), None),
    ],
)
def test_what_can_be_strict_is(schema, strict):
    """Unknown keywords become words; what cannot be said so, or would be demanded without need, is not strict."""
    assert strict_schema(schema) == strict
    told = canonical_format(schema)["json_schema"]
    assert told["strict"] is (strict is not None)
    assert told["schema"] == (strict or schema)


def test_words_replace_keywords_at_every_depth():
    """In properties, items and alternatives."""
    number = {"type": "integer", "minimum": 1}
    said = {"type": "integer", "description": "(minimum: 1)"}
    schema = closed(a={"type": "array", "items": {"anyOf": [number, TEXT]}})
    assert all_in_words(schema, frozenset({"minimum"})) == closed(a={"type": "array", "items": {"anyOf": [said, TEXT]}})


@pytest.mark.parametrize("wanted", ["json", {"type": "json_object"}, {"type": "json_schema", "schema": closed(a=TEXT)}])
def test_a_vendors_own_format_is_sent_as_it_is(wanted):
    """So that recordings of it keep replaying."""
    request = completion_request(LLMConfig("echo", response_format=wanted), "hi")
    assert request.canonical()["settings"]["response_format"] == wanted


ADD = {"name": "add", "parameters": {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}}


@pytest.mark.parametrize(
    ("call", "faults"),
    [
        (ToolCall("add", {"a": 1}), []),
        (ToolCall("add", {"a": "x"}), ["$.a: 'x' is not of type 'integer'"]),
        (ToolCall("add", {}), ["$: 'a' is a required property"]),
        (ToolCall("add", {}, raw_arguments='{"a": 1'), ["$: The arguments are no JSON object: '{\"a\": 1'"]),
        (ToolCall("add", {}, raw_arguments="[1]"), ["$: The arguments are no JSON object: '[1]'"]),
    ],
)
@pytest.mark.parametrize("form", ["ours", "chat", "anthropic"])
def test_tool_arguments_are_checked(call, faults, form):
    """By the tool's schema, however the tool is written; cut JSON says so."""
    tool = {
        "ours": ADD,
        "chat": {"type": "function", "function": ADD},
        "anthropic": {"name": "add", "input_schema": ADD["parameters"]},
    }[form]
    assert validate_arguments(tool, call) == faults


def test_a_tool_with_a_broken_schema_is_refused():
    """That is the tool's fault, not the call's."""
    with pytest.raises(ConfigError, match="is no JSON Schema"):
        validate_arguments({"name": "a", "parameters": {"type": 3}}, ToolCall("a", {"x": 1}))


TALK = [LLMMessage("user", "Hello"), LLMMessage("assistant", "Hi"), LLMMessage("user", "Sum up")]


async def test_instruct_says_all_at_once():
    """One message of the user's beside the system prompt, on the wire."""
    settings = {"mode": "instruct", "system_prompt": "Be kind.", "options": {"api": "chat"}}
    _, server = await ask(Reply(whole()), text=TALK, **settings)
    assert server.asked[0].body["messages"] == [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "User: Hello\n\nAssistant: Hi\n\nUser: Sum up"},
    ]


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        ([LLMMessage("user", "one")], [("user", "one")]),
        ([LLMMessage("user", "one"), LLMMessage("user", "two")], [("user", "one\n\ntwo")]),
        ([LLMMessage("system", "s"), LLMMessage("user", "one")], [("system", "s"), ("user", "one")]),
        (
            [LLMMessage("assistant", tool_calls=[ToolCall("f", id="1")]), LLMMessage("tool", "5", tool_call_id="1")],
            [("assistant", ""), ("tool", "5")],
        ),
    ],
)
def test_instruct_joins_what_can_be_joined(messages, expected):
    """One message stays what it is, and so do calls of tools."""
    request = completion_request(LLMConfig("echo", mode="instruct"), messages)
    assert [(message.role, message.content) for message in request.messages] == expected


def test_instruct_keeps_images():
    """They are in the one message, and the caller's messages are as they were."""
    image = ImagePart(url="https://example.com/a.png")
    messages = [LLMMessage("user", ["Look", image]), LLMMessage("user", "What is it?")]
    request = completion_request(LLMConfig("echo", mode="instruct"), messages)
    assert request.messages[0].parts == [image, TextPart("Look\n\nWhat is it?")]
    assert (messages[0].content, messages[1].parts) == ("Look", [])


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="pydantic reads the library's TypedDict since Python 3.12")
def test_an_old_typed_dict_names_the_import_that_works():
    """The error is ours, and the hint is what to type."""

    class City(TypedDict):
        name: str

    with pytest.raises(ConfigError, match="response_format City has no JSON Schema") as caught:
        canonical_format(City)
    assert caught.value.hint == "from typing_extensions import TypedDict"
