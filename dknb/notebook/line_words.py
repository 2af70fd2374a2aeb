"""The words of a magic's line, and the values in them."""

from __future__ import annotations

import ast
import json
import re
import warnings
from typing import Any

from ..errors import MagicError

__all__ = ["parse_value", "split_line"]

_SPACE = " \t\r\n"
#: What stands before a bracket that holds its words together: ``name=`` before a value, a type before its parameters.
_VALUE = re.compile(r"[^\W\d]\w*=")
_TYPE = re.compile(r"[^\W\d][\w.]*(?<!\.)")
_CLOSING = {"{": "}", "[": "]", "(": ")"}
#: A piece of what is in brackets: a string, which may have its quotes escaped, or a single character.
_IN_BRACKETS = re.compile(r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|.""", re.DOTALL)
_WORDS = {"true": True, "false": False, "null": None}


def split_line(magic: str, line: str) -> list[str]:
    """The words of a line; quotes hold words together, everything else (``$``, ``#``, a backslash) is itself.

    A value in brackets, ``name={...}`` or ``name=[...]``, goes to the bracket that closes it and keeps its quotes; so do
    the parameters of a type, ``dict[str, int]``.

    Raises:
        MagicError: A quote or a bracket is not closed.
    """
    words: list[str] = []
    at = 0
    while at < len(line):
        if line[at] in _SPACE:
            at += 1
        else:
            word, at = _word(magic, line, at)
            words.append(word)
    return words


def _word(magic: str, line: str, at: int) -> tuple[str, int]:
    """The word that begins at ``at``, and where it ends."""
    pieces: list[str] = []
    start = at
    while at < len(line) and line[at] not in _SPACE:
        if line[at] in "'\"":
            end = line.find(line[at], at + 1)
            if end < 0:
                raise MagicError(f"{magic}: a quote in the line is not closed: {line.strip()!r}")
            pieces.append(line[at + 1 : end])
            at = end + 1
            continue
        end = at + 1
        if line[at] in "{[" and _VALUE.fullmatch(line, start, at):
            end = _closed(line, at)
            if end < 0:
                raise MagicError(
                    f"{magic}: a bracket in the line is not closed: {line[start:].strip()!r}",
                    hint="A text that begins with a bracket goes in quotes:  name='{'",
                )
        elif line[at] == "[" and _TYPE.fullmatch(line, start, at):
            end = max(end, _closed(line, at))
        pieces.append(line[at:end])
        at = end
    return "".join(pieces), at


def _closed(line: str, at: int) -> int:
    """Where what the bracket at ``at`` opens ends; -1 if it does not."""
    open_ones: list[str] = []
    for piece in _IN_BRACKETS.finditer(line, at):
        text = piece[0]
        if text in _CLOSING:
            open_ones.append(_CLOSING[text])
        elif text in "'\"" or (text in _CLOSING.values() and open_ones.pop() != text):
            return -1
        if not open_ones:
            return piece.end()
    return -1


def parse_value(text: str) -> Any:
    """A value on a line: a number, ``true``, ``None``, a list or object as JSON or Python has it, and otherwise text."""
    try:
        return json.loads(text, parse_constant=str)
    except (ValueError, RecursionError):
        return _python_value(text)


def _python_value(text: str) -> Any:
    """A word or a list or dict of Python, in which the words of JSON hold too; otherwise text."""
    if text in ("True", "False", "None"):
        return ast.literal_eval(text)
    if text[:1] not in ("{", "["):
        return text
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of backslashes, which are themselves here
            tree = _WithJsonWords().visit(ast.parse(text, mode="eval"))
        value = ast.literal_eval(tree)
        json.dumps(value)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return text
    return value


class _WithJsonWords(ast.NodeTransformer):
    """Reads ``true``, ``false`` and ``null`` as what they are in JSON."""

    def visit_Name(self, node: ast.Name) -> ast.expr:
        """A name that is a word of JSON, as that."""
        return ast.copy_location(ast.Constant(_WORDS[node.id]), node) if node.id in _WORDS else node
