"""Errors of templates and prompts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from .base import DknbError


class TemplateError(DknbError, ValueError):
    """A template that does not parse or render.

    Attributes:
        prompt_name: The prompt it belongs to, if it has a name.
        line: Line in the template, from 1, if known.
        column: Column in that line, from 1, if known.
        source_line: The text of that line.
    """

    def __init__(
        self,
        message: str,
        *,
        prompt_name: str | None = None,
        line: int | None = None,
        column: int | None = None,
        source_line: str | None = None,
        hint: str | None = None,
    ) -> None:
        where = f"Prompt {prompt_name!r}, " if prompt_name else ""
        if line is not None:
            where += f"line {line}" + (f", column {column}" if column is not None else "")
        text = f"{where.rstrip(', ')}: {message}" if where else message
        if source_line is not None:
            text += f"\n    {source_line.strip()[:200]}"
        super().__init__(text, hint=hint)
        self.message = message
        self.prompt_name = prompt_name
        self.line = line
        self.column = column
        self.source_line = source_line

    def named(self, prompt_name: str) -> TemplateError:
        """The same error, saying which prompt it happened in."""
        return TemplateError(
            self.message,
            prompt_name=prompt_name,
            line=self.line,
            column=self.column,
            source_line=self.source_line,
            hint=self.hint,
        )


class PromptError(DknbError):
    """Something about a prompt of the library."""


class PromptNotFound(PromptError, LookupError):
    """No prompt of that name."""


class VersioningError(PromptError, ValueError):
    """Something about the versions of a prompt, or about an experiment with them."""


class VersionNotFound(VersioningError, PromptNotFound):
    """No version of that id or number."""


class PromptFileError(PromptError):
    """A prompt file that cannot be read or written.

    Attributes:
        file: What the message calls the file, if it is one.
        line: Line in the file, from 1, if known.
        column: Column in that line, from 1, if known.
    """

    def __init__(
        self,
        message: str,
        *,
        file: str | None = None,
        line: int | None = None,
        column: int | None = None,
        hint: str | None = None,
    ) -> None:
        where = f"{file}, line {line}, column {column}: " if line is not None else f"{file}: " if file else ""
        super().__init__(where + message, hint=hint)
        self.message = message
        self.file = file
        self.line = line
        self.column = column


class MissingParameters(PromptError, ValueError):
    """Required parameters have no value; ``names`` lists them."""

    def __init__(self, names: Iterable[str], *, hint: str | None = None) -> None:
        self.names = list(names)
        super().__init__(f"Missing required parameters: {', '.join(self.names)}", hint=hint)


class InvalidParameters(PromptError, ValueError):
    """Values are not of the type that the prompt declares; ``problems`` says what is wrong with each, by name."""

    def __init__(self, problems: Mapping[str, str], *, hint: str | None = None) -> None:
        self.problems = dict(problems)
        super().__init__(f"Invalid parameters: {'; '.join(self.problems.values())}", hint=hint)


class RAGError(PromptError):
    """Text for a prompt could not be retrieved.

    Attributes:
        adapter_name: The data source that was asked, if it came to that.
        placeholder: The variable that the text was for.
        query: What was searched for, if it came to that.
    """

    def __init__(
        self,
        message: str,
        *,
        adapter_name: str | None = None,
        placeholder: str | None = None,
        query: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.adapter_name = adapter_name
        self.placeholder = placeholder
        self.query = query
