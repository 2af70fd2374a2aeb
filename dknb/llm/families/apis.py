"""Which of OpenAI's two APIs a call speaks: chat completions or responses."""

from __future__ import annotations

from ...errors import ConfigError, did_you_mean
from ..config import CompletionMode, LLMConfig
from .table import apis_of

__all__ = ["api_of"]

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


def api_of(config: LLMConfig) -> str:
    """``"chat"`` or ``"responses"``, for a provider that has both.

    Raises:
        ConfigError: The option ``api`` is none of ``"chat"``, ``"responses"`` and ``"auto"``.
    """
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
