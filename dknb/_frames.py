"""DataFrames of the core's rows: the one place below the notebook that knows pandas, which is loaded at use."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pandas import DataFrame as DataFrame  # type: ignore[import-untyped]  # its stubs are a package of their own

__all__ = ["frame_of"]


def frame_of(
    rows: Sequence[Mapping[str, Any]], kinds: Mapping[str, str], index: Iterable[Any] | None = None
) -> DataFrame:
    """The rows as a table, whose columns are there without rows, too.

    Args:
        rows: Mappings with the keys of ``kinds``.
        kinds: The columns in order, with the dtype of each: ``"Int64"``, ``"float64"``, ``"bool"``, ``"object"``, ...
        index: The labels of the rows; 0, 1, ... if they are not given.
    """
    import pandas as pd

    # pandas would make floats of whole numbers beside a missing one, and a number of True.
    columns = {name: pd.Series([row[name] for row in rows], dtype=object).astype(kind) for name, kind in kinds.items()}
    frame = pd.DataFrame(columns, columns=list(kinds))
    return frame if index is None else frame.set_axis(list(index), axis=0)
