"""Prompts of the library, rendered into messages of a conversation."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from typing import Any, Protocol

from ..errors import ConfigError
from .given import plain_data
from .node import ConversationNode
from .state import ConversationState

__all__ = ["PromptRenderer", "Rendering", "render_prompt"]


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


class Rendering:
    """How prompts become messages of one conversation, and what their searches found.

    Args:
        builder: Renders prompts by name; None if none are used.
        keeps: Whether what was found is kept with the message.
        reuses: Whether what was found for a prompt anywhere in the conversation is used again where the same query comes
            up; the builder compares them.
    """

    def __init__(self, builder: PromptRenderer | None, *, keeps: bool, reuses: bool) -> None:
        self.builder = builder
        self._keeps = keeps
        self._reuses = reuses
        self._looked_at = 0
        self._found: dict[tuple[str, str], dict[str, Mapping[str, Any]]] = {}

    async def render(
        self, state: ConversationState, role: str, name: str, params: Mapping[str, Any] | None, *, include_rag: bool
    ) -> tuple[str, dict[str, Any]]:
        """The text of the prompt ``name``, and the metadata to keep with it.

        Raises:
            ConfigError: There is no builder.
        """
        options: dict[str, Any] = {"return_rag_metadata": True} if self._keeps else {}
        if self._reuses and include_rag and (found := self._found_before(state, role, name)):
            options["cached_rag"] = found
        result = await render_prompt(self.builder, role, name, params, include_rag=include_rag, **options)
        kept = {"rag_metadata": plain_data(result.rag_metadata)} if self._keeps and result.rag_metadata else {}
        return result.content, kept

    def _found_before(self, state: ConversationState, role: str, name: str) -> dict[str, Mapping[str, Any]]:
        """What was found for a prompt, newest first: by placeholder, and where there is more, by ``placeholder#2``, ..."""
        if not self._looked_at:
            self._note(state.message_tree.data)
        for node in state.stored[self._looked_at :]:
            self._note(node.data)
        self._looked_at = max(len(state.stored), 1)
        placeholders: dict[str, int] = {}
        found: dict[str, Mapping[str, Any]] = {}
        for entry in reversed(self._found.get((role, name), {}).values()):
            placeholder = str(entry["placeholder"])
            placeholders[placeholder] = number = placeholders.get(placeholder, 0) + 1
            found[placeholder if number == 1 else f"{placeholder}#{number}"] = entry["found"]
        return found

    def _note(self, node: ConversationNode) -> None:
        if node.prompt_name is None or not (found := node.metadata.get("rag_metadata")):
            return
        known = self._found.setdefault((node.role, node.prompt_name), {})
        for key, entry in found.items():
            placeholder = key.split("#")[0]
            query = json.dumps([placeholder, *(entry.get(part) for part in _QUERY)], sort_keys=True, default=str)
            known.pop(query, None)
            known[query] = {"placeholder": placeholder, "found": entry}


#: What makes a search the same as another.
_QUERY = ("query_hash", "k", "filters", "header", "item_template")
