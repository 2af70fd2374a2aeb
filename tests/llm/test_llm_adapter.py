"""A vendor's form of messages, settings, tools and answers."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from dknb.errors import ConfigError
from dknb.llm import (
    AnthropicAdapter,
    AsyncLLMProvider,
    LLMAdapter,
    LLMConfig,
    LLMMessage,
    LLMResponse,
    LLMStreamResponse,
    ModelCapability,
    OllamaAdapter,
    OpenAIAdapter,
)

SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}}
SAID = [LLMMessage("system", "Be kind."), LLMMessage("user", "hi")]


@dataclass
class Tool:
    name: str = "add"
    description: str = "Adds."
    schema: dict = field(default_factory=lambda: SCHEMA)


def test_messages_as_each_vendor_takes_them():
    """Anthropic takes the system prompt apart; nobody changes what is given."""
    chat = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "hi"}]
    assert OpenAIAdapter().adapt_messages(SAID) == chat
    assert OllamaAdapter().adapt_messages(SAID[1:], system_prompt="Be kind.") == chat
    system, messages = AnthropicAdapter().adapt_messages(SAID)
    assert (system, [message["role"] for message in messages]) == ("Be kind.", ["user"])
    assert AnthropicAdapter().adapt_messages(SAID[1:])[0] == ""
    assert [LLMMessage("system", "Be kind."), LLMMessage("user", "hi")] == SAID


def test_settings_by_each_vendors_names():
    """The model is among them, the messages are not."""
    settings = {"model": "m", "temperature": 0.5, "max_tokens": 7, "stop_sequences": ["x"]}
    said = OpenAIAdapter().adapt_config(LLMConfig("openai", **settings))
    assert said == {"model": "m", "temperature": 0.5, "max_completion_tokens": 7, "stop": ["x"]}
    said = AnthropicAdapter().adapt_config(LLMConfig("anthropic", **settings))
    assert said == {"model": "m", "temperature": 0.5, "max_tokens": 7, "stop_sequences": ["x"]}
    said = OllamaAdapter().adapt_config(LLMConfig("ollama", **settings))
    assert said == {"model": "m", "options": {"temperature": 0.5, "num_predict": 7, "stop": ["x"]}}


@pytest.mark.parametrize("tool", [Tool(), {"name": "add", "description": "Adds.", "parameters": SCHEMA}])
def test_tools_as_each_vendor_takes_them(tool):
    """From objects and from dicts."""
    wrapped = [{"type": "function", "function": {"name": "add", "description": "Adds.", "parameters": SCHEMA}}]
    assert OpenAIAdapter().adapt_tools([tool]) == OllamaAdapter().adapt_tools([tool]) == wrapped
    assert AnthropicAdapter().adapt_tools([tool]) == [{"name": "add", "description": "Adds.", "input_schema": SCHEMA}]
    with pytest.raises(ConfigError, match="is no tool"):
        OpenAIAdapter().adapt_tools(["add"])


def test_answers_of_each_vendor():
    """From plain data or from an object of the SDK; what is no answer is an error."""
    chat = {"model": "m", "choices": [{"message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}]}
    assert OpenAIAdapter().adapt_response(chat).content == "Hello"

    class Reply:
        def model_dump(self):
            return {"model": "m", "content": [{"type": "text", "text": "Hello"}], "stop_reason": "end_turn"}

    assert AnthropicAdapter().adapt_response(Reply()).content == "Hello"
    ollama = {"model": "m", "message": {"role": "assistant", "content": "Hello"}, "done": True, "done_reason": "stop"}
    assert OllamaAdapter().adapt_response(ollama).content == "Hello"
    with pytest.raises(ConfigError, match="is no answer of openai"):
        OpenAIAdapter().adapt_response({"choices": []})


async def test_a_provider_can_be_built_on_one():
    """Its adapter translates; everything around the call comes with the base class."""

    class MyAdapter(LLMAdapter):
        def adapt_messages(self, messages, system_prompt=None):
            return "\n".join(message.content for message in messages)

        def adapt_response(self, response):
            return LLMResponse(response["text"], finish_reason="stop")

        def adapt_config(self, config):
            return {"heat": config.temperature}

        def adapt_tools(self, tools):
            return []

    class Mine(AsyncLLMProvider):
        adapter = MyAdapter()

        def get_capabilities(self):
            return [ModelCapability.CHAT]

        async def _complete(self, request, config):
            sent = self.adapter.adapt_messages(request.full_messages())
            heat = self.adapter.adapt_config(config)["heat"]
            return self.adapter.adapt_response({"text": f"{sent.upper()} at {heat}"})

        async def _stream(self, request, config):
            yield LLMStreamResponse(is_final=True, response=await self._complete(request, config))

    response = await Mine({"provider": "echo", "temperature": 0.5}).complete("hi")
    assert response.content == "HI at 0.5"
    assert response.metadata["duration_s"] >= 0
