"""What a function or a scorer gives for a whole frame, as columns of numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .base import NoScore, number_of

if TYPE_CHECKING:
    from pandas import DataFrame  # type: ignore[import-untyped]  # its stubs are a package of their own

__all__ = ["columns_of"]


def columns_of(said: Any, metrics: Sequence[str], frame: DataFrame) -> DataFrame:
    """A column of numbers for each metric, with the frame's index.

    Args:
        said: A Series, or anything with a number for each row; of several metrics, a DataFrame or a dict of such.
        metrics: The metrics.
        frame: The frame that was scored.

    Raises:
        NoScore: It is none of that.
    """
    import pandas as pd

    several = said if isinstance(said, pd.DataFrame | Mapping) else {metrics[0]: said}
    if missing := [metric for metric in metrics if metric not in several]:
        raise NoScore(f"it gave no {', '.join(missing)}")
    return pd.DataFrame({metric: _numbers(several[metric], frame) for metric in metrics}, index=frame.index)


def _numbers(said: Any, frame: DataFrame) -> Any:
    import pandas as pd

    if isinstance(said, pd.Series):
        if not said.index.equals(frame.index):
            if said.index.has_duplicates or not said.index.isin(frame.index).all():
                raise NoScore("it gave a Series with another index than the frame's")
            said = said.reindex(frame.index)
        said = said.tolist()
    if isinstance(said, str) or not isinstance(said, Iterable):
        raise NoScore(f"it gave {said!r:.100}, not a number for each row")
    numbers = [number_of(each) for each in said]
    if len(numbers) != len(frame):
        raise NoScore(f"it gave {len(numbers):,} numbers for {len(frame):,} rows")
    return pd.Series(numbers, index=frame.index, dtype="float64")
