"""Versions of prompts: each kept as it was, one of them served."""

from __future__ import annotations

from .library import VersionedPromptLibrary
from .manager import VersionManager
from .sqlite import SQLiteVersionStorage
from .storage import MemoryVersionStorage, VersionStorage
from .types import PromptVersion, VersionStatus

__all__ = [
    "MemoryVersionStorage",
    "PromptVersion",
    "SQLiteVersionStorage",
    "VersionManager",
    "VersionStatus",
    "VersionStorage",
    "VersionedPromptLibrary",
]
