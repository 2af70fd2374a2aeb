"""Tools, in whichever form a caller has them."""

from __future__ import annotations

import pytest

from dknb.errors import ConfigError
from dknb.llm import LLMConfig
from dknb.llm.parts import part_from_dict
from dknb.llm.request import completion_request
from dknb.llm.tools import as_chat_tool, as_messages_tool, as_responses_tool, schema_of, tool_name

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
OURS = {"name": "weather", "description": "The weather", "parameters": SCHEMA}
CHAT = {"type": "function", "function": OURS}
RESPONSES = {"type": "function", **OURS}
MESSAGES = {"name": "weather", "description": "The weather", "input_schema": SCHEMA}


@pytest.mark.parametrize("tool", [OURS, CHAT, RESPONSES, MESSAGES], ids=["ours", "chat", "responses", "messages"])
def test_every_form_becomes_every_other(tool):
    """A tool means the same to each vendor."""
    assert as_chat_tool(tool) == CHAT
    assert as_responses_tool(tool) == RESPONSES
    assert as_messages_tool(tool) == MESSAGES
    assert (tool_name(tool), schema_of(tool)) == ("weather", SCHEMA)


def test_what_a_vendor_added_goes_back_to_it():
    """Marks of one vendor stay for it and are dropped for the others."""
    strict = {"type": "function", "function": {**OURS, "strict": True}}
    assert as_chat_tool(strict) == strict
    assert as_responses_tool(strict)["strict"] is True
    marked = {**MESSAGES, "cache_control": {"type": "ephemeral"}, "defer_loading": True}
    assert as_messages_tool(marked) == marked
    assert as_chat_tool(marked) == CHAT


@pytest.mark.parametrize("tool", [{"type": "web_search_20250305", "name": "web_search"}, {"type": "file_search"}])
def test_a_vendors_own_tool_stays_as_it_is(tool):
    """What the vendor runs itself is not a function."""
    assert as_messages_tool(tool) == tool
    assert as_responses_tool(tool) == tool
    assert as_chat_tool(tool) == tool


def test_a_tool_without_parameters_takes_none():
    """Vendors insist on a schema."""
    assert as_messages_tool({"name": "now"})["input_schema"] == {"type": "object", "properties": {}}
    assert as_chat_tool({"name": "now"})["function"]["parameters"] == {"type": "object", "properties": {}}


def test_a_tool_that_takes_free_text_is_wrapped_as_each_api_wants_it():
    """With its grammar."""
    grammar = {"syntax": "regex", "definition": "[0-9]+"}
    flat = {"type": "custom", "name": "dial", "format": {"type": "grammar", **grammar}}
    wrapped = {"type": "custom", "custom": {"name": "dial", "format": {"type": "grammar", "grammar": grammar}}}
    for tool in (flat, wrapped):
        assert (as_responses_tool(tool), as_chat_tool(tool)) == (flat, wrapped)


REFUSED = [
    ([{"name": "now"}], r"The tool 'now' has no schema"),
    ([{"type": "function", "function": {"name": "now"}}], r"The tool 'now' has no schema"),
    ([OURS, {"parameters": SCHEMA}], r"tools\[1\] has no name"),
    ([{"name": "", "parameters": SCHEMA}], r"tools\[0\] has no name"),
    ([OURS, CHAT], "Two tools are called 'weather'"),
    ([{"name": "now", "parameters": "none"}], "'now' is 'none', which is no JSON Schema"),
    ([{"name": "now", "input_schema": [1]}], r"'now' is \[1\], which is no JSON Schema"),
    ([{"name": "now", "parameters": {"type": "string"}}], "'now' is of type 'string'"),
    ([{"name": "now", "parameters": {"type": "object", "properties": [1]}}], r"tool 'now', 'properties' is \[1\]"),
    ([{"name": "now", "parameters": {"required": "city"}}], "tool 'now', 'required' is 'city'"),
    (["now"], r"tools\[0\] is 'now', which is no tool"),
]


@pytest.mark.parametrize(("tools", "says"), REFUSED)
def test_what_is_no_tool_is_refused_by_name(tools, says):
    """Before anything is sent."""
    with pytest.raises(ConfigError, match=says):
        completion_request(LLMConfig("openai", "m"), "hi", tools)


def test_a_choice_names_a_tool_that_is_there():
    """A near name is shown; a tool that the vendor runs may be called anything."""
    with pytest.raises(ConfigError, match=r"'wether', but there is no such tool. Did you mean 'weather'"):
        completion_request(LLMConfig("openai", "m"), "hi", [OURS], "wether")
    search = {"type": "web_search_20250305", "name": "web_search"}
    request = completion_request(LLMConfig("openai", "m"), "hi", [search], "web_search")
    assert request.tool_choice == "web_search"


def test_tools_without_schemas_of_ours_are_let_through():
    """Those that the vendor runs, and those that take free text."""
    tools = [{"type": "web_search"}, {"type": "custom", "name": "sql"}, {"type": "custom", "custom": {"name": "py"}}]
    assert completion_request(LLMConfig("openai", "m"), "hi", tools).tools == tools


@pytest.mark.parametrize(
    ("raw", "arguments", "error"),
    [
        ('{"x": 1}', {"x": 1}, None),
        ("{}", {}, None),
        ("", {}, None),
        ('{"x": ', {}, "the arguments are no JSON: Expecting value"),
        ("[1]", {}, r"the arguments are no JSON object, but [1]"),
    ],
)
def test_arguments_that_are_none_are_kept_and_said(raw, arguments, error):
    """Of JSON that was cut in half, the half stays in raw_arguments."""
    call = part_from_dict({"type": "function", "id": "a", "function": {"name": "add", "arguments": raw}})
    assert (call.arguments, call.arguments_json) == (arguments, raw)
    assert (call.error or "").startswith(error or "")
    assert (call.error is None) == (error is None)
