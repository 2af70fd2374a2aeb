"""The values on a prompt's line: what is declared about a parameter says what its word means."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ...errors import PromptError
from ..line_words import parse_value

if TYPE_CHECKING:
    from ...prompts.parameters import ParameterSpec

__all__ = ["line_values"]

_TEXTS = ("string", "enum")
_IN_BRACKETS = {"list": list, "object": dict}


def line_values(words: Mapping[str, str], specs: Mapping[str, ParameterSpec | None]) -> dict[str, Any]:
    """The values that the words stand for; without a declaration a word is what it looks like.

    A word that is no value of its type is left as it is, for the prompt's validation to judge.
    """
    return {name: _value(word, specs.get(name)) for name, word in words.items()}


def _value(word: str, spec: ParameterSpec | None) -> Any:
    from ...prompts.parameters import coerce

    seen = parse_value(word)
    if spec is None or spec.type == "any":
        return seen
    if isinstance(seen, _IN_BRACKETS.get(spec.type, ())):
        return seen
    if seen is None and spec.type not in _TEXTS:
        return None
    try:
        return coerce(spec, word)
    except PromptError:
        return word if spec.type in _TEXTS else seen
