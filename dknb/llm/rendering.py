"""Prompts of a library, rendered into messages by a builder that this package knows by protocol only."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Mapping
from typing import Any, Protocol

from ..errors import ConfigError, did_you_mean
from .messages import LLMMessage

__all__ = ["Renders", "rendered_messages"]

_PROMPT_TYPES = ("user", "system", "both")


class Renders(Protocol):
    """What a provider needs of a prompt builder; the methods may be async or not."""

    def render_system_prompt(self, name: str, params: Any = None, *, include_rag: bool = True) -> Any:
        """The system prompt ``name``: an object whose ``content`` is its text, or an awaitable of one."""

    def render_user_prompt(self, name: str, index: int = 0, params: Any = None, *, include_rag: bool = True) -> Any:
        """Number ``index`` of the user prompts ``name``, likewise."""


async def rendered_messages(
    builder: Renders | None,
    prompt_name: str,
    params: Mapping[str, Any] | None,
    *,
    prompt_type: str = "user",
    index: int = 0,
    include_rag: bool = True,
) -> list[LLMMessage]:
    """The messages that a prompt of the library says.

    Raises:
        ConfigError: There is no builder, or ``prompt_type`` is none of ``user``, ``system`` and ``both``.
    """
    if builder is None:
        raise ConfigError(
            f"The prompt {prompt_name!r} cannot be rendered: this provider has no prompt builder.",
            hint="Give it one:  create_llm_provider(..., prompt_builder=AsyncPromptBuilder(library))",
        )
    if prompt_type not in _PROMPT_TYPES:
        raise ConfigError(
            f"There is no prompt type {prompt_type!r}.{did_you_mean(prompt_type, _PROMPT_TYPES)}",
            hint=f"Prompt types: {', '.join(_PROMPT_TYPES)}",
        )
    given = dict(params or {})
    messages: list[LLMMessage] = []
    if prompt_type in ("system", "both"):
        system = await _call(builder.render_system_prompt, prompt_name, params=given, include_rag=include_rag)
        messages.append(LLMMessage("system", system.content))
    if prompt_type in ("user", "both"):
        user = await _call(builder.render_user_prompt, prompt_name, index=index, params=given, include_rag=include_rag)
        messages.append(LLMMessage("user", user.content))
    return messages


async def _call(method: Any, *args: Any, **kwargs: Any) -> Any:
    if inspect.iscoroutinefunction(method):
        return await method(*args, **kwargs)
    result = await asyncio.to_thread(method, *args, **kwargs)
    return await result if inspect.isawaitable(result) else result
