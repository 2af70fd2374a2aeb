"""Prompts of the library, rendered into messages of a conversation."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, Protocol

from ..errors import ConfigError

__all__ = ["PromptRenderer", "render_prompt"]


class PromptRenderer(Protocol):
    """What a conversation needs of a prompt builder.

    Both methods give an object with ``content`` (and ``rag_metadata``, where it was asked for), or an awaitable of one.
    """

    def render_system_prompt(
        self,
        name: str,
        *,
        params: Mapping[str, Any] | None = None,
        include_rag: bool = True,
        return_rag_metadata: bool = False,
        cached_rag: Mapping[str, Any] | None = None,
    ) -> Any:
        """The system prompt ``name``."""

    def render_user_prompt(
        self,
        name: str,
        index: int = 0,
        *,
        params: Mapping[str, Any] | None = None,
        include_rag: bool = True,
        return_rag_metadata: bool = False,
        cached_rag: Mapping[str, Any] | None = None,
    ) -> Any:
        """Number ``index`` of the user prompts ``name``."""


async def render_prompt(
    builder: PromptRenderer | None,
    role: str,
    name: str,
    params: Mapping[str, Any] | None,
    *,
    include_rag: bool,
    **rag: Any,
) -> Any:
    """What ``builder`` makes of the prompt ``name`` for a message of ``role``.

    Raises:
        ConfigError: There is no builder.
    """
    if builder is None:
        raise ConfigError(
            f"The prompt {name!r} cannot be rendered: this conversation has no prompt builder.",
            hint="Give it one:  ConversationManager.create(..., prompt_builder=AsyncPromptBuilder(library))",
        )
    render = builder.render_system_prompt if role == "system" else builder.render_user_prompt
    result = render(name, params=dict(params or {}), include_rag=include_rag, **rag)
    return await result if inspect.isawaitable(result) else result
