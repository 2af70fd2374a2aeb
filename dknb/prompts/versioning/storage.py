"""Where versions are kept: what any such place must do, and one in memory.

A storage is plain and quick; ``VersionManager`` calls it in a thread. Adding is refused when the number is taken, in one
step, so that two kernels that save at once get two numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import RLock
from typing import Protocol

from .types import PromptVersion

__all__ = ["MemoryVersionStorage", "VersionStorage"]

#: What makes a version of a version.
Change = Callable[[PromptVersion], PromptVersion]


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
        """A number that is another after each change, whoever made it."""


class MemoryVersionStorage:
    """Versions that are gone with the process."""

    def __init__(self) -> None:
        self._kept: dict[str, PromptVersion] = {}
        self._revision = 0
        self._lock = RLock()

    def add(self, version: PromptVersion) -> bool:
        """Keep a version; False if its prompt has one of that number."""
        with self._lock:
            there = self.versions(version.name, version.prompt_type)
            if any(each.version == version.version for each in there):
                return False
            self._kept[version.version_id] = version
            self._revision += 1
            return True

    def update(self, name: str, prompt_type: str, change: Change) -> None:
        """Put ``change(version)`` in place of each version of a prompt, in one step."""
        with self._lock:
            for version in self.versions(name, prompt_type):
                self._kept[version.version_id] = change(version)
            self._revision += 1

    def remove(self, version_id: str) -> bool:
        """Forget a version; False if there is none of that id."""
        with self._lock:
            self._revision += 1
            return self._kept.pop(version_id, None) is not None

    def find(self, version_id: str) -> PromptVersion | None:
        """The version of that id."""
        return self._kept.get(version_id)

    def versions(self, name: str, prompt_type: str) -> list[PromptVersion]:
        """The versions of a prompt, in no order."""
        with self._lock:
            return [each for each in self._kept.values() if (each.name, each.prompt_type) == (name, prompt_type)]

    def names(self, prompt_type: str) -> list[str]:
        """The names of prompts that have versions, sorted."""
        with self._lock:
            return sorted({each.name for each in self._kept.values() if each.prompt_type == prompt_type})

    def revision(self) -> int:
        """A number that is another after each change."""
        return self._revision
