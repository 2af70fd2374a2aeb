"""What differs between families of models: data, with its source and date."""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["answer_tokens", "refused_settings"]


@dataclass(frozen=True)
class Family:
    """Models whose names match, and what is particular about them."""

    provider: str
    pattern: re.Pattern[str]
    refuses: tuple[str, ...] = ()
    answer_tokens: int | None = None


#: First match counts.
_FAMILIES = (
    # Reasoning models sample in their own way. Sources: docs.livekit.io/reference/agents/inference-llm-parameters
    # (temperature, top_p), docs.rs/openai-tools 1.0.7, ParameterSupport (penalties, bias), and for `stop` the SDK
    # openai 3.54.0, completion_create_params.py; November 2026.
    Family(
        "openai",
        re.compile(r"^(?:o\d|gpt-[5-9](?!.*chat))"),
        refuses=("temperature", "top_p", "presence_penalty", "frequency_penalty", "logit_bias", "stop_sequences"),
    ),
    # Most tokens of an answer: 4096 for Claude 3, 8192 and more since Claude 3.5. Source: Anthropic's table of models
    # as docs.aihubmix.com/en/api/Claude-Native repeats it; November 2026.
    Family("anthropic", re.compile(r"^claude-3-(?:opus|sonnet|haiku)"), answer_tokens=4096),
    Family("anthropic", re.compile(r""), answer_tokens=8192),
)


def _family(provider: str, model: str) -> Family | None:
    return next((row for row in _FAMILIES if row.provider == provider and row.pattern.search(model)), None)


def refused_settings(provider: str, model: str) -> tuple[str, ...]:
    """The settings that a model is known to refuse; they are sent all the same, and this explains the refusal."""
    family = _family(provider, model)
    return family.refuses if family else ()


def answer_tokens(provider: str, model: str) -> int | None:
    """The ``max_tokens`` to send where the vendor demands one and the caller gave none."""
    family = _family(provider, model)
    return family.answer_tokens if family else None
