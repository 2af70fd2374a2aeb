"""The providers that dknb brings, and those that other packages add.

Another package adds a provider with one line of its ``pyproject.toml``::

    [project.entry-points."dknb.providers"]
    acme = "acme_models.provider:AcmeProvider"

where ``AcmeProvider`` is a subclass of `dknb.llm.AsyncLLMProvider`. It is then a model spec like any other:
``acme/some-model``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from ..errors import ConfigError, did_you_mean

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

__all__ = ["ProviderRow", "known_providers", "owner_of", "provider_row"]

GROUP = "dknb.providers"


@dataclass(frozen=True)
class ProviderRow:
    """Where a provider's class is, and what it takes when nothing is said.

    Attributes:
        target: ``"module:Class"``; imported at first use.
        default_model: The model of a spec that names none; None when there is no sensible one.
        key_variable: The environment variable that holds its key; None when it needs none.
        example: A spec to show to somebody who left the model out.
    """

    target: str
    default_model: str | None = None
    key_variable: str | None = None
    example: str = ""


#: Default models: from the lists in openai 3.54.0 and anthropic 2.12.0 (November 2026), not announced to be shut down.
_BUILT_IN = {
    "echo": ProviderRow("dknb.llm.echo:EchoProvider", default_model="echo"),
    "openai": ProviderRow("dknb.llm.openai:OpenAIProvider", "gpt-5.4-mini", "OPENAI_API_KEY", "openai/gpt-5.4-mini"),
    "anthropic": ProviderRow(
        "dknb.llm.anthropic:AnthropicProvider", "claude-sonnet-4-5", "ANTHROPIC_API_KEY", "anthropic/claude-sonnet-4-5"
    ),
    "ollama": ProviderRow("dknb.llm.ollama:OllamaProvider", example="ollama/llama3.2"),
    "huggingface": ProviderRow(
        "dknb.llm.huggingface:HuggingFaceProvider",
        key_variable="HF_TOKEN",
        example="huggingface/meta-llama/Llama-3.1-8B-Instruct",
    ),
    "openai-compatible": ProviderRow(
        "dknb.llm.compatible:OpenAICompatibleProvider", example="openai-compatible/my-model"
    ),
}


@cache
def _added() -> dict[str, EntryPoint]:
    from importlib.metadata import entry_points

    return {point.name: point for point in entry_points(group=GROUP)}


def known_providers() -> list[str]:
    """The names that a model spec can begin with, dknb's own first."""
    return [*_BUILT_IN, *(name for name in _added() if name not in _BUILT_IN)]


#: How the models of a provider are called, for somebody who leaves the provider out.
_FAMILIES = {
    "openai": ("gpt-", "chatgpt-", "o1", "o3", "o4"),
    "anthropic": ("claude-",),
    "ollama": ("llama", "mistral", "qwen", "gemma", "phi", "deepseek"),
}


def owner_of(name: str) -> str | None:
    """The provider of a model that is named without one, as far as its name tells."""
    if name in known_providers():
        return None
    return next((provider for provider, begins in _FAMILIES.items() if name.lower().startswith(begins)), None)


def provider_row(name: str) -> ProviderRow:
    """The row of a provider, dknb's own or another package's.

    Raises:
        ConfigError: No provider has this name.
    """
    if row := _BUILT_IN.get(name):
        return row
    if point := _added().get(name):
        return ProviderRow(point.value)
    raise ConfigError(
        f"There is no provider {name!r}.{did_you_mean(name, known_providers())}",
        hint=f"Known providers: {', '.join(known_providers())}",
    )
