"""A magic's line as data: words, options, ``name=value`` pairs and ``>> variable``."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Sequence
from itertools import islice
from keyword import iskeyword
from typing import Any, NoReturn

from ..errors import MagicError, did_you_mean
from .line_words import parse_value, split_line

__all__ = ["LineParser", "split_pairs"]

_PAIR = re.compile(r"([^\W\d]\w*)=(.*)", re.DOTALL)


class LineParser(argparse.ArgumentParser):
    """An argument parser for the line of a magic: its errors are `MagicError`, its help is the magic's docstring."""

    def __init__(self, magic: str, description: str) -> None:
        super().__init__(
            prog=magic,
            description=description,
            add_help=False,
            allow_abbrev=False,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )

    def error(self, message: str) -> NoReturn:
        """Raise what argparse would print."""
        raise MagicError(f"{self.prog}: {message}", hint=f"Usage: {' '.join(self.format_usage().split()[1:])}")

    def parse(self, line: str) -> argparse.Namespace:
        """The options of ``line``; ``bind`` is the name behind ``>>``, if the parser has it.

        Raises:
            MagicError: The line does not parse.
        """
        tokens = split_line(self.prog, line)
        bind = None
        if ">>" in tokens[-2:]:
            bind = tokens[-1] if tokens[-1] != ">>" else ""
            tokens = tokens[: tokens.index(">>", -2)]
        options, unknown = self.parse_known_args(self._words_first(tokens))
        if unknown:
            self._refuse(unknown)
        if bind is not None:
            if not hasattr(options, "bind"):
                self.error("'>> name' does not work here")
            options.bind = bind
        name = getattr(options, "bind", None)
        if name is not None and (not name.isidentifier() or iskeyword(name)):
            self.error(f"{options.bind!r} is no name for a variable")
        return options

    def _refuse(self, unknown: Sequence[str]) -> NoReturn:
        """Say which option there is not, or else which word is too many."""
        usage = f"Usage: {' '.join(self.format_usage().split()[1:])}"
        option = next((each for each in unknown if each.startswith("-")), None)
        if option is not None:
            known = [name for action in self._actions for name in action.option_strings]
            raise MagicError(
                f"{self.prog}: no option {option!r}.{did_you_mean(option.split('=')[0], known)}", hint=usage
            )
        if all(action.option_strings for action in self._actions):
            raise MagicError(f"{self.prog}: it takes no words, and {unknown[0]!r} is one.", hint=usage)
        self.error(f"{unknown[0]!r} is one word too many; a text with blanks goes in quotes")

    def _words_first(self, tokens: Sequence[str]) -> list[str]:
        """The words before the options, which argparse wants together: they may stand anywhere on a line.

        What stands behind ``--`` are words, whatever they begin with.
        """
        words: list[str] = []
        options: list[str] = []
        end = tokens.index("--") if "--" in tokens else len(tokens)
        rest = iter(tokens[:end])
        for token in rest:
            (options if token.startswith("--") else words).append(token)
            action = self._option_string_actions.get(token)
            if action is not None and action.nargs is None:
                options += list(islice(rest, 1))
        if any(word.startswith("-") for word in tokens[end:][1:]):
            return [*options, "--", *words, *tokens[end:][1:]]
        return [*words, *tokens[end:][1:], *options]


def split_pairs(words: Sequence[str], read: Callable[[str], Any] = parse_value) -> tuple[list[str], dict[str, Any]]:
    """The words that are no ``name=value``, and the values of those that are, as ``read`` takes their text."""
    plain: list[str] = []
    pairs: dict[str, Any] = {}
    for word in words:
        if match := _PAIR.fullmatch(word):
            pairs[match[1]] = read(match[2])
        else:
            plain.append(word)
    return plain, pairs
