"""Versions of prompts: each kept as it was, one of them served; and online A/B experiments with them."""

from __future__ import annotations

from ...errors import VersioningError
from .ab_testing import ABTestManager
from .comparison import VariantComparison
from .experiments import PromptExperiment, PromptVariant
from .fingerprints import prompt_fingerprint
from .library import VersionedPromptLibrary
from .manager import VersionManager
from .measures import MetricEvent, PromptMetrics
from .memory import MemoryVersionStorage
from .metrics import MetricsCollector
from .sql.store import SQLVersionStorage
from .sqlite import SQLiteVersionStorage
from .storage import ABStorage, VersionStorage
from .types import PromptVersion, VersionStatus

__all__ = [
    "ABStorage",
    "ABTestManager",
    "MemoryVersionStorage",
    "MetricEvent",
    "MetricsCollector",
    "PromptExperiment",
    "PromptMetrics",
    "PromptVariant",
    "PromptVersion",
    "SQLVersionStorage",
    "SQLiteVersionStorage",
    "VariantComparison",
    "VersionManager",
    "VersionStatus",
    "VersionStorage",
    "VersionedPromptLibrary",
    "VersioningError",
    "prompt_fingerprint",
]
