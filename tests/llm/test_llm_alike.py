"""Requests that mean the same have one key, and others do not."""

from __future__ import annotations

from typing import Any

import pytest
from recording_help import asking

from dknb.llm.dialects.alike import alike_key
from dknb.llm.recordings.recording import request_key

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
PLAIN = {"type": "object", "properties": {"title": {"type": "string"}, "default": {"enum": [{"title": 1}]}}}
NOTED = {
    "title": "City",
    "type": "object",
    "properties": {
        "title": {"type": "string", "default": "Paris", "title": "Title"},
        "default": {"enum": [{"title": 1}], "examples": [1]},
    },
}
TALK = [
    {"role": "user", "content": "Weather?"},
    {"role": "assistant", "content": "", "tool_calls": [{"type": "tool_call", "id": "c1", "name": "weather"}]},
    {"role": "tool", "content": "sunny", "tool_call_id": "c1"},
]


def tools(tool: dict[str, Any], **more: Any) -> dict[str, Any]:
    return asking(tools=[tool], **more)


OURS = tools({"name": "weather", "description": "Tells it.", "parameters": SCHEMA})
SAME = [
    (asking(), asking(messages=[{"role": "developer", "content": "Be kind."}, asking()["messages"][1]])),
    (
        asking(),
        asking(
            messages=[
                asking()["messages"][0],
                {"role": "user", "content": [{"type": "text", "text": asking()["messages"][1]["content"]}]},
            ]
        ),
    ),
    (
        asking(),
        asking(messages=asking()["messages"][1:], options={"instructions": "Be kind.", "store": False, "api": "chat"}),
    ),
    (asking(settings={"max_tokens": 9}), asking(settings={}, options={"max_completion_tokens": 9})),
    (asking(settings={"stop_sequences": ["x"]}), asking(settings={}, options={"stop": "x"})),
    (asking(settings={}), asking(settings={}, options={"n": 1})),
    (OURS, tools({"type": "function", "function": {"name": "weather", "description": "Tells it.", "parameters": SCHEMA}})),
    (OURS, tools({"name": "weather", "description": "Tells it.", "input_schema": SCHEMA}, tool_choice="auto")),
    (OURS, tools({"type": "function", "name": "weather", "description": "Tells it.", "parameters": SCHEMA, "strict": True})),
    (
        {**OURS, "tool_choice": "weather"},
        {**OURS, "tool_choice": {"type": "function", "function": {"name": "weather"}}},
    ),
    ({**OURS, "tool_choice": "required"}, {**OURS, "tool_choice": {"type": "any"}}),
    (
        asking(settings={"response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": SCHEMA}}}),
        asking(settings={}, options={"text": {"format": {"type": "json_schema", "name": "b", "schema": SCHEMA}}}),
    ),
    (
        asking(settings={"response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": NOTED}}}),
        asking(settings={}, options={"text": {"format": {"type": "json_schema", "name": "b", "schema": PLAIN}}}),
    ),
    (tools({"name": "weather", "parameters": NOTED}), tools({"name": "weather", "parameters": PLAIN})),
    (
        asking(settings={}, options={"reasoning": {"effort": "low"}}),
        asking(settings={}, options={"reasoning_effort": "low"}),
    ),
    (
        asking(messages=TALK),
        asking(
            messages=[
                {"role": "user", "content": "Weather?"},
                {"role": "assistant", "content": [{"type": "tool_use", "id": "c1", "name": "weather", "input": {}}]},
                {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c1", "content": "sunny"}]},
            ]
        ),
    ),
]  # fmt: skip
OTHER = [
    (asking("One"), asking("Two")),
    (asking(), asking(model="gpt-5.4")),
    (asking(settings={"temperature": 0}), asking(settings={"temperature": 1})),
    (asking(), asking(options={"reasoning": {"effort": "high"}})),
    (OURS, {**OURS, "tool_choice": "required"}),
    ({**OURS, "tool_choice": "required"}, {**OURS, "tool_choice": {"type": "tool", "name": "required"}}),
    (asking(messages=TALK), asking(messages=TALK[:2])),
    (
        asking(messages=[{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]),
        asking(messages=[{"role": "assistant", "content": "a"}, {"role": "user", "content": "b"}]),
    ),
    (
        asking(messages=[{"role": "user", "content": [{"type": "image", "data": "aaaa", "media_type": "image/png"}]}]),
        asking(messages=[{"role": "user", "content": [{"type": "image", "data": "bbbb", "media_type": "image/png"}]}]),
    ),
    (asking(settings={}), asking(settings={"response_format": "json"})),
    (
        tools({"name": "weather", "parameters": PLAIN}),
        tools({"name": "weather", "parameters": {"type": "object", "properties": {"default": {"enum": [{}]}}}}),
    ),
    (asking(options={"reasoning_effort": "low"}), asking(options={"reasoning": {"effort": "high"}})),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_equal_requests_in_other_words_are_alike(one, other):
    """Whichever vendor's form a system prompt, a tool, a choice, a schema or a result is written in."""
    assert alike_key(one) == alike_key(other)
    assert request_key(one) != request_key(other)


@pytest.mark.parametrize(("one", "other"), OTHER)
def test_what_may_be_answered_differently_is_not_alike(one, other):
    """What is said, by whom, with which settings, tools and images decides."""
    assert alike_key(one) != alike_key(other)


def test_the_two_kinds_of_keys_never_meet():
    """An imported entry is found by its own kind of key only."""
    assert alike_key(asking()) != request_key(asking())
