"""Any function as a scorer: sync or async, over a row or over the frame."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args, overload

from ..._sync import in_thread
from ...errors import ConfigError
from .base import FrameMarks, FrameScorer, NoScore, Scorer, number_of
from .columns import columns_of
from .kinds import Kind, MetricKind
from .targets import chosen

if TYPE_CHECKING:
    from pandas import DataFrame  # type: ignore[import-untyped]  # its stubs are a package of their own

    from ..trials import Trial

__all__ = ["FrameFunction", "RowFunction", "function_scorer", "scorer"]

F = TypeVar("F", bound=Callable[..., Any])
Over = Literal["row", "frame"]
_MARK = "__dknb_scorer__"
#: What of a trial a function's parameters may name.
_FIELDS = (
    "item", "variant", "prompt", "version", "model", "repeat", "output", "parsed", "prompt_tokens", "completion_tokens",
    "cached", "cost_usd", "duration_s", "request",
)  # fmt: skip
#: Those of them that may be otherwise though the same was sent.
_NAMES = ("item", "variant", "prompt", "version", "model", "repeat", "parsed")


@overload
def scorer(function: F, /) -> F: ...
@overload
def scorer(
    *,
    name: str | None = None,
    over: Over = "row",
    metrics: Sequence[str] | None = None,
    kind: Kind | None = None,
    higher_is_better: bool = True,
    bounds: tuple[float, float] | None = None,
) -> Callable[[F], F]: ...
def scorer(function: Any = None, /, **facts: Any) -> Any:
    """Mark a function as a scorer, and say what it gives; a function over rows needs no mark.

    Args:
        function: The function, where the mark is written without brackets.
        **facts: ``name``, the metric, else the function's name; ``over``: ``"row"`` or ``"frame"``; ``metrics``, where it
            gives several, as a dict or as columns; ``kind`` of its numbers: ``"pass/fail"``, ``"ordinal"`` or
            ``"continuous"``, found out by the statistics where it is not said; ``higher_is_better``; ``bounds``.

    >>> @scorer(name="short", kind="pass/fail")
    ... def is_short(output):
    ...     return len(output) < 100
    """

    def marked(given: Any) -> Any:
        setattr(given, _MARK, facts)
        function_scorer(given)
        return given

    return marked if function is None else marked(function)


def function_scorer(function: Callable[..., Any], **options: Any) -> Scorer:
    """The scorer that a function is.

    Raises:
        ConfigError: It cannot be one: it takes or gives what no scorer does.
    """
    facts = {**getattr(function, _MARK, {}), **options}
    over = chosen("over", facts.pop("over", "row"), get_args(Over))
    name = facts.pop("name", None) or getattr(function, "__name__", type(function).__name__)
    if name == "<lambda>":
        raise ConfigError("A lambda has no name to call its metric by.", hint="{'short': lambda output: ...} names it")
    metrics = facts.pop("metrics", None)
    kinds = _kinds(metrics or [name], **facts)
    return (RowFunction if over == "row" else FrameFunction)(function, name, metrics, kinds)


def _kinds(
    metrics: Sequence[str],
    kind: Kind | None = None,
    higher_is_better: bool = True,
    bounds: tuple[float, float] | None = None,
) -> dict[str, MetricKind]:
    if kind is None and higher_is_better and bounds is None:
        return {}
    if kind == "pass/fail":
        bounds = bounds or (0.0, 1.0)
    return dict.fromkeys(metrics, MetricKind(kind or "continuous", higher_is_better, bounds))


class RowFunction(Scorer):
    """A function of one trial.

    Its parameters are filled by name: ``output``, ``parsed``, ``item``, ``model``, ... of the trial, ``trial`` itself, ``row``
    (a dict of the item's columns and of the trial), or a column of the data. One parameter of another name gets the row.
    A function that does not await runs in a thread, so that a slow one holds up nothing.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        name: str,
        metrics: Sequence[str] | None = None,
        kinds: Mapping[str, MetricKind] | None = None,
    ) -> None:
        super().__init__(name, metrics, kinds)
        self._function = function
        self._awaits = _is_async(function)
        self._wanted, self._row_as = _parameters(function)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that its parameters name and that have no default."""
        return tuple(name for name, needed in self._wanted.items() if needed and name not in (*_FIELDS, "trial", "row"))

    def sees(self, trial: Trial) -> Any:
        """What its parameters are filled with; all, where it gets the row or the trial."""
        if self._row_as is not None or self._wanted.keys() & {"trial", "row"}:
            return super().sees(trial)
        given = [name for name in self._wanted if name in _NAMES or (name not in _FIELDS and name in trial.row)]
        return {name: self._given(name, trial) for name in given}

    async def score(self, trial: Trial) -> Mapping[str, float | None]:
        """What the function says."""
        arguments, named = self._arguments(trial)
        if self._awaits:
            said = await self._function(*arguments, **named)
        else:
            said = await in_thread(self._function, *arguments, **named)
            if inspect.isawaitable(said):
                said = await said
        return self._numbers(said)

    def _arguments(self, trial: Trial) -> tuple[list[Any], dict[str, Any]]:
        if self._row_as is not None:
            return [row_of(trial)], {}
        return [], {
            name: self._given(name, trial) for name, needed in self._wanted.items() if needed or self._has(name, trial)
        }

    def _has(self, name: str, trial: Trial) -> bool:
        return name in trial.row or name in (*_FIELDS, "trial", "row")

    def _given(self, name: str, trial: Trial) -> Any:
        if name == "trial":
            return trial
        if name == "row":
            return row_of(trial)
        if name in _FIELDS:
            return getattr(trial, name)
        if name not in trial.row:
            raise NoScore(f"{self.name} asks for {name!r}, which is no column of the data")
        return trial.row[name]

    def _numbers(self, said: Any) -> dict[str, float | None]:
        if not isinstance(said, Mapping):
            if len(self.metrics) > 1:
                raise NoScore(f"it gave {said!r:.100}, not a dict with {', '.join(self.metrics)}")
            return {self.metrics[0]: number_of(said)}
        if unknown := [str(key) for key in said if key not in self.metrics]:
            raise NoScore(f"it gave {', '.join(unknown)}, which is not among its metrics: {', '.join(self.metrics)}")
        return {metric: number_of(said.get(metric)) for metric in self.metrics}


class FrameFunction(FrameScorer):
    """A function of the frame of all trials, which gives a number for each row: a Series, a list, or a DataFrame."""

    def __init__(
        self,
        function: Callable[..., Any],
        name: str,
        metrics: Sequence[str] | None = None,
        kinds: Mapping[str, MetricKind] | None = None,
    ) -> None:
        super().__init__(name, metrics, kinds)
        self._function = function
        self._awaits = _is_async(function)

    async def frame_marks(self, frame: DataFrame) -> FrameMarks:
        """What the function says, on a copy of the frame.

        Raises:
            NoScore: It does not give a number for each row.
        """
        given = frame.copy()
        said = await (self._function(given) if self._awaits else in_thread(self._function, given))
        return FrameMarks(columns_of(said, self.metrics, frame))


def row_of(trial: Trial) -> dict[str, Any]:
    """The item's columns and what the trial is; where a column has the name of a field, the trial's."""
    return {**trial.row, **{name: getattr(trial, name) for name in _FIELDS}}


def _is_async(function: Any) -> bool:
    inner = function
    while isinstance(inner, functools.partial):
        inner = inner.func
    return inspect.iscoroutinefunction(inner) or inspect.iscoroutinefunction(getattr(inner, "__call__", None))  # noqa: B004


def _parameters(function: Callable[..., Any]) -> tuple[dict[str, bool], str | None]:
    """Its parameters by name and whether it needs each; and the one that gets the row, if there is one."""
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):  # a builtin, which says nothing
        return {}, "row"
    by_name = {
        each.name: each.default is each.empty
        for each in parameters
        if each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)
    }
    needed = [name for name, is_needed in by_name.items() if is_needed]
    if len(needed) == 1 and needed[0] not in (*_FIELDS, "trial", "row"):
        return {}, needed[0]
    positional = [each.name for each in parameters if each.kind is each.POSITIONAL_ONLY and each.default is each.empty]
    if len(positional) > 1 or not parameters:
        raise ConfigError(
            f"{getattr(function, '__name__', function)!r} cannot be a scorer: its parameters have no names to fill.",
            hint="def mine(output, answer): ...  or  def mine(row): ...",
        )
    if positional or not by_name:
        return {}, "row"
    return by_name, None
