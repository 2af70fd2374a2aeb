"""How a model is brought to answer in a shape: by the vendor's own mode where there is one, else by being told.

Which way it is lies below the recording: a request is the same, whether a model has a mode for schemas or not.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ...errors import BadRequest
from ..config import CompletionMode, LLMConfig
from ..messages import LLMMessage, LLMResponse
from ..parts import TextPart
from ..request import ModelRequest

if TYPE_CHECKING:
    from ..calls.pipeline import Pieces

__all__ = ["as_sent", "completing", "instructed", "instruction", "streaming"]

#: Models that take a JSON Schema, by provider and the beginning of the name; others are told in words, and so are those
#: whose server refuses it all the same.
#: OpenAI: docs.dify.ai/en/learn-more/extended-reading (gpt-4o-mini-2024-07-18, gpt-4o-2024-08-06 and later). Anthropic:
#: docs.cloud.google.com/gemini-enterprise-agent-platform, partner models, structured outputs (Claude 4.5 and later), and
#: ``output_config`` of the SDK anthropic 2.12.0. Ollama: docs.ollama.com, structured outputs (all, since 0.5).
#: llama.cpp (``local``): json_schema in tools/server/README.md of ggml-org/llama.cpp. All read in November 2026.
_SCHEMAS = {
    "openai": r"(?!(?:ft:)?(?:gpt-3|gpt-4(?:-|$)|gpt-4o-2024-05-13|(?:chatgpt|davinci|babbage)-|o1-(?:mini|preview)))",
    "anthropic": r"(?!claude-(?:[23]|instant|(?:opus|sonnet)-4(?:-0|-2025|@|$)))",
    "ollama": r"",
    "local": r"",
    "huggingface": r"",
    "openai-compatible": r"",
    "echo": r"",
}
#: Those that have a mode for JSON without a schema, where it is not the same.
_ANY_JSON = {"openai": r"(?!o1-(?:mini|preview)|gpt-4(?:-\d{4})?$|gpt-4-32k)", "anthropic": r"(?!)"}
_ABOUT_FORMAT = re.compile(
    r"response_format|response format|json.?(?:schema|object|mode)|schema|structured.outputs?|output_config|text\.format|grammar",
    re.IGNORECASE,
)

Once = Callable[[ModelRequest, LLMConfig], Awaitable[LLMResponse]]
Streamed = Callable[[ModelRequest, LLMConfig], "Pieces"]


def completing(once: Once) -> Once:
    """An attempt that takes any response format, made of one that may not."""

    async def ask(request: ModelRequest, config: LLMConfig) -> LLMResponse:
        if not _has_mode(request, config):
            return await once(instructed(request), config)
        try:
            return await once(request, config)
        except BadRequest as error:
            if not _refuses_format(error, request):
                raise
        return await once(instructed(request), config)

    return ask


def streaming(streamed: Streamed) -> Streamed:
    """The same for an attempt that streams."""

    async def ask(request: ModelRequest, config: LLMConfig) -> Pieces:
        sent = as_sent(request, config)
        begun = False
        try:
            async with aclosing(streamed(sent, config)) as pieces:
                async for piece in pieces:
                    begun = begun or piece is not None
                    yield piece
            return
        except BadRequest as error:
            if begun or sent is not request or not _refuses_format(error, request):
                raise
        async with aclosing(streamed(instructed(request), config)) as pieces:
            async for piece in pieces:
                yield piece

    return ask


def as_sent(request: ModelRequest, config: LLMConfig) -> ModelRequest:
    """The request as its model is asked first: with its format said in words where the model has no mode for it."""
    return request if _has_mode(request, config) else instructed(request)


def _has_mode(request: ModelRequest, config: LLMConfig) -> bool:
    """Whether a request can go out as it is: it asks for no format, or its model has a mode for it."""
    wanted = request.settings.get("response_format")
    kind = wanted.get("type") if isinstance(wanted, dict) else wanted
    if kind in (None, "text"):
        return True
    if config.mode is CompletionMode.TEXT:
        return False
    if kind in ("json", "json_object"):
        pattern = _ANY_JSON.get(request.provider, _SCHEMAS.get(request.provider))
    elif kind == "json_schema":
        pattern = _SCHEMAS.get(request.provider)
    else:  # the vendor's own
        return True
    return pattern is not None and re.match(pattern, request.model.lower()) is not None and _is_taken(request, wanted)


def _is_taken(request: ModelRequest, wanted: Any) -> bool:
    """Anthropic takes closed objects only: of schemas that we made, those that are strict."""
    told = wanted.get("json_schema", {}) if isinstance(wanted, dict) else {}
    return request.provider != "anthropic" or told.get("strict") is not False


def instructed(request: ModelRequest) -> ModelRequest:
    """The request with its format said in the system prompt, not in the settings."""
    wanted = request.settings.get("response_format")
    settings = {name: value for name, value in request.settings.items() if name != "response_format"}
    request = replace(request, settings=settings)
    words = instruction(wanted, with_tools=bool(request.tools))
    first = request.messages[0] if request.messages else None
    if first is None or first.role not in ("system", "developer"):
        return replace(request, system="\n\n".join(filter(None, (request.system, words))))
    return replace(request, messages=[_with_words(first, words), *request.messages[1:]])


def instruction(wanted: Any, *, with_tools: bool = False) -> str:
    """What a model is told that cannot be made to answer in a shape."""
    when = "When you answer and do not call a tool, answer" if with_tools else "Answer"
    words = f"{when} with JSON only: no words before or after it, and no Markdown fence around it."
    told = wanted.get("json_schema", wanted) if isinstance(wanted, dict) else {}
    if (schema := told.get("schema")) is None:
        return words
    return f"{words} It must fit this JSON Schema:\n{json.dumps(schema, ensure_ascii=False)}"


def _with_words(message: LLMMessage, words: str) -> LLMMessage:
    if message.parts:
        return replace(
            message, content=f"{message.content}\n\n{words}", parts=[*message.parts, TextPart(f"\n\n{words}")]
        )
    return replace(message, content=f"{message.content}\n\n{words}")


def _refuses_format(error: BadRequest, request: ModelRequest) -> bool:
    return request.settings.get("response_format") is not None and _ABOUT_FORMAT.search(str(error)) is not None
