"""A library that serves versions."""

from __future__ import annotations

from ...errors import PromptError, PromptNotFound
from ..checking.problems import Problem, Source
from ..config import ConfigPromptLibrary
from ..library import AbstractPromptLibrary, fresh, named
from ..types import Kind, MessageIndex, PromptTemplateDict, PromptType, RAGConfig
from .manager import VersionManager, active_of, newest_first, version_of
from .numbers import split_name
from .types import PromptVersion

__all__ = ["VersionedPromptLibrary"]


class VersionedPromptLibrary(AbstractPromptLibrary):
    """Prompts by name, from their versions: ``NAME`` is the active one, ``NAME@1.2`` that one or the newest 1.2.x.

    What has no such version comes from the library below, which also has the message indexes and RAG configurations.
    There, ``NAME@1.2`` is the prompt whose metadata say that it is version 1.2.

    Args:
        base_library: The library below; an empty one if it is not given.
        version_manager: The versions; in memory if it is not given.
    """

    def __init__(
        self, base_library: AbstractPromptLibrary | None = None, version_manager: VersionManager | None = None
    ) -> None:
        self.base_library = base_library if base_library is not None else ConfigPromptLibrary()
        self.version_manager = version_manager or VersionManager()
        self._served: dict[tuple[PromptType, str], PromptTemplateDict | None] = {}
        self._revision: int | None = None

    def find_prompt(self, name: str, prompt_type: PromptType = "user", index: int = 0) -> PromptTemplateDict | None:
        """The prompt of that name and type, for reading only: the same object as long as nothing changed.

        Raises:
            PromptError: It is broken, or the versions cannot be read.
        """
        if prompt_type in ("system", "user") and (served := self._of_version(named(name), prompt_type)) is not None:
            return served if index == 0 else None
        found = self.base_library.find_prompt(name, prompt_type, index)
        return found if found is not None else self._told_below(name, prompt_type, index)

    def get_system_prompt(self, name: str) -> PromptTemplateDict | None:
        """The system prompt of that name; yours to change."""
        return fresh(self.find_prompt(name, "system"))

    def get_user_prompts(self, name: str) -> list[PromptTemplateDict]:
        """The variants of the user prompt of that name; a version has one. Yours to change."""
        variants: list[PromptTemplateDict] = []
        while (prompt := self.find_prompt(name, "user", len(variants))) is not None:
            variants.append(fresh(prompt))
        return variants

    def get_message_index(self, name: str) -> MessageIndex | None:
        """The message index of that name, from the library below."""
        return self.base_library.get_message_index(name)

    def get_rag_config(self, name: str) -> RAGConfig | None:
        """The RAG configuration of that name, from the library below."""
        return self.base_library.get_rag_config(name)

    def home_of(self, kind: Kind, name: str) -> AbstractPromptLibrary:
        """Where what an entry refers to is looked up: in the library below, whatever version it is."""
        return self.base_library.home_of(kind, split_name(name)[0])

    def list_system_prompts(self) -> list[str]:
        """The names of all system prompts, sorted; without versions."""
        return self._names("system", self.base_library.list_system_prompts())

    def list_user_prompts(self) -> list[str]:
        """The names of all user prompts, sorted; without versions."""
        return self._names("user", self.base_library.list_user_prompts())

    def list_message_indexes(self) -> list[str]:
        """The names of all message indexes, sorted."""
        return self.base_library.list_message_indexes()

    def list_rag_configs(self) -> list[str]:
        """The names of all RAG configurations, sorted."""
        return self.base_library.list_rag_configs()

    def reload(self) -> None:
        """Forget what was read."""
        self._revision = None
        self.base_library.reload()

    def source(self, kind: Kind, name: str) -> Source | None:
        """The file of an entry that no version stands for."""
        served = kind in ("system", "user") and self._of_version(name, kind) is not None
        return None if served else self.base_library.source(kind, name)

    def changes(self) -> list[str]:
        """The names that changed in the library below since this was last asked."""
        return self.base_library.changes()

    def problems(self, lookup: AbstractPromptLibrary) -> list[Problem]:
        """What is wrong in the library below, and in the versions that are served."""
        served = ConfigPromptLibrary()
        found: list[Problem] = []
        kinds: tuple[PromptType, PromptType] = ("system", "user")
        for kind in kinds:
            for name in self.version_manager.storage.names(kind):
                try:
                    prompt = self._of_version(name, kind)
                    if prompt is not None:
                        (served.add_system_prompt if kind == "system" else served.add_user_prompt)(name, prompt)
                except PromptError as error:
                    found.append(Problem(str(error), hint=error.hint))
        return [*self.base_library.problems(lookup), *found, *served.problems(lookup)]

    def _names(self, kind: PromptType, below: list[str]) -> list[str]:
        versioned = self.version_manager.storage.names(kind)
        return sorted({*below, *(name for name in versioned if self._of_version(name, kind) is not None)})

    def _of_version(self, name: str, kind: PromptType) -> PromptTemplateDict | None:
        """The prompt of the version that a name means; None where it means none."""
        revision = self.version_manager.storage.revision()
        if revision != self._revision:
            self._served = {}
            self._revision = revision
        if (kind, name) not in self._served:
            version = self._meant(name, kind)
            self._served[kind, name] = version.as_prompt() if version is not None else None
        return self._served[kind, name]

    def _meant(self, name: str, kind: PromptType) -> PromptVersion | None:
        storage = self.version_manager.storage
        if versions := newest_first(storage.versions(name, kind)):
            return active_of(versions)
        prompt, number = split_name(name)
        return version_of(newest_first(storage.versions(prompt, kind)), number) if number is not None else None

    def _told_below(self, name: str, kind: PromptType, index: int) -> PromptTemplateDict | None:
        """The prompt below whose metadata tell the version that the name asks for."""
        name, number = split_name(name)
        if number is None:
            return None
        found = self.base_library.find_prompt(name, kind, index)
        told = found.get("metadata", {}).get("version") if found is not None else None
        return found if told is not None and str(told) == number else None

    def _not_found(self, name: str, prompt_type: PromptType, index: int) -> PromptNotFound:
        prompt, number = split_name(name)
        versions = newest_first(self.version_manager.storage.versions(prompt, prompt_type)) if number else []
        if not versions:
            return super()._not_found(name, prompt_type, index)
        known = ", ".join(version.version for version in versions[:20])
        return PromptNotFound(f"Prompt {prompt!r} has no version {number}.", hint=f"Its versions: {known}")

    def __repr__(self) -> str:
        return f"VersionedPromptLibrary({self.base_library!r})"
