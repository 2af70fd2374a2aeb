"""Trials out of a file that somebody else wrote."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..._lazy import extra
from ...errors import ConfigError, ExperimentError
from ..trials import COLUMNS_AFTER, COLUMNS_BEFORE
from .items import scores_column

if TYPE_CHECKING:
    from ..._frames import DataFrame

__all__ = ["checked_trials", "load_trials", "metrics_in"]

_OWN = (*COLUMNS_BEFORE, *COLUMNS_AFTER)


def load_trials(path: str | Path) -> DataFrame:
    """The table in a CSV or Parquet file (``.csv``, ``.csv.gz``, ``.parquet``), with labels as text.

    Raises:
        ExperimentError: It cannot be read.
        MissingExtra: Parquet needs pyarrow.
    """
    import pandas as pd  # type: ignore[import-untyped]  # its stubs are a package of their own

    file = Path(path)
    try:
        if file.suffix == ".parquet":
            with extra("parquet"):
                import pyarrow  # type: ignore[import-untyped] # noqa: F401 - pandas would name two packages to choose from
            return pd.read_parquet(file)
        if file.suffix in (".csv", ".gz", ".bz2", ".xz", ".zip"):
            labels = ("item", "variant", "prompt", "version", "model", "node_id")
            return pd.read_csv(file, dtype=dict.fromkeys(labels, "object"))
    except (OSError, ValueError) as error:
        raise ExperimentError(f"{str(path)!r} cannot be read: {error}", hint="Is it a table with a header?") from error
    raise ExperimentError(f"{str(path)!r} is neither CSV nor Parquet.", hint="Name it .csv or .parquet")


def metrics_in(frame: DataFrame) -> list[str]:
    """The columns of numbers that are not a trial's own."""
    from pandas.api.types import is_bool_dtype, is_numeric_dtype  # type: ignore[import-untyped]

    return [
        str(name)
        for name in frame.columns
        if name not in _OWN and (is_numeric_dtype(frame[name]) or is_bool_dtype(frame[name]))
    ]


def checked_trials(frame: DataFrame, metrics: Sequence[str] | None = None) -> tuple[DataFrame, list[str]]:
    """The trials with metrics as floats, and the names of these.

    Args:
        frame: At least ``item``, ``variant`` and one column of numbers.
        metrics: Which columns are metrics; all columns of numbers that are not a trial's own.

    Raises:
        ConfigError: A column is missing, a label is, a trial is there twice, or a metric is no number.
    """
    for name in ("item", "variant"):
        if name not in frame.columns:
            raise ConfigError(
                f"There is no column {name!r}.",
                hint=f"Trials have the columns item, variant and a metric; not {_some(frame)}",
            )
        if count := int(frame[name].isna().sum()):
            raise ConfigError(f"{count} rows have no {name}.", hint="Drop or name them first.")
    names = list(metrics) if metrics is not None else metrics_in(frame)
    if not names:
        raise ConfigError("There is no column of numbers to take for a metric.", hint=f"Columns: {_some(frame)}")
    _refuse_doubles(frame)
    scores = {name: scores_column(frame, name) for name in names}
    labels = {name: frame[name].astype(str).astype(object) for name in ("item", "variant")}
    return frame.assign(**labels, **scores), names


def _refuse_doubles(frame: DataFrame) -> None:
    if "repeat" not in frame.columns:
        return
    doubles = frame.duplicated(["item", "variant", "repeat"])
    if doubles.any():
        item, variant, repeat = frame.loc[doubles.idxmax(), ["item", "variant", "repeat"]]
        raise ConfigError(
            f"{int(doubles.sum())} trials are there twice: item {item!r}, variant {variant!r}, repeat {repeat}.",
            hint="Drop them, or leave out the column repeat to have each row count as a repeat.",
        )


def _some(frame: DataFrame) -> str:
    return ", ".join(str(name) for name in list(frame.columns)[:12])
