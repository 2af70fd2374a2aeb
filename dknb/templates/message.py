"""A template for one message, with the values that it already has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from .conditional import compile_conditional
from .program import CompiledTemplate
from .simple import compile_simple, refuse_missing
from .types import TemplateStrategy


@dataclass(frozen=True)
class MessageTemplate:
    """A text with variables.

    Attributes:
        template: The text; it never changes, ``partial`` included.
        variables: Names still to be given, each once, in order; found in the text when not given here.
        strategy: How the text is read.
        fixed: Values given by ``partial``; they are data, like any other value.

    Raises:
        TemplateError: A SIMPLE template does not parse.
    """

    template: str
    variables: list[str] = field(default_factory=list)
    strategy: TemplateStrategy = TemplateStrategy.SIMPLE
    fixed: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        compiled = self._compiled()
        if not self.variables:
            remaining = [name for name in compiled.variables if name not in self.fixed]
            object.__setattr__(self, "variables", remaining)

    @classmethod
    def from_conditional(cls, template: str, variables: list[str] | None = None) -> MessageTemplate:
        """A template of ``{{variables}}`` and optional ``((sections))``."""
        return cls(template, variables or [], TemplateStrategy.CONDITIONAL)

    def _compiled(self) -> CompiledTemplate:
        simple = self.strategy is TemplateStrategy.SIMPLE
        return compile_simple(self.template) if simple else compile_conditional(self.template)

    def format(self, /, **values: Any) -> str:
        """The text with these values in place.

        Raises:
            TemplateError: The template is SIMPLE and a variable is missing (also a ``ValueError``).
        """
        if self.strategy is TemplateStrategy.SIMPLE:
            refuse_missing(name for name in self.variables if name not in values)
        return self._compiled().render({**values, **self.fixed}).text

    def partial(self, /, **values: Any) -> MessageTemplate:
        """The same template with these variables fixed; names that it does not have are ignored."""
        known = {name: value for name, value in values.items() if name in self.variables}
        remaining = [name for name in self.variables if name not in known]
        return replace(self, variables=remaining, fixed={**self.fixed, **known})
