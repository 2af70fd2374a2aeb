"""What an experiment takes from around it where it is not told: the project's prompts, model and store."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, cast

from .._text import printable
from ..conversations.project import Project, find_project
from ..errors import ConfigError, PromptNotFound, did_you_mean

if TYPE_CHECKING:
    from ..conversations.storage import ConversationStorage
    from ..prompts.library import AbstractPromptLibrary
    from ..prompts.types import PromptTemplateDict
    from .distributed.cluster import Cluster

__all__ = ["KnownPrompt", "Surroundings", "cluster_of", "surround", "surroundings"]

PromptKind = Literal["user", "system", "messages"]


class KnownPrompt(NamedTuple):
    """A prompt of a library; of kind ``messages``, it has messages instead of a template."""

    name: str
    kind: PromptKind
    prompt: PromptTemplateDict


class Surroundings:
    """What lies around an experiment: here the project of the working directory.

    Args:
        project: The project; the one around the working directory if it is not given.
    """

    def __init__(self, project: Project | None = None) -> None:
        self.project = project or find_project()

    @property
    def model(self) -> str:
        """Spec of the model that is asked where none is named."""
        return self.project.model

    @cached_property
    def library(self) -> AbstractPromptLibrary:
        """The prompts: those on disk, and instead of them the versions that were promoted."""
        from ..prompts.sources.opening import open_library
        from ..prompts.versioning import VersionedPromptLibrary, VersionManager

        library = open_library(self.project.library_specs, self.project.root)
        address = self.project.store_address
        on_server = isinstance(address, str) and address.startswith("postgres")
        kept = address if on_server else self.project.root / ".dknb" / "versions.db"
        return VersionedPromptLibrary(library, VersionManager(kept))

    def storage(self) -> tuple[ConversationStorage, bool]:
        """The store of the project, and whether it was opened for the caller, who then closes it."""
        from ..conversations.sql import SQLConversationStorage

        return SQLConversationStorage(self.project.store_address), True

    def say(self, text: str) -> None:
        """Show a line of text to whoever runs an experiment."""
        sys.stderr.write(f"{printable(text)}\n")
        sys.stderr.flush()

    def find(self, name: str) -> KnownPrompt:
        """The prompt of that name, or the version that ``NAME@1.2`` means.

        Raises:
            PromptNotFound: There is none; the message has the nearest.
            PromptError: It is broken.
        """
        return find_in(self.library, name)


def find_in(library: AbstractPromptLibrary, name: str) -> KnownPrompt:
    """The prompt of that name in a library, a user prompt before the others.

    Raises:
        PromptNotFound: There is none; the message has the nearest.
        PromptError: It is broken.
    """
    if (prompt := library.find_prompt(name, "user")) is not None:
        return KnownPrompt(name, "user", prompt)
    if (prompt := library.find_prompt(name, "system")) is not None:
        return KnownPrompt(name, "system", prompt)
    if (index := library.get_message_index(name)) is not None:
        return KnownPrompt(name, "messages", cast("PromptTemplateDict", index))
    known = [*library.list_user_prompts(), *library.list_system_prompts(), *library.list_message_indexes()]
    hint = f"Prompts: {', '.join(known[:20])}" if known else "The library has no prompts; a template's text works too."
    raise PromptNotFound(f"There is no prompt {name!r}.{did_you_mean(name, known)}", hint=hint)


_here: Callable[[], Surroundings] | None = None


def surround(make: Callable[[], Surroundings] | None) -> None:
    """Let experiments take what they are not told from ``make()``; None is the working directory's project again."""
    global _here
    _here = make


def surroundings() -> Surroundings:
    """What lies around an experiment that is made now."""
    return Surroundings() if _here is None else _here()


def checked_store(store: Any) -> Any:
    """What may be a store of experiments: an address, a store of conversations, or None for that of the project.

    Raises:
        ConfigError: It is none.
    """
    from ..conversations.storage import ConversationStorage

    if store is None or isinstance(store, str | Path | ConversationStorage):
        return store
    raise ConfigError(f"store is {store!r:.60}.", hint="Give the path of an SQLite file, postgresql://..., or 'memory'")


def store_at(address: str | Path) -> ConversationStorage:
    """The store at an address.

    Raises:
        ConfigError: The address is none, or of a database that is not supported.
    """
    checked_store(address)
    if str(address) in ("memory", ":memory:"):
        from ..conversations.stores.memory import MemoryConversationStorage

        return MemoryConversationStorage()
    from ..conversations.sql import SQLConversationStorage

    return SQLConversationStorage(address)


def cluster_of(executor: Any) -> Cluster | None:
    """The cluster of a client; None where there is none.

    Raises:
        ConfigError: It is no client of a cluster.
        MissingExtra: Dask is not installed.
    """
    if executor is None:
        return None
    from .distributed.cluster import Cluster

    return Cluster(executor)
