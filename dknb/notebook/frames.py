"""DataFrames of what the notebook lists: rows of the core in, pandas out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd  # type: ignore[import-untyped]  # its stubs are a package of their own

from ..errors import ConfigError
from ..prompts.rag.ablation import LeftOut
from .prompting.listing import ProblemRow, PromptNotes, PromptRow
from .prompting.named import RenderRow
from .views.table import table_bundle
from .views.text import note, shorten

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    from ..prompts.parameters import ParameterSpec

__all__ = [
    "ListedExperiments",
    "ListedProblems",
    "ListedPrompts",
    "experiments_frame",
    "left_out_frame",
    "parameter_rows",
    "problems_frame",
    "prompts_frame",
    "renders_frame",
    "replies_frame",
    "text_frame",
]


class _Listed(pd.DataFrame):  # type: ignore[misc]  # without stubs it is Any
    """A table that shows itself as dknb's tables look; what is made of it is a plain DataFrame.

    Attributes:
        title: What stands above it.
        empty_note: What is said where there are no rows.
    """

    title = ""
    empty_note = ""

    @property
    def _constructor(self) -> Any:
        return pd.DataFrame

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        if self.empty:
            return note(self.empty_note)
        rows = [tuple(map(_shown, row)) for row in self._told_rows()]
        return table_bundle([str(name) for name in self.columns], rows, title=self.title, tips=self._tips())

    def _told_rows(self) -> list[list[Any]]:
        """The cells as they are shown."""
        return [list(row) for row in self.itertuples(index=False)]

    def _tips(self) -> dict[tuple[int, int], str]:
        """What a cell says to a pointer that rests on it, by row and column."""
        return {}


class ListedPrompts(_Listed):
    """The prompts of a library: name, kind, parameters, version, description, file.

    Its view marks required parameters with ``*`` and versions that are served instead of the file with ``promoted``, and tells below a resting pointer when to use a prompt.

    Attributes:
        notes: What is told beside the columns, by kind and name.
    """

    title = "prompts (* required)"
    empty_note = "The library has no prompts.  %%prompt NAME --save  writes one"
    notes: Mapping[tuple[str, str], PromptNotes] = {}

    def _notes_of(self, row: Any) -> PromptNotes:
        return self.notes.get((str(getattr(row, "kind", "")), str(getattr(row, "name", ""))), PromptNotes())

    def _told_rows(self) -> list[list[Any]]:
        told = super()._told_rows()
        columns = list(self.columns)
        for cells, row in zip(told, self.itertuples(index=False), strict=True):
            notes = self._notes_of(row)
            if "parameters" in columns:
                place = columns.index("parameters")
                cells[place] = [f"{name} *" if name in notes.required else name for name in cells[place]]
            if "version" in columns and notes.promoted:
                cells[columns.index("version")] += " promoted"
        return told

    def _tips(self) -> dict[tuple[int, int], str]:
        place = list(self.columns).index("description") if "description" in self.columns else 0
        rows = enumerate(self.itertuples(index=False))
        return {(at, place): tip for at, row in rows if (tip := self._notes_of(row).when_to_use)}


class ListedProblems(_Listed):
    """What is wrong in a library: file, line, column, severity, problem, hint."""

    title = "problems of the library"
    empty_note = "no problems in the library"


class ListedExperiments(_Listed):
    """Online A/B experiments: a row for each variant of each.

    Columns: experiment_id, prompt, status, variant, share, users, uses, success_rate, avg_response_time, avg_tokens,
    avg_rating; an average of nothing is missing.
    """

    title = "online A/B experiments"
    empty_note = "There are no online A/B experiments.  ABTestManager.create_experiment(...) begins one"

    def _told_rows(self) -> list[list[Any]]:
        return [[_rounded(value) for value in row] for row in super()._told_rows()]


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return None if value != value else f"{value:.4g}"
    return value


def experiments_frame(frame: pd.DataFrame) -> ListedExperiments:
    """The table of ``ABTestManager.to_frame``, which shows itself as dknb's tables look."""
    return ListedExperiments(frame)


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return "" if value is None or value is pd.NA else shorten(str(value), 300)


def prompts_frame(rows: Sequence[PromptRow]) -> ListedPrompts:
    """The rows of a library as a table; ``parameters`` holds lists of names."""
    columns = _columns(PromptRow, rows)
    del columns["notes"]
    frame = ListedPrompts(columns)
    frame.notes = {(row.kind, row.name): row.notes for row in rows}
    return frame


def problems_frame(rows: Sequence[ProblemRow]) -> ListedProblems:
    """The problems of a library as a table; ``line`` and ``column`` are whole numbers from 1, or missing."""
    frame = ListedProblems(_columns(ProblemRow, rows))
    for name in ("line", "column"):
        frame[name] = frame[name].astype("Int64")
    return frame


def _columns(kind: type[DataclassInstance], rows: Sequence[DataclassInstance]) -> dict[str, Any]:
    return {field.name: pd.Series([getattr(row, field.name) for row in rows], dtype=object) for field in fields(kind)}


