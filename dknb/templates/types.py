"""The plain data of the template language: modes, validation, what a render gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, NamedTuple, TypeVar

from ..errors import ConfigError, did_you_mean

_Kind = TypeVar("_Kind", bound=Enum)


class TemplateStrategy(Enum):
    """How a ``MessageTemplate`` reads its text."""

    SIMPLE = "simple"
    CONDITIONAL = "conditional"


class TemplateMode(Enum):
    """How a prompt's template is read."""

    MIXED = "mixed"
    JINJA2 = "jinja2"


class ValidationLevel(Enum):
    """What happens when a required parameter has no value."""

    ERROR = "error"
    WARN = "warn"
    IGNORE = "ignore"


def member(kind: type[_Kind], value: object) -> _Kind:
    """The member of an enum that a setting means: itself, or its value in any case.

    Raises:
        ConfigError: No member has that value.
    """
    wanted = value.lower() if isinstance(value, str) else value
    try:
        return kind(wanted)
    except ValueError:
        known = [str(each.value) for each in kind]
        raise ConfigError(
            f"{value!r} is no {kind.__name__}.{did_you_mean(str(value), known)}",
            hint=f"Give one of: {', '.join(known)}",
        ) from None


@dataclass(frozen=True)
class ValidationConfig:
    """Which parameters a template requires.

    Attributes:
        level: What a missing one leads to; None means the renderer's default.
        required_params: Names that need a value (not absent, not None).
        optional_params: Names that the template can do without.
    """

    level: ValidationLevel | None = None
    required_params: set[str] = field(default_factory=set)
    optional_params: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        if self.level is not None:
            object.__setattr__(self, "level", member(ValidationLevel, self.level))
        object.__setattr__(self, "required_params", set(self.required_params or ()))
        object.__setattr__(self, "optional_params", set(self.optional_params or ()))

    def missing(self, params: Mapping[str, Any]) -> list[str]:
        """The required names that are absent or None in ``params``, sorted."""
        return sorted(name for name in self.required_params if params.get(name) is None)


@dataclass
class RenderResult:
    """A rendered prompt.

    Attributes:
        content: The text.
        params_used: Parameters that the template reads, with their values.
        params_missing: Required names without a value, then names that stay visible as ``{{name}}``.
        validation_warnings: What validation at level WARN has to say.
        metadata: Facts about the render; the template's own metadata on top.
        rag_metadata: What retrieval found, by placeholder; None when it was not asked for.
    """

    content: str
    params_used: dict[str, Any] = field(default_factory=dict)
    params_missing: list[str] = field(default_factory=list)
    validation_warnings: list[str] = field(default_factory=list)
    metadata: dict[str, Any] = field(default_factory=dict)
    rag_metadata: dict[str, Any] | None = None


class Rendered(NamedTuple):
    """What one render of a compiled template gives.

    Attributes:
        text: The text.
        used: Parameters that the template reads and that were given, with their values.
        missing: Names without a value that the text shows as ``{{name}}`` or looped over, in order.
        looped: Those of them that it only looped over: the text has no hole there.
    """

    text: str
    used: dict[str, Any]
    missing: list[str]
    looped: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Limits:
    """What one render of a MIXED or JINJA2 template may cost.

    Attributes:
        output: Characters of the text, and of any value that the template makes on its way.
        steps: Passes through loops and calls of macros, together.
        seconds: Of work; on a busy machine it may take up to ten times as long.
    """

    output: int = 5_000_000
    steps: int = 1_000_000
    seconds: float = 5.0
