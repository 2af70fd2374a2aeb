"""Names of metrics that others gave."""

from __future__ import annotations

from ..trials import COLUMNS_AFTER, COLUMNS_BEFORE

__all__ = ["metric_named"]

_OWN = frozenset({*COLUMNS_BEFORE, *COLUMNS_AFTER, "request"})


def metric_named(name: str) -> str:
    """The name of a metric: one that a trial's own column has gets a mark."""
    return f"{name} (score)" if name in _OWN else name
