"""Messages, one after the other."""

from __future__ import annotations

import pytest

from dknb.llm import LLMMessage, MessageBuilder, MessageTemplate, TemplateStrategy, TextPart, ToolCall


def test_messages_come_in_their_order():
    """Each method adds one; what was built does not change afterwards."""
    builder = MessageBuilder().system("Be kind.").user("hi").assistant("", tool_calls=[ToolCall("now", {}, "c")])
    built = builder.tool("noon", tool_call_id="c").build()
    builder.user("more")
    assert built == [
        LLMMessage("system", "Be kind."),
        LLMMessage("user", "hi"),
        LLMMessage("assistant", "", tool_calls=[ToolCall("now", {}, "c")]),
        LLMMessage("tool", "noon", tool_call_id="c"),
    ]


def test_a_template_is_filled():
    """A string has {{variables}} and ((sections)); a MessageTemplate has its own strategy."""
    text = "Hello {{name}}((, you have {{count}} messages))"
    simple = MessageTemplate("Hello {name}", strategy=TemplateStrategy.SIMPLE)
    built = MessageBuilder().from_template("user", text, name="Bob").from_template("user", simple, name="Ann").build()
    assert [message.content for message in built] == ["Hello Bob", "Hello Ann"]
    with pytest.raises(ValueError, match="name"):
        MessageBuilder().from_template("user", simple)


def test_content_may_be_parts():
    """Text and images in one message."""
    built = MessageBuilder().user(["look", {"type": "image_url", "image_url": {"url": "https://x.example/a.png"}}])
    assert built.build()[0].parts[0] == TextPart("look")
    assert built.message("developer", "x", name="n").build()[-1] == LLMMessage("developer", "x", name="n")