def text_frame(name: str, texts: Sequence[Any]) -> pd.DataFrame:
    """A list as a table that can be searched: its texts are the column ``content``, beside where each came from.

    Mappings that have a ``content`` are rows as they are.

    Raises:
        ConfigError: Some are mappings without one.
    """
    if texts and all(isinstance(item, Mapping) for item in texts):
        if not all("content" in item for item in texts):
            raise ConfigError(f"Mappings in {name!r} have no 'content'.", hint='[{"content": "...", "source": "..."}]')
        return pd.DataFrame([dict(item) for item in texts])
    return pd.DataFrame({"content": list(map(str, texts)), "source": [f"{name}[{n}]" for n in range(len(texts))]})


class ParameterRows(NamedTuple):
    """What the rows of a table give of a prompt's parameters.

    Attributes:
        index: The table's index.
        columns: The columns that count.
        rows: The values.
        others: The columns that are no parameters.
    """

    index: pd.Index
    columns: list[str]
    rows: list[dict[str, Any]]
    others: list[str]


def parameter_rows(data: Any, parameters: Mapping[str, ParameterSpec | None]) -> ParameterRows:
    """The values of parameters in each row of ``data``, as Python has them; missing ones are left out.

    Args:
        data: A DataFrame, mappings, or a Series with the name of a parameter.
        parameters: The columns that count, with what is declared about each.

    Raises:
        ConfigError: It is neither, or two columns have the name of a parameter.
    """
    if isinstance(data, pd.Series):
        # A column of its own name, or of the parameter where there is but one.
        data = data.to_frame(next(iter(parameters)) if len(parameters) == 1 else data.name)
    frame = data if isinstance(data, pd.DataFrame) else _frame_of(data)
    columns = [name for name in parameters if name in frame.columns]
    chosen = frame[columns]
    if len(chosen.columns) != len(columns):
        twice = next(name for name in columns if list(frame.columns).count(name) > 1)
        raise ConfigError(f"Two columns are called {twice!r}, which is a parameter.", hint="Rename one of them")
    values = [_plain_column(chosen[name].tolist(), parameters[name]) for name in columns]
    rows = zip(*values, strict=True) if columns else [()] * len(frame)
    given = [{name: value for name, value in zip(columns, row, strict=True) if value is not None} for row in rows]
    others = [str(name) for name in frame.columns if name not in parameters]
    return ParameterRows(frame.index, columns, given, others)


def _frame_of(data: Any) -> pd.DataFrame:
    rows = list(data) if not isinstance(data, str | bytes | Mapping) and hasattr(data, "__iter__") else None
    if rows is None or not all(isinstance(row, Mapping) for row in rows):
        raise ConfigError(
            f"Rows are a DataFrame or mappings, not {type(data).__name__!r}.", hint='[{"text": "..."}, ...]'
        )
    return pd.DataFrame(
        {name: pd.Series([row.get(name) for row in rows], dtype=object) for row in rows for name in row}
    )


def _plain_column(values: list[Any], spec: ParameterSpec | None) -> list[Any]:
    """The values of a column as Python has them; numbers and truths in a column for a text are its text.

    pandas makes floats of whole numbers that stand beside a missing one: they become whole again.
    """
    plain = [_plain(value) for value in values]
    kind = spec.type if spec is not None else "any"
    given = [value for value in plain if value is not None]
    spoilt = len(given) < len(plain) and all(isinstance(value, float) and value.is_integer() for value in given)
    if kind == "integer" or (kind == "string" and spoilt):
        plain = [int(value) if isinstance(value, float) and value.is_integer() else value for value in plain]
    return [str(value) if kind == "string" and isinstance(value, int | float) else value for value in plain]


def _plain(value: Any) -> Any:
    """A value as Python has it; None for those that pandas counts as missing."""
    if value is pd.NaT or value is pd.NA or (isinstance(value, float) and value != value):
        return None
    return value.item() if type(value).__module__ == "numpy" and getattr(value, "ndim", None) == 0 else value


def replies_frame(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Answers that were asked for side by side as a table, one row each: those of `CallReply.to_row`."""
    frame = pd.DataFrame({name: pd.Series([row[name] for row in rows], dtype=object) for name in rows[0]})
    kinds = {"prompt_tokens": "Int64", "completion_tokens": "Int64", "cost_usd": "float64", "duration_s": "float64"}
    return frame.astype(kinds)


def renders_frame(rows: Sequence[RenderRow], index: pd.Index) -> pd.DataFrame:
    """The renders of a prompt as a table: content, params_missing, validation_warnings, tokens, error."""
    frame = pd.DataFrame(_columns(RenderRow, rows))
    frame["tokens"] = frame["tokens"].astype("Int64")
    return frame.set_axis(index, axis=0)


def left_out_frame(rows: Sequence[LeftOut], *, answered: bool) -> pd.DataFrame:
    """A prompt without each of its retrieved texts as a table; answers are columns where a model was asked."""
    frame = pd.DataFrame(_columns(LeftOut, rows))
    for name, kind in (("chunk", "Int64"), ("tokens_saved", "Int64"), ("score", "float64"), ("similarity", "float64")):
        frame[name] = frame[name].astype(kind)
    return frame if answered else frame.drop(columns=["answer", "answer_without", "similarity"])
