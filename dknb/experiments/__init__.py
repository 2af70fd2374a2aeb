"""From a table of items to a verdict: runs, scores, statistics.

Names are imported at first use, so that ``import dknb.experiments`` costs next to nothing.
"""

from __future__ import annotations

from .._lazy import exports

_HOMES: dict[str, str] = {}

__all__ = sorted(_HOMES)

__getattr__, __dir__ = exports(__name__, _HOMES)
