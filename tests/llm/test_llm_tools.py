"""Tools, in whichever form a caller has them."""

from __future__ import annotations

import pytest

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
