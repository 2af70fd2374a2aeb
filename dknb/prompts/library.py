"""What a prompt library is, whatever it reads from.

A library of another kind subclasses ``AbstractPromptLibrary`` and answers three questions; the libraries of dknb
share ``BasePromptLibrary``, for which a library is two functions: the names of a kind, and the entry of a name.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar, cast

from ..errors import PromptError, PromptNotFound, did_you_mean
from .checking.problems import Problem, Source
from .checks import FieldError
from .fields import read_prompt
from .types import Entry, Kind, MessageIndex, PromptTemplateDict, PromptType, RAGConfig, ValidationConfig

__all__ = ["AbstractPromptLibrary", "BasePromptLibrary"]

T = TypeVar("T")


def fresh(value: T) -> T:
    """A copy of library data that a caller may change: dicts, lists and sets are copied, other values in them shared."""
    if isinstance(value, dict):
        return cast(T, {key: fresh(item) for key, item in value.items()})
    if isinstance(value, list):
        return cast(T, [fresh(item) for item in value])
    if isinstance(value, set):
        return cast(T, set(value))
    if isinstance(value, ValidationConfig):
        return cast(T, replace(value))
    return value


def named(name: str) -> str:
    """The name, if it is one.

    Raises:
        PromptError: It is no text.
    """
    if isinstance(name, str):
        return name
    raise PromptError(f"A prompt is asked for by its name, a text, not by {name!r}."[:200])


def checked(read: Callable[[object], T], data: object, where: str) -> T:
    """``read(data)``; what it refuses becomes an error that says where the data stand.

    Raises:
        PromptError: The data are not what they must be.
    """
    try:
        return read(data)
    except FieldError as error:
        raise PromptError(f"{where}: {error}", hint=error.hint) from None


class AbstractPromptLibrary(ABC):
    """Prompts, message indexes and RAG configurations by name.

    ``get_*`` answers None (or an empty list) for a name that is not there, and raises ``PromptError`` for one whose
    source is broken.
    """

    @abstractmethod
    def get_system_prompt(self, name: str) -> PromptTemplateDict | None:
        """The system prompt of that name."""

    @abstractmethod
    def get_user_prompts(self, name: str) -> list[PromptTemplateDict]:
        """The variants of the user prompt of that name, mostly one."""

    @abstractmethod
    def get_message_index(self, name: str) -> MessageIndex | None:
        """The sequence of messages of that name."""

    def get_user_prompt(self, name: str, index: int = 0) -> PromptTemplateDict | None:
        """Variant ``index`` (from 0) of the user prompt of that name."""
        variants = self.get_user_prompts(name)
        return variants[index] if 0 <= index < len(variants) else None

    def get_rag_config(self, name: str) -> RAGConfig | None:
        """The RAG configuration of that name."""
        return None

    def get_prompt_rag_configs(self, prompt_name: str, prompt_type: PromptType = "user") -> list[RAGConfig]:
        """The RAG configurations that a prompt holds, then those that it refers to.

        Raises:
            PromptNotFound: It refers to one that is not there.
        """
        prompt = self.find_prompt(prompt_name, prompt_type)
        return fresh(rag_configs_of(self, prompt, prompt_name)) if prompt is not None else []

    def home_of(self, kind: Kind, name: str) -> AbstractPromptLibrary:
        """The library that gives the entry of that name: what the entry refers to by name is looked up there."""
        return self

    def list_system_prompts(self) -> list[str]:
        """The names of all system prompts, sorted."""
        return []

    def list_user_prompts(self) -> list[str]:
        """The names of all user prompts, sorted."""
        return []

    def list_message_indexes(self) -> list[str]:
        """The names of all message indexes, sorted."""
        return []

    def list_rag_configs(self) -> list[str]:
        """The names of all RAG configurations, sorted."""
        return []

    def reload(self) -> None:  # noqa: B027  (most libraries keep nothing that they could forget)
        """Forget what was read, so that the next call reads it again."""

    def source(self, kind: Kind, name: str) -> Source | None:
        """The file of an entry; None for one that lies in no file.

        Raises:
            PromptFileError: It cannot be read.
        """
        return None

    def changes(self) -> list[str]:
        """The names whose entries were changed by somebody else since this was last asked; for libraries that watch."""
        return []

    def validate(self) -> list[Problem]:
        """What is wrong in the library, one line each; empty when all is well."""
        return self.problems(self)

    def problems(self, lookup: AbstractPromptLibrary) -> list[Problem]:
        """What is wrong in this library when bases and references are looked up in ``lookup``."""
        from .checking.library import library_problems  # checking builds on this module

        return library_problems(self, lookup)

    def find_prompt(self, name: str, prompt_type: PromptType = "user", index: int = 0) -> PromptTemplateDict | None:
        """The prompt of that name and type, for reading only; None when there is none.

        Raises:
            PromptError: It is broken, or there is no such type.
        """
        if prompt_type not in ("system", "user"):
            raise PromptError(
                f"There are no prompts of type {prompt_type!r}.{did_you_mean(prompt_type, ('system', 'user'))}",
                hint="A prompt is of type 'user' or 'system'.",
            )
        found = self.get_system_prompt(name) if prompt_type == "system" else self.get_user_prompt(name, index)
        return checked(read_prompt, found, f"{prompt_type}/{name}") if found is not None else None

    def require_prompt(self, name: str, prompt_type: PromptType = "user", index: int = 0) -> PromptTemplateDict:
        """The prompt of that name and type, for reading only.

        Raises:
            PromptNotFound: There is none; the message names the nearest.
            PromptFileError: It is there, and broken.
        """
        if not isinstance(index, int):
            raise PromptError(f"The index of a variant is a whole number, not {index!r}.", hint="Give params by name.")
        prompt = self.find_prompt(name, prompt_type, index)
        if prompt is None:
            raise self._not_found(name, prompt_type, index)
        return prompt

    def _not_found(self, name: str, prompt_type: PromptType, index: int) -> PromptNotFound:
        other: PromptType = "user" if prompt_type == "system" else "system"
        if index != 0 and self.find_prompt(name, prompt_type) is not None:
            there = len(self.get_user_prompts(name)) if prompt_type == "user" else 1
            message, hint = f"Prompt {name!r} has no variant {index}; it has {there}, counted from 0.", None
        elif self.find_prompt(name, other) is not None:
            message, hint = f"There is no {prompt_type} prompt {name!r}.", f"There is a {other} prompt of that name."
        else:
            known = self.list_system_prompts() if prompt_type == "system" else self.list_user_prompts()
            message = f"There is no {prompt_type} prompt {name!r}.{did_you_mean(name, known)}"
            shown = ", ".join(known[:20]) + (", ..." if len(known) > 20 else "")
            hint = f"The {prompt_type} prompts: {shown}" if known else f"The library has no {prompt_type} prompts."
        return PromptNotFound(message, hint=hint)


def rag_configs_of(library: AbstractPromptLibrary, prompt: PromptTemplateDict, prompt_name: str) -> list[RAGConfig]:
    """The RAG configurations of ``prompt``, with its references looked up in ``library``.

    Raises:
        PromptNotFound: A reference leads to nothing.
    """
    configs = list(prompt.get("rag_configs", ()))
    for name in prompt.get("rag_config_refs", ()):
        config = library.get_rag_config(name)
        if config is None:
            near = did_you_mean(name, library.list_rag_configs())
            raise PromptNotFound(f"Prompt {prompt_name!r} refers to the RAG configuration {name!r}, not there.{near}")
        configs.append(config)
    return configs


class BasePromptLibrary(AbstractPromptLibrary):
    """A library that can list the names of a kind and give the entry of a name."""

    @abstractmethod
    def names(self, kind: Kind) -> list[str]:
        """The names of that kind, sorted; entries that are broken are among them."""

    @abstractmethod
    def entry(self, kind: Kind, name: str) -> Entry | None:
        """What is stored under a name, for reading only: the same object as long as nothing changed.

        Raises:
            PromptError: It is broken.
        """

    def get_system_prompt(self, name: str) -> PromptTemplateDict | None:
        """The system prompt of that name; yours to change."""
        return fresh(self.find_prompt(name, "system"))

    def get_user_prompts(self, name: str) -> list[PromptTemplateDict]:
        """The variants of the user prompt of that name; yours to change."""
        variants = cast("tuple[PromptTemplateDict, ...] | None", self.entry("user", named(name)))
        return [fresh(variant) for variant in variants or ()]

    def get_message_index(self, name: str) -> MessageIndex | None:
        """The sequence of messages of that name; yours to change."""
        return cast("MessageIndex | None", fresh(self.entry("messages", named(name))))

    def get_rag_config(self, name: str) -> RAGConfig | None:
        """The RAG configuration of that name; yours to change."""
        return cast("RAGConfig | None", fresh(self.entry("rag", named(name))))

    def list_system_prompts(self) -> list[str]:
        """The names of all system prompts, sorted."""
        return self.names("system")

    def list_user_prompts(self) -> list[str]:
        """The names of all user prompts, sorted."""
        return self.names("user")

    def list_message_indexes(self) -> list[str]:
        """The names of all message indexes, sorted."""
        return self.names("messages")

    def list_rag_configs(self) -> list[str]:
        """The names of all RAG configurations, sorted."""
        return self.names("rag")

    def find_prompt(self, name: str, prompt_type: PromptType = "user", index: int = 0) -> PromptTemplateDict | None:
        """The prompt of that name and type, for reading only: the same object as long as nothing changed."""
        if prompt_type not in ("system", "user"):
            return super().find_prompt(name, prompt_type, index)
        variants = cast("tuple[PromptTemplateDict, ...]", self.entry(prompt_type, named(name)) or ())
        return variants[index] if 0 <= index < len(variants) else None
