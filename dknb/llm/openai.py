"""OpenAI: chat completions, or the responses API with ``options={"api": "responses"}``."""

from __future__ import annotations

from ..errors import ConfigError, did_you_mean
from .chat_api import ChatTraits
from .config import LLMConfig, ModelCapability
from .dialect import Dialect
from .openai_shaped import OpenAIShapedProvider
from .responses_api import RESPONSES

__all__ = ["OpenAIProvider"]

_APIS = ("chat", "responses")


class OpenAIProvider(OpenAIShapedProvider):
    """The models of OpenAI.

    Options: ``api`` (``"chat"`` or ``"responses"``), ``organization``, ``project``, ``extra_headers``; all others go
    into the request's body.
    """

    label = "OpenAI"
    # max_tokens is deprecated, and the reasoning models refuse it (openai 3.54.0, completion_create_params.py).
    traits = ChatTraits(max_tokens="max_completion_tokens")
    capabilities = (*OpenAIShapedProvider.capabilities, ModelCapability.VISION, ModelCapability.CODE)

    def _dialect(self, config: LLMConfig) -> Dialect:
        api = config.options.get("api", "chat")
        if api not in _APIS:
            raise ConfigError(f"OpenAI has no api {api!r}.{did_you_mean(str(api), _APIS)}", hint=f"APIs: {_APIS}")
        return RESPONSES if api == "responses" else super()._dialect(config)
