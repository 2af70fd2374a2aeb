"""``dknb.prompt("name")``: a prompt of the library as a function of its parameters."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ..._sync import in_thread, run
from ...errors import ConfigError, DknbError, PromptError, did_you_mean
from ..extension import session_here
from ..session import Session
from ..views.text import shorten
from .adapters import retrieving
from .finding import ALL_KINDS, FoundPrompt, PromptKind, find_prompt
from .rendered import PromptRender
from .rendering import builder_for, render_found
from .signature import signature_text, told_parameters
from .source import parameters_of, source, usable_parameters, whole_prompt

if TYPE_CHECKING:
    from pandas import DataFrame  # type: ignore[import-untyped]

    from ...prompts.builder import PromptBuilder
    from ...prompts.parameters import ParameterSpec
    from ...prompts.types import PromptTemplateDict

__all__ = ["NamedPrompt", "RenderRow", "prompt"]

#: Renders of one ``map`` that search at the same time.
_AT_ONCE = 8
#: Columns that a message names.
_COLUMNS = 5


@dataclass(frozen=True)
class RenderRow:
    """One render of several, as a row.

    Attributes:
        content: The text; None where there is none.
        params_missing: Parameters without a value.
        validation_warnings: What validation had to say.
        tokens: How many tokens the text is for the current model.
        error: Why there is no text; None where there is one.
    """

    content: str | None
    params_missing: list[str]
    validation_warnings: list[str]
    tokens: int | None
    error: str | None


def prompt(name: str, *, kind: PromptKind | None = None, adapters: Mapping[str, Any] | None = None) -> NamedPrompt:
    """The prompt ``name`` of the library as a function: ``dknb.prompt("summarise")(text=df.text[0])``.

    Args:
        name: Its name, or ``NAME@1.2`` for a version.
        kind: Which it is where several have the name, ``user``, ``system`` or ``messages``; else the first of these.
        adapters: What its retrievals search in, by name: adapters, dicts, DataFrames or lists of texts. Those that are
            not given are variables of the notebook.

    Raises:
        PromptNotFound: There is none; the message has the nearest.
    """
    return NamedPrompt(session_here(), name, kind, adapters)


class NamedPrompt:
    """A prompt of the library as a function of its parameters. An edited file is used by the next call.

    Attributes:
        name: Its name.
        adapters: What its retrievals search in, as far as it was given.
    """

    def __init__(
        self,
        session: Session,
        name: str,
        kind: PromptKind | None = None,
        adapters: Mapping[str, Any] | None = None,
    ) -> None:
        self.name = name
        self._session = session
        self._kinds: tuple[PromptKind, ...] = ALL_KINDS if kind is None else (kind,)
        self.adapters = dict(adapters or {})
        # What shift-tab shows; a prompt that is broken now says so when it is called.
        found = self.found()
        with contextlib.suppress(DknbError):
            whole, parameters = self.whole(), self.parameters
            self.__signature__ = signature_text(parameters, whole)
            self.__doc__ = told_parameters(found, parameters, whole)

    def __call__(self, *values: Any, **params: Any) -> PromptRender:
        """Render it; parameters that are not given have their defaults, not the notebook's variables.

        Raises:
            PromptError: A value has no name, it has no such parameter, is broken, or cannot be rendered.
            MissingParameters: Required parameters have no value, and its validation is strict.
        """
        if values:
            first = next(iter(self.parameters), None)
            raise PromptError(
                f"Prompt {self.name!r} takes its parameters by name"
                + (f": {first}={shorten(repr(values[0]), 40)}." if first is not None else ", and has none."),
                hint=f"Its parameters: {', '.join(self.parameters) or 'none'}",
            )
        self._check(params)
        return self.rendered(params)

    def rendered(self, params: Mapping[str, Any], *, include_rag: bool = True, called: str = "caller") -> PromptRender:
        """Render it with parameters that are its own, which come from ``called``; ``include_rag=False`` searches nothing.

        Raises:
            DknbError: As a call.
        """
        found = self.found()
        spec = self._session.config.spec
        return render_found(self._builder(found), found, params, spec, include_rag=include_rag, called=called)

    def map(self, data: DataFrame | Iterable[Mapping[str, Any]], *, model: Any = None, **params: Any) -> DataFrame:
        """Render it once for each row; with a model, ask it for each row.

        Args:
            data: A DataFrame, mappings, or a Series that is called like a parameter (or is for the only one). Columns
                that are called like parameters give their values; a missing value (NaN, NaT, None) is none. Other
                columns are left alone; where a value is missing, a warning names them.
            model: A spec, a config or a provider, or a list of them. The answers are kept in the store: run again, only
                what is missing is asked.
            **params: Values for all rows, where there is no column of that name. With a model also what `Experiment`
                takes: ``repeats``, ``scorers``, ``name``, ``budget``, ``temperature``, ...

        Returns:
            A DataFrame with the index of ``data`` and the columns of `RenderRow`: content, params_missing,
            validation_warnings, tokens, error. A row that cannot be rendered has an error and no content. With a model
            a frame of trials: item, variant, ..., output, parsed, the scores, tokens, cost_usd, error, node_id.

        Raises:
            PromptError: The prompt is broken, or has no parameter of a name in ``params``.
            ConfigError: Two columns have the name of a parameter, or no column and no value is for any.
        """
        from ..frames import parameter_rows, renders_frame

        parameters = self.parameters
        if model is not None:
            from ..experimenting.mapping import answers_for

            own = {name: value for name, value in params.items() if name in parameters}
            options = {name: value for name, value in params.items() if name not in parameters}
            return answers_for(self._session, self, data, model, own, options)
        self._check(params)
        given = parameter_rows(data, parameters)
        if parameters and not params and not given.columns:
            raise ConfigError(
                f"No column gives a parameter of {self.name!r}.{_no_parameters(given.others, parameters)}",
                hint=f"Its parameters: {', '.join(parameters)}",
            )
        rows = self._render_rows([{**params, **row} for row in given.rows])
        unknown = _no_parameters(given.others, [name for name in parameters if name not in given.columns])
        if unknown:
            rows = [_warned(row, unknown.strip()) if row.params_missing else row for row in rows]
        return renders_frame(rows, given.index)

    @property
    def parameters(self) -> dict[str, ParameterSpec | None]:
        """Its parameters, with what is declared about each; None for one that is only used."""
        return parameters_of(self._session, self.found())

    def found(self) -> FoundPrompt:
        """It as it stands in the library now.

        Raises:
            PromptNotFound: It is gone.
            PromptError: It is broken.
        """
        return find_prompt(self._session, self.name, self._kinds)

    def whole(self) -> PromptTemplateDict:
        """Its keys, with those of its bases; for reading only.

        Raises:
            PromptError: It, or one of its bases, is broken.
        """
        return whole_prompt(self._session, self.found())

    def retrieves(self) -> bool:
        """Whether it searches before it is rendered."""
        whole = self.whole()
        return bool(whole.get("rag_configs") or whole.get("rag_config_refs"))

    def _check(self, params: Mapping[str, Any]) -> None:
        known = self.parameters
        for name in params:
            # What retrieval fills may be given too.
            if name not in known and name not in usable_parameters(self._session, self.found()):
                raise PromptError(
                    f"Prompt {self.name!r} has no parameter {name!r}.{did_you_mean(name, known)}",
                    hint=f"Its parameters: {', '.join(known) or 'none'}",
                )

    def _builder(self, found: FoundPrompt) -> PromptBuilder:
        rag = retrieving(self._session, found.prompt, found.name, given=self.adapters)
        return builder_for(self._session, rag, self._session.config.spec)

    def _render_rows(self, rows: list[dict[str, Any]]) -> list[RenderRow]:
        found = self.found()
        builder = self._builder(found)
        if not builder.adapters:
            return [self._row(builder, found, params) for params in rows]
        return run(self._side_by_side(builder, found, rows))

    async def _side_by_side(
        self, builder: PromptBuilder, found: FoundPrompt, rows: list[dict[str, Any]]
    ) -> list[RenderRow]:
        slots = asyncio.Semaphore(_AT_ONCE)

        async def row(params: dict[str, Any]) -> RenderRow:
            async with slots:
                return await in_thread(self._row, builder, found, params)

        return await asyncio.gather(*map(row, rows))

    def _row(self, builder: PromptBuilder, found: FoundPrompt, params: dict[str, Any]) -> RenderRow:
        try:
            result = render_found(builder, found, params, self._session.config.spec)
        except DknbError as error:
            return RenderRow(None, list(getattr(error, "names", [])), [], None, str(error))
        return RenderRow(result.content, result.params_missing, result.validation_warnings, result.tokens[0], None)

    def __repr__(self) -> str:
        told = ", ".join(name if spec is None else f"{name}: {spec}" for name, spec in self.parameters.items())
        return f"dknb.prompt({self.name!r})({told})"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        from ..views.prompt_source import source_bundle

        return {**source_bundle(source(self._session, self.found())), "text/plain": repr(self)}


def _no_parameters(columns: Sequence[str], missing: Iterable[str]) -> str:
    """That these columns are no parameters, and which of those that are missing may have been meant."""
    if not columns:
        return ""
    shown = ", ".join(map(repr, columns[:_COLUMNS])) + (", ..." if len(columns) > _COLUMNS else "")
    near = next((told for name in columns if (told := did_you_mean(name, missing))), "")
    said = f"Column {shown} is no parameter." if len(columns) == 1 else f"Columns {shown} are no parameters."
    return f" {said}{near}"


def _warned(row: RenderRow, warning: str) -> RenderRow:
    return replace(row, validation_warnings=[*row.validation_warnings, warning])
