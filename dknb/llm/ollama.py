"""Ollama: models on one's own machine."""

from __future__ import annotations

import os

from ..errors import ConfigError
from .availability import ollama_url
from .config import ModelCapability
from .openai_shaped import OpenAIShapedProvider

__all__ = ["OllamaProvider"]


class OllamaProvider(OpenAIShapedProvider):
    """Models of an Ollama server, at ``api_base``, else ``OLLAMA_HOST``, else this machine; no key."""

    label = "Ollama"
    capabilities = (*OpenAIShapedProvider.capabilities, ModelCapability.VISION)

    def _base_url(self) -> str:
        host = self.config.api_base or os.environ.get("OLLAMA_HOST")
        try:
            base = ollama_url(host)
        except ValueError as error:
            raise ConfigError(f"OLLAMA_HOST is {host!r}, which is no address.", hint="Set it to host:port") from error
        return base if base.endswith("/v1") else f"{base}/v1"
