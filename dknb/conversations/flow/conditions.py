"""Conditions that look at an answer, or at the context of a flow, without asking anybody."""

from __future__ import annotations

import asyncio
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...errors import ConfigError
from ...llm.answers.parsing import ResponseParser
from .calling import called, places
from .schemas import check_schema, fits

__all__ = [
    "AlwaysCondition",
    "CompositeCondition",
    "ContextCondition",
    "CustomCondition",
    "JSONCondition",
    "KeywordCondition",
    "RegexCondition",
    "TransitionCondition",
    "always",
    "check_condition",
    "context_condition",
    "keyword_condition",
    "regex_condition",
]

#: Seconds that a pattern may take on one answer.
PATTERN_SECONDS = 1.0


class TransitionCondition(ABC):
    """Decides whether a flow goes a way."""

    @abstractmethod
    async def evaluate(self, response: str, context: dict[str, Any]) -> bool:
        """Whether it goes.

        Args:
            response: What the model answered.
            context: The flow's context; besides it ``response``, ``state`` and ``loop_count``.
        """


def check_condition(condition: object, what: str) -> None:
    """Refuse what is no condition.

    Raises:
        ConfigError: It is none; the message calls it ``what``.
    """
    if not isinstance(condition, TransitionCondition):
        wrap = "Wrap it:  CustomCondition(function)" if callable(condition) else "Give a TransitionCondition"
        raise ConfigError(f"{what} is {condition!r:.100}, which is no condition.", hint=wrap)


def _check_function(function: object, takes: str) -> None:
    if not callable(function):
        raise ConfigError(f"A condition is to call {function!r:.100}.", hint=f"Give a function of {takes}")


@dataclass(frozen=True)
class AlwaysCondition(TransitionCondition):
    """Always true: the last of several ways."""

    async def evaluate(self, response: str, context: dict[str, Any]) -> bool:
        """True."""
        return True


@dataclass(frozen=True)
class KeywordCondition(TransitionCondition):
    """True when one of the keywords is in the answer.

    Attributes:
        keywords: Words or phrases.
        case_sensitive: Whether capitals count.
        match_whole_word: Whether a keyword must stand by itself: ``solved`` is then not in ``unsolved``.
    """

    keywords: Sequence[str]
    case_sensitive: bool = False
    match_whole_word: bool = False

    def __post_init__(self) -> None:
        words: Any = self.keywords
        given = list(words) if isinstance(words, Collection) and not isinstance(words, str) else []
        if not given or not all(isinstance(word, str) and word for word in given):
            raise ConfigError(
                f"The keywords of a condition are {self.keywords!r}.", hint='Give a list of words:  ["solved"]'
            )

    async def evaluate(self, response: str, context: dict[str, Any]) -> bool:
        """Whether one is there."""
        return any(re.search(self._pattern(word), response, self._flags) for word in self.keywords)

    @property
    def _flags(self) -> int:
        return 0 if self.case_sensitive else re.IGNORECASE

    def _pattern(self, word: str) -> str:
        # Not \b: a keyword may begin or end with what is no letter, as in "C++".
        return rf"(?<!\w){re.escape(word)}(?!\w)" if self.match_whole_word else re.escape(word)


@dataclass(frozen=True)
class RegexCondition(TransitionCondition):
    """True when a pattern is found in the answer, within a second.

    Attributes:
        pattern: A regular expression, as in Python.
        flags: Flags of ``re``.

    Raises:
        ConfigError: It is none.
    """

    pattern: str
    flags: int = 0

    def __post_init__(self) -> None:
        self._compiled()

    def _compiled(self) -> Any:
        import regex  # type: ignore[import-untyped, unused-ignore]

        try:
            return regex.compile(self.pattern, int(self.flags))  # regex keeps what it compiled
        except (regex.error, TypeError, ValueError) as error:
            raise ConfigError(f"{self.pattern!r} is no regular expression: {error}.") from error

    async def evaluate(self, response: str, context: dict[str, Any]) -> bool:
        """Whether it is found.

        Raises:
            TimeoutError: It took longer than a second.
        """
        pattern = self._compiled()
        try:
            # In a thread, and without Python's lock: a slow one holds nobody up.
            found = await asyncio.to_thread(pattern.search, response, timeout=PATTERN_SECONDS, concurrent=True)
        except TimeoutError:
            raise TimeoutError(f"the pattern {self.pattern!r} took longer than {PATTERN_SECONDS:g} s") from None
        return found is not None


@dataclass(frozen=True)
class _Anything:
    """Stands for a value that may be any."""

    def __repr__(self) -> str:
        return "ANYTHING"


ANYTHING = _Anything()


