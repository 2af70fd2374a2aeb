"""What is known of families of models."""

from __future__ import annotations

import re

import pytest

from dknb.llm import ModelCapability
from dknb.llm.families.anthropic import ANTHROPIC
from dknb.llm.families.open_weights import OPEN
from dknb.llm.families.openai import OPENAI
from dknb.llm.families.table import (
    answer_tokens,
    capabilities_of,
    is_reasoning,
    longest_answer,
    refused_settings,
    refused_together,
    system_role,
)


@pytest.mark.parametrize(
    ("provider", "model", "refused"),
    [
        ("openai", "o3-mini", True),
        ("openai", "gpt-5.4-2026-03-05", True),
        ("openai", "ft:o4-mini-2025-04-16:acme::id", True),
        ("openai", "gpt-5.3-chat-latest", False),
        ("openai", "gpt-4o", False),
        ("openai", "gpt-4.1-nano", False),
        ("anthropic", "claude-opus-4-7", True),
        ("anthropic", "claude-haiku-5-5", True),
        ("anthropic", "claude-sonnet-4-5-20250929", False),
        ("anthropic", "claude-opus-4-20250514", False),
        ("ollama", "o3-mini", False),
    ],
)
def test_who_refuses_a_temperature(provider, model, refused):
    """OpenAI's reasoning models, and Claude since Opus 4.7."""
    assert ("temperature" in refused_settings(provider, model)) is refused


@pytest.mark.parametrize(
    ("model", "apart"),
    [
        ("claude-opus-4-1-20250805", True),
        ("claude-haiku-4-5", True),
        ("claude-sonnet-4-6", True),
        ("claude-sonnet-4-20250514", False),
        ("claude-3-7-sonnet-latest", False),
    ],
)
def test_who_takes_a_temperature_or_a_top_p(model, apart):
    """Claude from Opus 4.1 to 4.6 takes one of them."""
    assert refused_together("anthropic", model) == (("temperature", "top_p") if apart else ())


def test_only_the_first_reasoning_models_have_no_system_message():
    """What is said to them as system goes as user."""
    assert [system_role("openai", model) for model in ("o1-mini", "o1-preview-2024-09-12")] == ["user", "user"]
    assert [system_role("openai", model) for model in ("o1", "gpt-5.4", "gpt-4o", "unknown")] == ["system"] * 4


@pytest.mark.parametrize(
    ("provider", "model", "sent", "longest"),
    [
        ("anthropic", "claude-3-opus-20240229", 4_096, 4_096),
        ("anthropic", "claude-3-5-haiku-latest", 8_192, 8_192),
        ("anthropic", "claude-sonnet-4-5", 8_192, 64_000),
        ("anthropic", "claude-opus-4-0", 8_192, 32_000),
        ("anthropic", "claude-opus-5-5", 8_192, 128_000),
        ("anthropic", "claude-of-tomorrow", 8_192, None),
        ("openai", "gpt-4o-2024-05-13", None, 4_096),
        ("openai", "gpt-4o", None, 16_384),
        ("openai", "gpt-5.4", None, 128_000),
        ("ollama", "llama3.2", None, None),
    ],
)
def test_how_long_an_answer_may_be(provider, model, sent, longest):
    """What is sent where the vendor demands a number, and the most there is."""
    assert (answer_tokens(provider, model), longest_answer(provider, model)) == (sent, longest)


def names(provider: str, model: str) -> set[str]:
    """The names of what a model can do."""
    return {one.name for one in capabilities_of(provider, model) or ()}


def test_capabilities_are_those_of_the_model():
    """Not those of its provider."""
    assert names("openai", "text-embedding-3-small") == {"EMBEDDINGS"}
    assert "VISION" in names("openai", "gpt-4o")
    assert not {"VISION", "JSON_MODE"} & names("openai", "gpt-4")
    assert "FUNCTION_CALLING" not in names("openai", "o1-mini")
    assert "CHAT" not in names("openai", "gpt-3.5-turbo-instruct")
    assert names("openai", "gpt-image-1") == names("openai", "whisper-1") == set()
    assert "JSON_MODE" in names("anthropic", "claude-sonnet-4-5")
    assert "JSON_MODE" not in names("anthropic", "claude-3-haiku-20240307")
    assert names("ollama", "nomic-embed-text") == {"EMBEDDINGS"}
    assert "VISION" in names("huggingface", "Qwen/Qwen2.5-VL-7B-Instruct")


def test_of_an_unknown_model_nothing_is_known():
    """Which is not the same as that it can do nothing."""
    assert capabilities_of("openai", "a-model-of-tomorrow") is None
    assert capabilities_of("ollama", "llama3.2") is None


def test_reasoning_is_known_of_models_that_think():
    """To ask for their reasoning, or not to ask those that have none."""
    assert [is_reasoning("openai", model) for model in ("o3", "gpt-5.4", "gpt-4o")] == [True, True, False]
    assert ModelCapability.REASONING in (capabilities_of("ollama", "deepseek-r1:8b") or ())


@pytest.mark.parametrize("row", [*OPENAI, *ANTHROPIC, *OPEN], ids=lambda row: row.names)
def test_every_row_says_where_it_is_from_and_when_it_was_read(row):
    """So that it can be looked up and replaced."""
    assert re.search(r"\b(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) 20\d\d$", row.source)
    assert "." in row.source
