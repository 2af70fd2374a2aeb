"""From what people write to the scorers that it means."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import import_module
from typing import Any

from ...errors import ConfigError, did_you_mean
from ...prompts.library import AbstractPromptLibrary
from ..trials import COLUMNS_AFTER, COLUMNS_BEFORE
from .base import Scorer
from .functions import function_scorer

__all__ = ["SCORERS", "check_columns", "scorers_of"]

#: The scorers by the names that specifications use, and where each is.
SCORERS = {
    "exact": "checks.texts:Exact",
    "contains": "checks.texts:Contains",
    "regex": "checks.patterns:Regex",
    "numeric": "checks.numeric:Numeric",
    "json_valid": "checks.structure:JsonValid",
    "json_schema": "checks.structure:JsonSchema",
    "json_field": "checks.structure:JsonField",
    "similarity": "checks.similarity:Similarity",
    "rouge_l": "checks.overlap:RougeL",
    "bleu": "checks.overlap:Bleu",
    "length": "checks.measures:Length",
    "price": "checks.measures:Price",
    "time": "checks.measures:Duration",
    "judge": "judging.judge:LLMJudge",
    "pairwise": "judging.pairwise:PairwiseJudge",
}
_TAKEN = frozenset({*COLUMNS_BEFORE, *COLUMNS_AFTER, "request"})
_WANTED = "Give a name, {name: options}, a Scorer, or a function"

Spec = str | Scorer | Callable[..., Any] | Mapping[str, Any]


def scorers_of(specs: Spec | Sequence[Spec], *, library: AbstractPromptLibrary | None = None) -> list[Scorer]:
    """The scorers that are meant.

    Args:
        specs: Scorers, each as a name (``"exact"``), a mapping from names to options (``{"numeric": {"tolerance": 0.01}}``;
            a single value is the option that matters most: ``{"regex": "[0-9]+"}``), a `Scorer`, or a function; in a mapping
            a name may also lead to a function.
        library: Where judges look for their rubric, before the rubrics of dknb.

    Raises:
        ConfigError: There is no such scorer or option, an option is wrong, or two give a metric of one name.
    """
    given = [specs] if isinstance(specs, str | Scorer | Mapping) or callable(specs) else list(specs)
    made = [scorer for spec in given for scorer in _scorers(spec, library)]
    _check_metrics(made)
    return made


def check_columns(scorers: Iterable[Scorer], columns: Iterable[str]) -> None:
    """Refuse scorers that the data has no column for.

    Raises:
        ConfigError: A column is not there.
    """
    known = [str(column) for column in columns]
    for scorer in scorers:
        for column in scorer.columns:
            if column not in known:
                raise ConfigError(
                    f"The scorer {scorer.name!r} needs the column {column!r}, and the data has none of that name."
                    f"{did_you_mean(column, known)}",
                    hint=f"The data's columns: {', '.join(known)}. Which one it is:  {{{scorer.name}: {{target: ...}}}}",
                )


def _scorers(spec: Any, library: AbstractPromptLibrary | None) -> list[Scorer]:
    if isinstance(spec, Scorer):
        return [spec]
    if isinstance(spec, str):
        return [_named(spec, {}, library)]
    if isinstance(spec, Mapping):
        if not spec or not all(isinstance(name, str) for name in spec):
            raise ConfigError(f"{spec!r:.100} is no scorer.", hint=_WANTED)
        return [_of_entry(name, options, library) for name, options in spec.items()]
    if isinstance(spec, type) and issubclass(spec, Scorer):
        raise ConfigError(f"{spec.__name__} is a class of scorers.", hint=f"Make one:  {spec.__name__}()")
    if callable(spec):
        return [function_scorer(spec)]
    raise ConfigError(f"{spec!r:.100} is no scorer.", hint=_WANTED)


def _of_entry(name: str, options: Any, library: AbstractPromptLibrary | None) -> Scorer:
    """The scorer of one entry of a mapping."""
    if callable(options) and not isinstance(options, type) and name not in SCORERS:
        return function_scorer(options, name=name)
    kind = _class(name)
    if options is None:
        options = {}
    elif not isinstance(options, Mapping) or (kind.shorthand == "schema" and "schema" not in options):
        if kind.shorthand is None:
            raise ConfigError(f"The options of {name} are {options!r:.100}.", hint=f"{name}: {{option: value}}")
        options = {kind.shorthand: options}
    return _named(name, options, library)


def _named(name: str, options: Mapping[str, Any], library: AbstractPromptLibrary | None) -> Scorer:
    kind = _class(name)
    known = {option: needed for option, needed in _options_of(kind).items() if option != "self"}
    for option in options:
        if option not in known:
            raise ConfigError(
                f"The scorer {name!r} has no option {option!r}.{did_you_mean(str(option), known)}",
                hint=f"Options of {name}: {', '.join(known)}" if known else f"{name} has no options",
            )
    if missing := [option for option, needed in known.items() if needed and option not in options]:
        raise ConfigError(f"The scorer {name!r} needs {' and '.join(missing)}.", hint=f"{name}: {{{missing[0]}: ...}}")
    _check_simple(name, kind, options)
    if "library" in known and library is not None:
        options = {"library": library, **options}
    try:
        return kind(**options)
    except TypeError as error:
        raise ConfigError(f"The scorer {name!r} cannot be made of {dict(options)!r:.200}: {error}.") from error


def _options_of(kind: type[Scorer]) -> dict[str, bool]:
    """Its options, and whether each must be given."""
    return {each.name: each.default is each.empty for each in inspect.signature(kind.__init__).parameters.values()}


def _check_simple(name: str, kind: type[Scorer], options: Mapping[str, Any]) -> None:
    """Refuse what is no truth value, or no name, where one is wanted."""
    parameters = inspect.signature(kind.__init__).parameters
    for option, value in options.items():
        wanted = {"bool": bool, "str": str}.get(str(parameters[option].annotation))
        if wanted is not None and not isinstance(value, wanted):
            what = "true or false" if wanted is bool else "a text"
            raise ConfigError(f"{option} of {name} is {value!r:.80}.", hint=f"{option} is {what}")


def _class(name: str) -> type[Scorer]:
    if name not in SCORERS:
        raise ConfigError(
            f"There is no scorer {name!r}.{did_you_mean(name, SCORERS)}", hint=f"Scorers: {', '.join(SCORERS)}"
        )
    module, _, kind = SCORERS[name].partition(":")
    found: type[Scorer] = getattr(import_module(f".{module}", __package__), kind)
    return found


def _check_metrics(scorers: Sequence[Scorer]) -> None:
    seen: set[str] = set()
    for scorer in scorers:
        metrics: Sequence[Any] = scorer.metrics
        for metric in metrics:
            if not isinstance(metric, str) or not metric.strip():
                raise ConfigError(f"{metric!r} is no name for a metric.", hint='Give a text:  name="mine"')
            if metric in _TAKEN:
                raise ConfigError(
                    f"A metric cannot be called {metric!r}: each trial has that already.",
                    hint='Give it a name:  name="..."',
                )
            if metric in seen:
                raise ConfigError(
                    f"Two scorers give the metric {metric!r}.",
                    hint=f'Call one of them something else:  {{{metric}: {{name: "other"}}}}',
                )
            seen.add(metric)
