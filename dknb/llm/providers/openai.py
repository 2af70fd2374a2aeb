"""OpenAI: chat completions, and the responses API."""

from __future__ import annotations

from ...errors import ConfigError, did_you_mean
from ..config import CompletionMode, LLMConfig
from ..dialects.chat_api import ChatTraits
from ..dialects.dialect import Dialect
from ..dialects.responses_api import RESPONSES
from ..families.family import CHAT, EMBEDDINGS
from ..families.table import apis_of
from .openai_shaped import OpenAIShapedProvider

__all__ = ["OpenAIProvider"]

_APIS = ("chat", "responses", "auto")
#: Settings and options that the responses API does not have (openai 3.54.0, responses/response_create_params.py).
_ONLY_CHAT = frozenset(
    {
        "audio",
        "frequency_penalty",
        "logit_bias",
        "modalities",
        "n",
        "prediction",
        "presence_penalty",
        "reasoning_effort",
        "seed",
        "stop",
        "stop_sequences",
        "verbosity",
        "web_search_options",
    }
)


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
        return RESPONSES if _api(config) == "responses" else super()._dialect(config)


def _api(config: LLMConfig) -> str:
    asked = config.options.get("api")
    if asked not in (None, *_APIS):
        raise ConfigError(f"OpenAI has no api {asked!r}.{did_you_mean(str(asked), _APIS)}", hint=f"APIs: {_APIS}")
    if asked in ("chat", "responses"):
        return str(asked)
    apis = apis_of("openai", config.model)
    if "chat" not in apis:
        return apis[0]
    only_chat = config.mode is CompletionMode.TEXT or any(
        config.options.get(name, getattr(config, name, None)) is not None for name in _ONLY_CHAT
    )
    return "chat" if asked is None or only_chat else apis[0]
