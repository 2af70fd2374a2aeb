"""Jinja's own parser, quicker at what most tags are."""

from __future__ import annotations

from typing import Any

from jinja2 import nodes
from jinja2.parser import Parser

__all__ = ["TemplateParser"]

#: Words that are no variable where an expression begins.
_WORDS = frozenset(["and", "else", "false", "False", "if", "in", "is", "none", "None", "not", "or", "true", "True"])


class TemplateParser(Parser):
    """Reads the same language and gives the same tree."""

    def parse(self) -> nodes.Template:
        """The tree; whoever compiles it gives it its environment."""
        return nodes.Template(self.subparse(), lineno=1)

    def parse_tuple(self, *args: Any, **options: Any) -> nodes.Expr:
        """An expression; a variable alone needs none of the dozen levels that it may have."""
        token = self.stream.current
        if token.type == "name" and token.value not in _WORDS and self.stream.look().type == "variable_end":
            next(self.stream)
            return nodes.Name(token.value, "load", lineno=token.lineno)
        return super().parse_tuple(*args, **options)
