"""From the words in a cell to what they name: variables of the notebook, else names that an experiment knows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ...errors import did_you_mean
from ..prompting.finding import known_prompts
from ..prompting.values import NotebookValues
from ..session import Session
from .body import LineOf, cell_error

__all__ = ["named_in"]

_FILES = (".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".parquet")
_PARSERS = ("json", "code", "list", "sections")


def named_in(session: Session, told: Mapping[str, Any], line_of: LineOf) -> dict[str, Any]:
    """The arguments of ``Experiment`` that a body means.

    Raises:
        MagicError: It names a variable that is not there.
    """
    given = dict(told)
    given["data"] = _data(session, told["data"], line_of)
    given["prompts"] = _each(told["prompts"], lambda word: _prompt(session, word))
    if "models" in told:
        given["models"] = _each(told["models"], lambda word: _model(session, word))
    if "scorers" in told:
        given["scorers"] = _scorers(session, told["scorers"], line_of)
    if "parse" in told and told["parse"] not in _PARSERS:
        given["parse"] = _variable(session, told["parse"], "parse", line_of)
    if isinstance(told.get("response_format"), str) and told["response_format"] not in ("json", "text"):
        given["response_format"] = _variable(session, told["response_format"], "response_format", line_of)
    return given


def _each(value: Any, meant: Callable[[Any], Any]) -> Any:
    """A word, a list of words, or words by names."""
    if isinstance(value, list):
        return [meant(word) for word in value]
    if isinstance(value, Mapping) and not {"template", "extends", "provider"} & set(value):
        return {name: meant(word) for name, word in value.items()}
    return meant(value)


def _data(session: Session, word: str, line_of: LineOf) -> Any:
    if word in session.namespace:
        return session.namespace[word]
    if word.lower().endswith(_FILES):
        path = Path(word).expanduser()
        return path if path.is_absolute() or path.exists() else session.project.root / path
    return _variable(session, word, "data", line_of)


def _variable(session: Session, word: str, key: str, line_of: LineOf) -> Any:
    if word not in session.namespace:
        near = did_you_mean(word, NotebookValues(session.namespace))
        raise cell_error(
            f"{key} is {word!r}, and the notebook has no variable of that name.{near}", line_of(key), hint=f"{key}: df"
        )
    return session.namespace[word]


def _prompt(session: Session, word: Any) -> Any:
    """A prompt of the library goes before a variable of its name."""
    if not isinstance(word, str) or word in known_prompts(session) or not word.isidentifier():
        return word
    value = session.namespace.get(word)
    return value if isinstance(value, str | Mapping) or callable(value) else word


def _model(session: Session, word: Any) -> Any:
    """A variable that holds a model, or a spec."""
    from ...llm.base import LLMProvider
    from ...llm.config import LLMConfig

    value = session.namespace.get(word) if isinstance(word, str) else None
    return value if isinstance(value, LLMProvider | LLMConfig) else word


def _scorers(session: Session, told: Any, line_of: LineOf) -> Any:
    from ...experiments.scoring.base import Scorer
    from ...experiments.scoring.specs import SCORERS

    def meant(word: Any, *path: str | int) -> Any:
        if not isinstance(word, str) or word in SCORERS:
            return word
        value = session.namespace.get(word)
        if callable(value) or isinstance(value, Scorer):
            return value
        near = did_you_mean(word, SCORERS)
        raise cell_error(
            f"there is no scorer {word!r}, and no function of that name.{near}",
            line_of("scorers", *path),
            hint=f"Scorers: {', '.join(SCORERS)}; or the name of a function",
        )

    if isinstance(told, Mapping):
        return [{name: options} for name, options in told.items()]
    return [meant(word, place) for place, word in enumerate(told)] if isinstance(told, list) else meant(told)
