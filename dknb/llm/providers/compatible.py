"""Any other server that is shaped like OpenAI's: vLLM, llama.cpp, LM Studio, OpenRouter, Groq, DeepSeek, ..."""

from __future__ import annotations

from ...errors import ConfigError
from ..dialects.chat_api import ChatTraits
from .openai_shaped import OpenAIShapedProvider

__all__ = ["OpenAICompatibleProvider"]


class OpenAICompatibleProvider(OpenAIShapedProvider):
    """A server at ``api_base``; its key, where it wants one, is ``api_key``, and OpenAI's is never sent to it.

    Raises:
        ConfigError: There is no ``api_base``.
    """

    label = "OpenAI-compatible server"
    traits = ChatTraits(keeps_marks=True)

    def _base_url(self) -> str:
        if self.config.api_base is None:
            raise ConfigError(
                f"{self.config.spec} says nothing of where the server is.",
                hint="Give its address, for example  api_base=http://127.0.0.1:8000/v1",
            )
        return self.config.api_base
