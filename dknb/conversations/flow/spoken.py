"""Conditions as a flow's file writes them.

``when`` is ``always``, or one key with what it tests: ``{keyword: [solved, works]}``. Functions stand in a file by name
only; the program that reads it says which there are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ...errors import ConfigError, did_you_mean
from ...templates import has_value
from .conditions import (
    ANYTHING,
    AlwaysCondition,
    CompositeCondition,
    ContextCondition,
    CustomCondition,
    JSONCondition,
    KeywordCondition,
    RegexCondition,
    TransitionCondition,
    value_at,
)
from .judged import LLMClassifierCondition, SentimentCondition

__all__ = ["Functions", "condition_of", "function_of", "shown_condition"]

#: Functions of the program, by the names that a file calls them.
Functions = Mapping[str, Callable[..., Any]]

#: What a model is asked where a file gives a question alone.
_QUESTION = """{question} Answer with yes or no, and nothing else.

<answer>
{{{{response}}}}
</answer>"""

_FLAGS = {"ignorecase": re.IGNORECASE, "multiline": re.MULTILINE, "dotall": re.DOTALL}


def condition_of(when: Any, functions: Functions) -> TransitionCondition:
    """The condition that ``when`` stands for, which the schema let pass.

    Raises:
        ConfigError: A pattern is none, or there is no function of that name.
    """
    if when == "always":
        return AlwaysCondition()
    [(kind, given)] = when.items()
    if kind in ("all", "any"):
        parts = [condition_of(each, functions) for each in given]
        return CompositeCondition(parts, "and" if kind == "all" else "or")
    if kind == "custom":
        return CustomCondition(function_of(given, functions))
    return _KINDS[kind](given)


def function_of(name: str, functions: Functions) -> Callable[..., Any]:
    """The function that a file calls ``name``.

    Raises:
        ConfigError: There is none.
    """
    if name not in functions:
        known = f"Known: {', '.join(functions)}" if functions else "Give it when you read the file:  functions={…}"
        raise ConfigError(f"There is no function {name!r}.{did_you_mean(name, functions)}", hint=known)
    return functions[name]


@dataclass(frozen=True)
class ContextHas:
    """Whether a context has a value under a key."""

    key: str
    value: Any = ANYTHING

    def __call__(self, context: dict[str, Any]) -> bool:
        found, value = value_at(context, self.key)
        return has_value(value) if found and self.value is ANYTHING else found and bool(value == self.value)


def _keyword(given: Any) -> TransitionCondition:
    if isinstance(given, dict):
        return KeywordCondition(**given)
    return KeywordCondition([given] if isinstance(given, str) else given)


def _regex(given: Any) -> TransitionCondition:
    if isinstance(given, str):
        return RegexCondition(given)
    flags = 0
    for name in given.get("flags", ()):
        flags |= _FLAGS[name]
    return RegexCondition(given["pattern"], flags)


def _json(given: Any) -> TransitionCondition:
    return JSONCondition(given) if isinstance(given, str) else JSONCondition(**given)


def _context(given: Any) -> TransitionCondition:
    return ContextCondition(ContextHas(given) if isinstance(given, str) else ContextHas(**given))


def _llm(given: Any) -> TransitionCondition:
    if isinstance(given, str):
        return LLMClassifierCondition(_QUESTION.format(question=given), "yes")
    return LLMClassifierCondition(**given)


def _sentiment(given: Any) -> TransitionCondition:
    return SentimentCondition(given) if isinstance(given, str) else SentimentCondition(**given)


_KINDS: dict[str, Callable[[Any], TransitionCondition]] = {
    "keyword": _keyword,
    "regex": _regex,
    "json": _json,
    "context": _context,
    "llm": _llm,
    "sentiment": _sentiment,
}


def shown_condition(when: Any) -> str:
    """What a condition is called that has no name."""
    if isinstance(when, str):
        return when
    [(kind, given)] = when.items()
    if isinstance(given, (str, int, float)):
        return f"{kind} {given}"
    return f"{kind} {', '.join(map(str, given))}" if isinstance(given, list) and kind == "keyword" else str(kind)
