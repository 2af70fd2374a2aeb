"""The values on a prompt's line: what is declared about a parameter says what its word means."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ...errors import PromptError
from ..line_words import parse_value

if TYPE_CHECKING:
    from ...prompts.parameters import ParameterSpec

__all__ = ["line_values", "written_value"]

_TEXTS = ("string", "enum")
_IN_BRACKETS = {"list": list, "object": dict}


class _Whole(int):
    """A whole number that prints as it was written: ``-0``."""

    word = ""

    def __str__(self) -> str:
        return self.word


class _Number(float):
    """A number that prints as it was written: ``1.50``, ``1e5``."""

    word = ""

    def __str__(self) -> str:
        return self.word


class _No(str):
    """``false``, ``null`` or ``None``: that word where it is printed, and no where it is asked for."""

    __slots__ = ()

    def __bool__(self) -> bool:
        return False


def written_value(word: str) -> Any:
    """What a word without a declaration is to a template: its own text, which counts and decides as what it looks like.

    Lists and objects are lists and objects.
    """
    seen = parse_value(word)
    if seen is None or seen is False:
        return _No(word)
    if seen is True:
        return word
    if not isinstance(seen, int | float) or str(seen) == word:
        return seen
    number = _Whole(seen) if isinstance(seen, int) else _Number(seen)
    number.word = word
    return number


def line_values(
    words: Mapping[str, str],
    specs: Mapping[str, ParameterSpec | None],
    undeclared: Callable[[str], Any] = parse_value,
) -> dict[str, Any]:
    """The values that the words stand for; ``undeclared`` says what one is without a declaration.

    A word that is no value of its type is left as it is, for the prompt's validation to judge.
    """
    return {name: _value(word, specs.get(name), undeclared) for name, word in words.items()}


def _value(word: str, spec: ParameterSpec | None, undeclared: Callable[[str], Any]) -> Any:
    from ...prompts.parameters import coerce

    if spec is None or spec.type == "any":
        return undeclared(word)
    seen = parse_value(word)
    if isinstance(seen, _IN_BRACKETS.get(spec.type, ())):
        return seen
    if seen is None and spec.type not in _TEXTS:
        return None
    try:
        return coerce(spec, word)
    except PromptError:
        return word if spec.type in _TEXTS else seen
