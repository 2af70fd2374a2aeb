"""Several prompt libraries as one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import cast

from ..errors import PromptError
from .checking.problems import Problem, Source
from .library import AbstractPromptLibrary
from .types import Kind, MessageIndex, PromptTemplateDict, PromptType, RAGConfig

__all__ = ["CompositePromptLibrary"]


class CompositePromptLibrary(AbstractPromptLibrary):
    """Libraries in order: the first that has a name gives all of it, its variants and RAG configurations included.

    A broken entry counts as there, and is an error: a library below never stands in for it unseen.

    Raises:
        PromptError: It is given something else than libraries.
    """

    def __init__(self, libraries: Iterable[AbstractPromptLibrary] = ()) -> None:
        given: object = libraries
        self.libraries = list(libraries) if isinstance(given, Iterable) else []
        wrong = next((each for each in cast("list[object]", self.libraries) if not _is_library(each)), None)
        if wrong is not None or not isinstance(given, Iterable):
            raise PromptError(
                f"A composite takes a list of prompt libraries, not {wrong if wrong is not None else given!r}.",
                hint="CompositePromptLibrary([first, second]); open_library makes a library of a folder's name.",
            )

    def get_system_prompt(self, name: str) -> PromptTemplateDict | None:
        """The system prompt of that name, from the first library that has it."""
        return next((p for lib in self.libraries if (p := lib.get_system_prompt(name)) is not None), None)

    def get_user_prompts(self, name: str) -> list[PromptTemplateDict]:
        """The variants of the user prompt of that name, all from the first library that has it."""
        return next((prompts for lib in self.libraries if (prompts := lib.get_user_prompts(name))), [])

    def get_message_index(self, name: str) -> MessageIndex | None:
        """The message index of that name, from the first library that has it."""
        return next((m for lib in self.libraries if (m := lib.get_message_index(name)) is not None), None)

    def get_rag_config(self, name: str) -> RAGConfig | None:
        """The RAG configuration of that name, from the first library that has it."""
        return next((r for lib in self.libraries if (r := lib.get_rag_config(name)) is not None), None)

    def get_prompt_rag_configs(self, prompt_name: str, prompt_type: PromptType = "user") -> list[RAGConfig]:
        """The RAG configurations of a prompt, from the library that the prompt comes from.

        Raises:
            PromptNotFound: It refers to one that is not in that library.
        """
        owner = self._owner(prompt_name, prompt_type)
        return owner.get_prompt_rag_configs(prompt_name, prompt_type) if owner is not None else []

    def list_system_prompts(self) -> list[str]:
        """The names of all system prompts, sorted."""
        return sorted({name for lib in self.libraries for name in lib.list_system_prompts()})

    def list_user_prompts(self) -> list[str]:
        """The names of all user prompts, sorted."""
        return sorted({name for lib in self.libraries for name in lib.list_user_prompts()})

    def list_message_indexes(self) -> list[str]:
        """The names of all message indexes, sorted."""
        return sorted({name for lib in self.libraries for name in lib.list_message_indexes()})

    def list_rag_configs(self) -> list[str]:
        """The names of all RAG configurations, sorted."""
        return sorted({name for lib in self.libraries for name in lib.list_rag_configs()})

    def reload(self) -> None:
        """Reload every library."""
        for library in self.libraries:
            library.reload()

    def source(self, kind: Kind, name: str) -> Source | None:
        """The file of an entry, from the first library that has it in one."""
        return next((source for lib in self.libraries if (source := lib.source(kind, name)) is not None), None)

    def find_file(self, kind: Kind, name: str) -> Path | None:
        """The file of an entry that can be edited: of the first library that has the name, if that is a folder."""
        for library in self.libraries:
            if library.source(kind, name) is not None:
                find: Callable[[Kind, str], Path | None] = getattr(library, "find_file", lambda kind, name: None)
                return find(kind, name)
        return None

    def changes(self) -> list[str]:
        """The names whose entries were changed in a library since this was last asked."""
        return sorted({name for lib in self.libraries for name in lib.changes()})

    def problems(self, lookup: AbstractPromptLibrary) -> list[Problem]:
        """What is wrong in each library; a base may lie in another of them."""
        return [problem for library in self.libraries for problem in library.problems(lookup)]

    def find_prompt(self, name: str, prompt_type: PromptType = "user", index: int = 0) -> PromptTemplateDict | None:
        """The prompt of that name and type, for reading only, from the first library that has the name."""
        owner = self._owner(name, prompt_type)
        return owner.find_prompt(name, prompt_type, index) if owner is not None else None

    def home_of(self, kind: Kind, name: str) -> AbstractPromptLibrary:
        """The first library that has that entry."""
        if kind == "rag":
            owner = next((lib for lib in self.libraries if lib.get_rag_config(name) is not None), None)
        elif kind == "messages":
            owner = next((lib for lib in self.libraries if lib.get_message_index(name) is not None), None)
        else:
            owner = self._owner(name, kind)
        return owner.home_of(kind, name) if owner is not None else self

    def _owner(self, name: str, prompt_type: PromptType) -> AbstractPromptLibrary | None:
        return next((lib for lib in self.libraries if lib.find_prompt(name, prompt_type) is not None), None)

    def __repr__(self) -> str:
        return f"CompositePromptLibrary({self.libraries!r})"


def _is_library(given: object) -> bool:
    return isinstance(given, AbstractPromptLibrary)
