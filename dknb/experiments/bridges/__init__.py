"""Other tools' files: promptfoo, inspect_ai, the vendors' batch files, tables."""

from __future__ import annotations

from ..._lazy import exports

_HOMES = {
    "ImportedExperiment": "imported",
    "export_experiment": "experiments",
    "export_items": "samples",
    "export_requests": "requests",
    "export_trials": "trials",
    "import_experiment": "experiments",
    "import_items": "samples",
    "import_trials": "trials",
}

__all__ = sorted(_HOMES)

__getattr__, __dir__ = exports(__name__, _HOMES)
