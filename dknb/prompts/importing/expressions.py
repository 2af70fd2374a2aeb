"""Paths and literals of Handlebars as expressions of Jinja2."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from keyword import iskeyword

from ...errors import PromptFileError

__all__ = ["expression", "is_name", "split_words"]

_WORDS = re.compile(r"""\w+=(?:"[^"]*"|'[^']*'|\S+)|"[^"]*"|'[^']*'|\|[^|]*\||\S+""")
_LITERAL = re.compile(r"""-?\d+(?:\.\d+)?|true|false|null|"[^"\\]*"|'[^'\\]*'""")
_STEP = re.compile(r"[^./\[\]]+|\[[^\]]*\]")
#: What Jinja2 reads as something else than a variable.
_RESERVED = {"and", "or", "not", "in", "is", "if", "else", "true", "false", "none", "True", "False", "None", "loop"}
_OF_LOOP = {"@index": "loop.index0", "@first": "loop.first", "@last": "loop.last"}

Fail = Callable[[str, str | None], PromptFileError]


def split_words(text: str) -> list[str]:
    """The words of a tag; quotes hold words together, ``|a b|`` gives its names."""
    words: list[str] = []
    for word in _WORDS.findall(text):
        words += word.strip("|").split() if word.startswith("|") else [word]
    return words


def is_name(text: str) -> bool:
    """Whether a variable may be called so."""
    return text.isidentifier() and text not in _RESERVED and not iskeyword(text)


def expression(word: str, contexts: Sequence[str], fail: Fail) -> str:
    """The expression of a path or literal.

    Args:
        word: The path or literal.
        contexts: Variables of the blocks around it, the innermost last: a bare name is a part of that one.
        fail: Makes the error of what has no like.

    Raises:
        PromptFileError: It has no like in Jinja2.
    """
    if _LITERAL.fullmatch(word):
        return {"null": "none"}.get(word, word)
    if "(" in word or "=" in word:
        raise fail(f"The expression {word!r} has no like in Jinja2.", None)
    if word in _OF_LOOP and contexts:
        return _OF_LOOP[word]
    if word == "@key" and contexts:
        return f"{contexts[-1]}_key"
    base, path = _base(word, contexts, fail)
    steps = [step.strip("[]") for step in _STEP.findall(path)]
    if not base:
        if not steps or not is_name(steps[0]):
            hint = "A parameter is letters, digits and '_', and begins with a letter."
            raise fail(f"{word!r} cannot be a parameter.", hint)
        base = steps.pop(0)
    return base + "".join(_step(step) for step in steps)


def _base(word: str, contexts: Sequence[str], fail: Fail) -> tuple[str, str]:
    """The variable that a path starts from (nothing for a parameter), and the rest of it."""
    if word.startswith("@root."):
        return "", word.removeprefix("@root.")
    if word.startswith("@"):
        raise fail(f"{word!r} has no like in Jinja2.", None)
    up = 0
    while word.startswith("../"):
        word, up = word[3:], up + 1
    if up > len(contexts):
        raise fail("'../' leads out of the template.", None)
    around = contexts[: len(contexts) - up]
    own = re.match(r"(?:this|\.)(?=[./]|$)[./]?", word)
    if own is not None:
        word = word[own.end() :]
        if not around and not word:
            raise fail("'this' stands for all parameters here, which has no like in Jinja2.", None)
    if around and (own is not None or around[-1] != word.split(".")[0]):
        return around[-1], word
    return "", word


def _step(step: str) -> str:
    if step.isdigit():
        return f"[{step}]"
    return f".{step}" if is_name(step) else f"[{step!r}]"
