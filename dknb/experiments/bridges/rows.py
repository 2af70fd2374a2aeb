"""The frame of trials made of what other tools tell. Importing this imports pandas: do it at use."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd  # type: ignore[import-untyped]  # its stubs are a package of their own

from ..result import ExperimentResult
from ..trials import COLUMNS_AFTER, COLUMNS_BEFORE

__all__ = ["frame_of", "number", "result_of", "whole"]


def frame_of(rows: Sequence[Mapping[str, Any]], metrics: Sequence[str]) -> pd.DataFrame:
    """The frame of trials; what a row does not tell is missing, and an error has no scores."""
    columns: dict[str, Any] = {}
    for name in (*COLUMNS_BEFORE, *metrics, *COLUMNS_AFTER):
        values = [row.get(name) for row in rows]
        if name in metrics:
            scored = [None if row.get("error") is not None else value for row, value in zip(rows, values, strict=True)]
            columns[name] = pd.Series([math.nan if value is None else value for value in scored], dtype="float64")
        elif name in ("prompt_tokens", "completion_tokens"):
            columns[name] = pd.Series(values, dtype="Int64")
        elif name in ("cost_usd", "duration_s"):
            columns[name] = pd.Series([math.nan if value is None else value for value in values], dtype="float64")
        elif name == "repeat":
            columns[name] = pd.Series([value or 0 for value in values], dtype="int64")
        elif name == "cached":
            columns[name] = pd.Series([bool(value) for value in values], dtype=bool)
        else:
            columns[name] = pd.Series(values, dtype=object)
    return pd.DataFrame(columns)


def result_of(rows: Sequence[Mapping[str, Any]], metrics: Sequence[str], name: str | None) -> ExperimentResult:
    """The result that these trials are; repeats are numbered where the file does not tell them apart."""
    seen: dict[tuple[Any, Any], set[int]] = {}
    numbered = []
    for row in rows:
        taken = seen.setdefault((row["item"], row["variant"]), set())
        repeat = row.get("repeat") or 0
        while repeat in taken:
            repeat += 1
        taken.add(repeat)
        numbered.append({**row, "repeat": repeat})
    return ExperimentResult(frame_of(numbered, metrics), metrics, name=name)


def number(value: Any) -> float | None:
    """A number as JSON may tell it; None for what is none, or not finite."""
    if isinstance(value, bool | int | float):
        try:
            told = float(value)
        except OverflowError:
            return None
        return told if math.isfinite(told) else None
    return None


def whole(value: Any) -> int | None:
    """A number of tokens; None for what is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31 else None
