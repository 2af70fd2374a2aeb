"""Trials as tables: a row a trial, or in long form a row a trial and metric. Importing this imports pandas."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd  # type: ignore[import-untyped]  # its stubs are a package of their own

from ..._lazy import extra
from ...errors import ConfigError
from ..statistics.reading import checked_trials, load_trials
from ..statistics.summaries import flat
from .cells import escaped, plain
from .files import refused, written_whole

if TYPE_CHECKING:
    from ..result import ExperimentResult

__all__ = ["from_long", "long_form", "read_table", "write_table"]

#: What tells a trial from another, and a metric's columns.
_TRIAL = ("item", "variant", "prompt", "version", "model", "repeat")
_METRIC = ("metric", "value")


def long_form(result: ExperimentResult) -> pd.DataFrame:
    """A row for each trial and metric: ``item, variant, prompt, version, model, repeat, metric, value``.

    A trial without a number of a metric has a row with NaN, so that what is missing is seen.
    """
    if not result.metrics:
        raise ConfigError("These trials have no metric.", hint="Give the experiment scorers=[...]")
    own = [name for name in _TRIAL if name in result.frame.columns]
    return result.frame.melt(own, list(result.metrics), "metric", "value")


def from_long(frame: pd.DataFrame, path: Path) -> tuple[pd.DataFrame, list[str]]:
    """The trials of a table in long form, and their metrics.

    Raises:
        BridgeError: A trial has a metric twice.
    """
    own = [name for name in _TRIAL if name in frame.columns]
    doubles = frame.duplicated([*own, "metric"])
    if doubles.any():
        first = frame.loc[doubles.idxmax()]
        raise refused(path, f"The metric {first['metric']!r} is there twice.", item=str(first["item"]))
    metrics = [str(name) for name in dict.fromkeys(frame["metric"])]
    places = frame.groupby(own, dropna=False, sort=False).ngroup()
    wide = frame[own].groupby(places, sort=False).first()
    values = frame.assign(place=places).pivot(index="place", columns="metric", values="value")
    return wide.join(values[metrics]).reset_index(drop=True), metrics


def write_table(frame: pd.DataFrame, path: Path) -> None:
    """Write a table as CSV or Parquet; in a CSV no cell is a formula, and what was parsed is JSON.

    Raises:
        BridgeError: It cannot be written.
        MissingExtra: Parquet needs pyarrow.
    """
    frame = flat(frame)
    if path.suffix == ".parquet":
        with extra("parquet"):
            import pyarrow  # type: ignore[import-untyped]  # noqa: F401 - pandas would name two packages
        frame.to_parquet(path, index=False)
    elif path.suffix == ".csv":
        texts = {name: frame[name].map(escaped) for name in _texts(frame)}
        written_whole(path, frame.assign(**texts).to_csv(index=False).encode("utf-8", "replace"))
    else:
        raise refused(path, "The file's kind is not known.", hint="Name it .csv or .parquet")


def read_table(path: Path, form: str | None) -> tuple[pd.DataFrame, list[str]]:
    """The trials of a table and their metrics; ``form`` is ``"long"``, ``"wide"``, or None to see.

    Raises:
        BridgeError: It is not of that form.
        ConfigError: It does not hold trials.
        ExperimentError: It cannot be read.
    """
    frame = load_trials(path)
    if path.suffix != ".parquet":
        frame = frame.assign(**{name: frame[name].map(plain) for name in _texts(frame)})
    is_long = set(_METRIC) <= set(frame.columns)
    if form == "long" and not is_long:
        raise refused(path, "A table in long form has the columns metric and value.")
    if form == "long" or (form is None and is_long):
        frame, metrics = from_long(frame, path)
        return checked_trials(frame, metrics)
    return checked_trials(frame)


def _texts(frame: pd.DataFrame) -> list[str]:
    """The columns that may have texts in them."""
    from pandas.api.types import is_bool_dtype, is_numeric_dtype  # type: ignore[import-untyped]

    return [name for name in frame.columns if not (is_numeric_dtype(frame[name]) or is_bool_dtype(frame[name]))]
