"""Which providers have batches."""

from __future__ import annotations

from typing import Any

from ...errors import ConfigError
from .service import BatchService

__all__ = ["service_of"]


def service_of(provider: Any) -> BatchService:
    """The batch API of a provider.

    Raises:
        ConfigError: It has none.
    """
    from ..providers.anthropic import AnthropicProvider
    from ..providers.compatible import OpenAICompatibleProvider
    from ..providers.openai import OpenAIProvider
    from .anthropic_batches import AnthropicBatches
    from .openai_batches import OpenAIBatches

    if isinstance(provider, AnthropicProvider):
        return AnthropicBatches(provider)
    if isinstance(provider, OpenAIProvider | OpenAICompatibleProvider):
        return OpenAIBatches(provider)
    raise ConfigError(
        f"{provider.provider} has no batch API that is spoken here.",
        hint="Batches are for openai, anthropic and openai-compatible; others are asked call by call:  run()",
    )
