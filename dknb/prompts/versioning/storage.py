"""Where versions, experiments and what is recorded of them are kept: what any such place must do.

A storage is plain and quick; whoever waits calls it in a thread. What must not happen twice (a number, the arm of a user) is
settled in one step, so that two kernels at once get two numbers and one arm.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol, TypeAlias, runtime_checkable

from ...errors import ConfigError
from .experiments import PromptExperiment
from .measures import MetricEvent, PromptMetrics
from .types import PromptVersion

__all__ = ["ABStorage", "StoredEvent", "VersionStorage", "VersioningStore", "open_storage", "version_storage"]

#: What makes a version of a version.
Change: TypeAlias = Callable[[PromptVersion], PromptVersion]

#: What makes an experiment of an experiment.
Revise: TypeAlias = Callable[[PromptExperiment], PromptExperiment]


@runtime_checkable
class VersionStorage(Protocol):
    """What a ``VersionManager`` keeps versions in."""

    def add(self, version: PromptVersion) -> bool:
        """Keep a version; False if its prompt has one of that number."""

    def update(self, name: str, prompt_type: str, change: Change) -> None:
        """Put ``change(version)`` in place of each version of a prompt, in one step."""

    def remove(self, version_id: str) -> bool:
        """Forget a version; False if there is none of that id."""

    def find(self, version_id: str) -> PromptVersion | None:
        """The version of that id."""

    def versions(self, name: str, prompt_type: str) -> list[PromptVersion]:
        """The versions of a prompt, in no order."""

    def names(self, prompt_type: str) -> list[str]:
        """The names of prompts that have versions, sorted."""

    def revision(self) -> int:
        """A number that is another after each change of a version or an experiment, whoever made it."""


@dataclass(frozen=True)
class StoredEvent:
    """An event, and the arm of an experiment that it was recorded for, if it was for one."""

    event: MetricEvent
    experiment_id: str | None = None
    variant: str | None = None


@runtime_checkable
class ABStorage(Protocol):
    """What an ``ABTestManager`` and a ``MetricsCollector`` keep experiments, assignments and events in.

    Attributes:
        waits: Whether it may have to wait, and is to be called in a thread.
    """

    waits: bool

    def add_experiment(self, experiment: PromptExperiment) -> None:
        """Keep an experiment."""

    def update_experiment(self, experiment_id: str, revise: Revise) -> PromptExperiment | None:
        """Put ``revise(experiment)`` in its place, in one step; None if there is none of that id."""

    def remove_experiment(self, experiment_id: str) -> bool:
        """Forget an experiment and its assignments, not its events; False if there is none of that id."""

    def experiment(self, experiment_id: str) -> PromptExperiment | None:
        """The experiment of that id."""

    def experiments(self, name: str | None = None) -> list[PromptExperiment]:
        """All experiments, or those on a prompt, the oldest first."""

    def assign(self, experiment_id: str, arms: Mapping[str, str]) -> dict[str, str]:
        """Keep the arms of users that have none yet; the arms that all of them have now, by user."""

    def assigned(self, experiment_id: str, users: Iterable[str] | None = None) -> dict[str, str]:
        """The arms that users have, by user; all users by default."""

    def shares(self, experiment_id: str) -> dict[str, int]:
        """How many users have each arm."""

    def add_events(self, events: Sequence[StoredEvent]) -> None:
        """Append events, a row each."""

    def events(
        self, version_id: str, since: datetime | None = None, until: datetime | None = None, limit: int | None = None
    ) -> list[MetricEvent]:
        """The events of a version, the newest first."""

    def remove_events(self, version_id: str) -> bool:
        """Forget the events of a version; False if there are none."""

    def version_metrics(self, version_id: str) -> PromptMetrics:
        """What the events of a version come to."""

    def experiment_metrics(self, experiment_id: str) -> dict[str, PromptMetrics]:
        """What the events that were recorded for an experiment come to, by arm."""


@runtime_checkable
class VersioningStore(VersionStorage, ABStorage, Protocol):
    """One place for all of it."""


#: What a manager takes as its storage: a store, its address, or a dict to keep things in in memory.
StorageLike: TypeAlias = "VersioningStore | str | Path | MutableMapping[str, Any] | None"

#: The key of the store in a dict.
_KEY = "dknb.versioning"


def open_storage(storage: StorageLike) -> VersioningStore:
    """The store that is meant.

    Args:
        storage: A store; the path of an SQLite file, or ``postgresql://user@host/database``; a dict, which shares what is in
            memory with whoever has the same one; None for a store of one's own in memory.

    Raises:
        ConfigError: It is none of these.
    """
    from .memory import MemoryVersionStorage

    if storage is None:
        return MemoryVersionStorage()
    if isinstance(storage, str | Path):
        from .sql.store import SQLVersionStorage

        return SQLVersionStorage(storage)
    if isinstance(storage, MutableMapping):
        kept: VersioningStore = storage.setdefault(_KEY, MemoryVersionStorage())
        return kept
    if isinstance(storage, VersioningStore):
        return storage
    raise ConfigError(
        f"Versions cannot be kept in {type(storage).__name__!r}.",
        hint='Give the path of a file, "postgresql://user@host/database", or a storage of dknb.prompts.versioning',
    )


def version_storage(storage: VersionStorage | StorageLike) -> VersionStorage:
    """The same for who needs versions alone.

    Raises:
        ConfigError: It is no storage, and no address of one.
    """
    return storage if isinstance(storage, VersionStorage) else open_storage(storage)
