"""The trials of a result, with the columns of the data that was run."""

from __future__ import annotations

from typing import Any

__all__ = ["with_data"]


def with_data(given: Any) -> Any:
    """The frame of trials that a result has, with those columns of its experiment's data that it has not; a frame as it is."""
    frame = getattr(given, "frame", given)
    rows = getattr(getattr(given, "experiment", None), "rows", None)
    if not rows:
        return frame
    names = dict.fromkeys(name for row in rows.values() for name in row if name not in frame)
    return frame.assign(**{name: [rows.get(item, {}).get(name) for item in frame["item"]] for name in names})