@dataclass(frozen=True)
class JSONCondition(TransitionCondition):
    """True when there is JSON in the answer, and it is as it should be.

    The first object or array counts, in a fence or in prose; what models get wrong in JSON is mended.

    Attributes:
        key: What must be there: a key, or a path like ``ticket.tags.0``. None looks at the whole.
        value: What must be there under ``key``: a value, or a function that says whether it is right.
        schema: A JSON Schema that the whole must fit. Its references lead to itself: no file, no address is read.

    Raises:
        ConfigError: The schema is none.
    """

    key: str | None = None
    value: Any = ANYTHING
    schema: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        if self.schema is not None:
            check_schema(self.schema)

    async def evaluate(self, response: str, context: dict[str, Any]) -> bool:
        """Whether it is so."""
        data = await asyncio.to_thread(ResponseParser.extract_json, response)
        if data is None or (self.schema is not None and not await asyncio.to_thread(fits, data, self.schema)):
            return False
        found, value = value_at(data, self.key)
        if not found or self.value is ANYTHING:
            return found
        if callable(self.value):
            return bool(self.value(value))
        return (type(value) is type(self.value) and bool(value == self.value)) or _same_number(value, self.value)


def _same_number(one: Any, other: Any) -> bool:
    """Whether both are numbers, and the same: 1 and 1.0 are, 1 and True are not."""
    numbers = all(isinstance(each, (int, float)) and not isinstance(each, bool) for each in (one, other))
    return numbers and bool(one == other)


def value_at(data: Any, path: str | None) -> tuple[bool, Any]:
    """Whether ``path`` (keys and indexes, joined by dots) leads anywhere in ``data``, and to what."""
    if path is None:
        return True, data
    if isinstance(data, Mapping) and path in data:
        return True, data[path]
    for step in path.split("."):
        if isinstance(data, Mapping) and step in data:
            data = data[step]
        elif isinstance(data, list) and step.isascii() and step.isdecimal() and int(step) < len(data):
            data = data[int(step)]
        else:
            return False, None
    return True, data


@dataclass(frozen=True)
class CustomCondition(TransitionCondition):
    """True when a function says so.

    Attributes:
        function: Takes the answer and the context (or the answer alone); may be async.
    """

    function: Callable[..., Any]

    def __post_init__(self) -> None:
        _check_function(self.function, "the answer and the context")

    async def evaluate(self, response: str, context: dict[str, Any]) -> bool:
        """What the function says."""
        arguments = (response, context)[: places(self.function, 2)]
        return bool(await called(self.function, *arguments))


@dataclass(frozen=True)
class ContextCondition(TransitionCondition):
    """True when a function of the context says so.

    Attributes:
        condition_func: Takes the context; may be async.
    """

    condition_func: Callable[[dict[str, Any]], Any]

    def __post_init__(self) -> None:
        _check_function(self.condition_func, "the context")

    async def evaluate(self, response: str, context: dict[str, Any]) -> bool:
        """What the function says."""
        return bool(await called(self.condition_func, context))


@dataclass(frozen=True)
class CompositeCondition(TransitionCondition):
    """Several conditions, asked in order until it is clear.

    Attributes:
        conditions: The conditions, one at least.
        operator: ``"and"`` or ``"or"``.
    """

    conditions: Sequence[TransitionCondition]
    operator: str = "and"

    def __post_init__(self) -> None:
        if self.operator not in ("and", "or"):
            raise ConfigError(f"The operator of a condition is {self.operator!r}.", hint="Give 'and' or 'or'")
        if not self.conditions:
            raise ConfigError("A composite condition needs conditions.")
        for condition in self.conditions:
            check_condition(condition, "A part of a composite condition")

    async def evaluate(self, response: str, context: dict[str, Any]) -> bool:
        """Whether all are true, or one is."""
        wanted = self.operator == "or"
        for condition in self.conditions:
            if await condition.evaluate(response, context) is wanted:
                return wanted
        return not wanted


def always() -> AlwaysCondition:
    """A condition that is always true."""
    return AlwaysCondition()


def keyword_condition(
    keywords: Sequence[str], case_sensitive: bool = False, match_whole_word: bool = False
) -> KeywordCondition:
    """A `KeywordCondition`."""
    return KeywordCondition(keywords, case_sensitive, match_whole_word)


def regex_condition(pattern: str, flags: int = 0) -> RegexCondition:
    """A `RegexCondition`."""
    return RegexCondition(pattern, flags)


def context_condition(condition_func: Callable[[dict[str, Any]], Any]) -> ContextCondition:
    """A `ContextCondition`."""
    return ContextCondition(condition_func)
