"""What providers say of their models before a call: tokens and abilities."""

from __future__ import annotations

import asyncio

import pytest

from dknb.errors import ConfigError
from dknb.llm import ModelCapability, create_llm_provider, parse_spec
from dknb.llm.counting import tokenizers
from dknb.llm.counting.tokens import TokenCounter
from dknb.llm.messages import LLMMessage


@pytest.mark.parametrize(
    ("spec", "exact"), [("openai/gpt-4o", True), ("openai-compatible/m", False), ("echo", False), ("ollama/m", False)]
)
async def test_every_provider_counts_a_prompt(spec, exact):
    """With a tokenizer where there is one, and an estimate that says so elsewhere."""
    settings = {"api_base": "http://127.0.0.1:9/v1"} if spec.startswith("openai-c") else {}
    async with create_llm_provider(parse_spec(spec, system_prompt="Be kind.", **settings)) as provider:
        count = await provider.count_tokens("Hello there")
    messages = [LLMMessage("system", "Be kind."), LLMMessage("user", "Hello there")]
    assert count == TokenCounter.count_messages(messages, provider.model)
    assert count.exact is exact


async def test_the_table_is_loaded_beside_the_loop():
    """A count lets others go on while the first of a process loads what it needs."""
    tokenizers._load.cache_clear()
    turns = 0

    async def others():
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    task = asyncio.create_task(others())
    async with create_llm_provider("openai/gpt-4o") as provider:
        await provider.count_tokens("Hello there")
    task.cancel()
    assert turns > 10


@pytest.mark.parametrize(
    ("spec", "ability", "able"),
    [
        ("openai/gpt-4o", ModelCapability.VISION, True),
        ("openai/gpt-4", ModelCapability.VISION, False),
        ("openai/text-embedding-3-small", ModelCapability.CHAT, False),
        ("openai/a-model-of-tomorrow", ModelCapability.CHAT, True),
        ("anthropic/claude-3-haiku-20240307", ModelCapability.JSON_MODE, False),
        ("anthropic/claude-sonnet-4-5", ModelCapability.REASONING, True),
        ("anthropic/claude-2.1", ModelCapability.VISION, False),
        ("anthropic/claude-2.1", ModelCapability.CHAT, True),
        ("anthropic/claude-instant-1.2", ModelCapability.FUNCTION_CALLING, False),
        ("openai/a-model-of-tomorrow", ModelCapability.VISION, False),
        ("ollama/llama3", ModelCapability.VISION, False),
        ("ollama/llama3", ModelCapability.STREAMING, True),
        ("huggingface/google-bert/bert-base-uncased", ModelCapability.FUNCTION_CALLING, False),
    ],
)
def test_capabilities_are_those_of_the_model(spec, ability, able):
    """From the tables; of an unknown model, no more than that it chats."""
    assert (ability in create_llm_provider(spec).get_capabilities()) is able


def test_messages_count_in_every_form_that_a_call_takes():
    """A text, a message alone, and plain data are the same as messages."""
    expected = TokenCounter.count_messages([LLMMessage("user", "Hello there")], "openai/gpt-4o")
    data = {"role": "user", "content": "Hello there"}
    for form in ("Hello there", data, [data], LLMMessage("user", "Hello there")):
        assert TokenCounter.count_messages(form, "openai/gpt-4o") == expected


def test_what_is_no_text_and_no_message_is_refused():
    """And the hint says what counts messages."""
    with pytest.raises(ConfigError, match="is no text") as caught:
        TokenCounter.count([LLMMessage("user", "hi")])
    assert "count_messages" in caught.value.hint
    with pytest.raises(ConfigError, match="'hi' is no message"):
        TokenCounter.count_messages(["hi"])
