"""The port of the template language: what every mode compiles to."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from ..errors import TemplateError
from .types import Rendered


class CompiledTemplate(ABC):
    """A template that was parsed and checked; it can be rendered any number of times, from any thread.

    Attributes:
        variables: Names that it takes from its parameters, each once, in order of first appearance.
        doubts: What will fail once a branch that may never be taken is.
    """

    variables: tuple[str, ...]
    doubts: tuple[TemplateError, ...] = ()

    @abstractmethod
    def run(self, params: Mapping[str, Any], extra: Mapping[str, Any]) -> Rendered:
        """Render; ``extra`` holds names that count only where ``params`` does not have them."""

    def render(
        self, params: Mapping[str, Any], *, extra: Mapping[str, Any] | None = None, prompt_name: str | None = None
    ) -> Rendered:
        """Render with these parameters.

        Args:
            params: The values; never read as template.
            extra: Names weaker than any parameter; ``prompt_ref`` comes this way.
            prompt_name: Whose template it is, for errors.

        Raises:
            TemplateError: It cannot be rendered with these parameters, or not within its bounds.
        """
        try:
            return self.run(params, extra or {})
        except TemplateError as error:
            if prompt_name is None or error.prompt_name is not None:
                raise
            raise error.named(prompt_name) from error


_LINE_END = re.compile(r"\r\n?")


def unix_lines(source: str) -> str:
    """The text with the line ends that Jinja2 gives it."""
    return _LINE_END.sub("\n", source)


def located(message: str, source: str, offset: int, *, hint: str | None = None) -> TemplateError:
    """A ``TemplateError`` that points at a place in the source, given by its offset."""
    line, column, text = position(source, offset)
    return TemplateError(message, line=line, column=column, source_line=text, hint=hint)


def position(source: str, offset: int) -> tuple[int, int, str]:
    """Line and column (from 1) of an offset, and the text of that line."""
    start = source.rfind("\n", 0, offset) + 1
    end = source.find("\n", offset)
    text = source[start:] if end < 0 else source[start:end]
    return source.count("\n", 0, offset) + 1, offset - start + 1, text
