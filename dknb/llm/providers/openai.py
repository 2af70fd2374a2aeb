"""OpenAI: chat completions, and the responses API."""

from __future__ import annotations

from ..config import LLMConfig
from ..dialects.chat_api import ChatTraits
from ..dialects.dialect import Dialect
from ..dialects.responses_api import RESPONSES
from ..families.apis import api_of
from ..families.family import CHAT, EMBEDDINGS
from .openai_shaped import OpenAIShapedProvider

__all__ = ["OpenAIProvider"]


class OpenAIProvider(OpenAIShapedProvider):
    """The models of OpenAI.

    Options: ``api``, ``organization``, ``project``, ``extra_headers``; all others go into the request's body.

    ``api`` says which of OpenAI's two APIs is spoken: ``"chat"`` (chat completions), ``"responses"``, which OpenAI
    recommends for its reasoning models, or ``"auto"``: the one that is recommended for the model, but chat completions
    where a setting or an option exists only there (``seed``, ``stop_sequences``, penalties, ...). Left out, it is
    chat completions, or the responses API for the few models that speak nothing else (``o3-pro``, ``gpt-5-codex``,
    ...).
    """

    label = "OpenAI"
    # max_tokens is deprecated, and the reasoning models refuse it (openai 3.54.0, completion_create_params.py).
    traits = ChatTraits(max_tokens="max_completion_tokens", message_fields=frozenset({"audio", "refusal"}))
    capabilities = (*CHAT, *EMBEDDINGS)

    def _dialect(self, config: LLMConfig) -> Dialect:
        return RESPONSES if api_of(config) == "responses" else super()._dialect(config)
