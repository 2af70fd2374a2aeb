"""What a prompt retrieves that has bases: its own searches and theirs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from ..library import AbstractPromptLibrary, rag_configs_of
from ..types import PromptTemplateDict, RAGConfig
from .retrieval import PLACEHOLDER

__all__ = ["Search", "joined", "searches_of"]


class Search(NamedTuple):
    """A configuration, and whether the prompt refers to it by a name of the library."""

    config: RAGConfig
    referred: bool

    @property
    def placeholder(self) -> str:
        """The variable that its results become."""
        return self.config.get("placeholder", PLACEHOLDER)


def searches_of(library: AbstractPromptLibrary, prompt: PromptTemplateDict, name: str) -> list[Search]:
    """The searches of a prompt alone, those that it holds first.

    Raises:
        PromptNotFound: A reference leads to nothing.
    """
    held = len(prompt.get("rag_configs", ()))
    return [Search(config, at >= held) for at, config in enumerate(rag_configs_of(library, prompt, name))]


def joined(inherited: Iterable[Search], own: Iterable[Search]) -> list[Search]:
    """What a prompt retrieves with these searches that inherits those, each once.

    Its own search replaces what is inherited for the same placeholder: who writes one means that one. Only references
    of both are joined, as the lists are.
    """
    own = list(own)
    configs = [search.config for search in own]
    kept = [search for search in inherited if search.config in configs or not _replaced(search, own)]
    there = [search.config for search in kept]
    return [*kept, *(search for search in own if search.config not in there)]


def _replaced(search: Search, own: Iterable[Search]) -> bool:
    rivals = [each for each in own if each.placeholder == search.placeholder]
    return any(not (search.referred and each.referred) for each in rivals)
