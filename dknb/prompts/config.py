"""A prompt library in memory, from a dict."""

from __future__ import annotations

from collections.abc import Mapping

from ..errors import PromptError, did_you_mean
from .fields import READERS
from .library import BasePromptLibrary, checked, fresh
from .types import KINDS, Entry, Kind, MessageIndex, PromptTemplateDict, RAGConfig

__all__ = ["ConfigPromptLibrary"]


class ConfigPromptLibrary(BasePromptLibrary):
    """Prompts from a dict with the keys ``system``, ``user``, ``messages`` and ``rag``, each from names to data.

    A prompt is a template's text or a dict of the keys of ``PromptTemplateDict``; a user prompt may be a list of such
    variants. An entry that is malformed is an error for whoever asks for it, and a line of ``validate()``.

    Raises:
        PromptError: A key is unknown, or does not lead to a mapping of names.
    """

    def __init__(self, config: Mapping[str, Mapping[str, object]] | None = None) -> None:
        self._entries: dict[Kind, dict[str, Entry | PromptError]] = {kind: {} for kind in KINDS}
        for kind, entries in (config or {}).items():
            if kind not in KINDS:
                raise PromptError(
                    f"A prompt library has no part {kind!r}.{did_you_mean(str(kind), KINDS)}",
                    hint=f"Its parts: {', '.join(KINDS)}.",
                )
            if not isinstance(entries, Mapping):
                raise PromptError(
                    f"The part {kind!r} of a prompt library must map names to prompts, not be {entries!r}."
                )
            for name, data in entries.items():
                self._put(kind, name, data)

    def names(self, kind: Kind) -> list[str]:
        """The names of that kind, sorted."""
        return sorted(self._entries[kind])

    def entry(self, kind: Kind, name: str) -> Entry | None:
        """What is stored under a name, for reading only.

        Raises:
            PromptError: It is malformed.
        """
        found = self._entries[kind].get(name)
        if isinstance(found, PromptError):
            raise PromptError(str(found), hint=found.hint)
        return found

    def add_system_prompt(self, name: str, template: PromptTemplateDict | str) -> None:
        """Add or replace a system prompt.

        Raises:
            PromptError: It is malformed; what was there stays.
        """
        self._add("system", name, template)

    def add_user_prompt(self, name: str, template: PromptTemplateDict | str | list[PromptTemplateDict | str]) -> None:
        """Add or replace a user prompt; a list gives it variants.

        Raises:
            PromptError: It is malformed; what was there stays.
        """
        self._add("user", name, template)

    def add_message_index(self, name: str, message_index: MessageIndex) -> None:
        """Add or replace a message index.

        Raises:
            PromptError: It is malformed; what was there stays.
        """
        self._add("messages", name, message_index)

    def add_rag_config(self, name: str, rag_config: RAGConfig) -> None:
        """Add or replace a RAG configuration.

        Raises:
            PromptError: It is malformed; what was there stays.
        """
        self._add("rag", name, rag_config)

    def _add(self, kind: Kind, name: str, data: object) -> None:
        self._entries[kind][name] = checked(READERS[kind], fresh(data), f"{kind}/{name}")

    def _put(self, kind: Kind, name: str, data: object) -> None:
        try:
            self._add(kind, name, data)
        except PromptError as error:
            self._entries[kind][name] = error

    def __repr__(self) -> str:
        counts = ", ".join(f"{len(names)} {kind}" for kind, names in self._entries.items() if names)
        return f"ConfigPromptLibrary({counts or 'empty'})"
