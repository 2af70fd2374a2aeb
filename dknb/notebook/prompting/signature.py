"""What a named prompt takes, as Python says it: the signature and the docstring that shift-tab shows."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from keyword import iskeyword
from typing import TYPE_CHECKING

from .finding import FoundPrompt
from .source import described, required_of, used_when

if TYPE_CHECKING:
    from ...prompts.parameters import ParameterSpec
    from ...prompts.types import PromptTemplateDict

__all__ = ["signature_text", "told_parameters"]

_Parameters = Mapping[str, "ParameterSpec | None"]


class _Type:
    """A declared type, which is shown as it is written in a prompt."""

    def __init__(self, told: str) -> None:
        self._told = told

    def __repr__(self) -> str:
        return self._told


def signature_text(parameters: _Parameters, whole: PromptTemplateDict) -> inspect.Signature:
    """The parameters by keyword, with their types and defaults; one that may be left out has ``...``."""
    defaults, required = whole.get("defaults", {}), required_of(whole)
    return inspect.Signature(
        [
            inspect.Parameter(
                name,
                inspect.Parameter.KEYWORD_ONLY,
                default=inspect.Parameter.empty if name in required else defaults.get(name, ...),
                annotation=inspect.Parameter.empty if spec is None else _Type(str(spec)),
            )
            for name, spec in parameters.items()
            if name.isidentifier() and not iskeyword(name)
        ]
    )


def told_parameters(found: FoundPrompt, parameters: _Parameters, whole: PromptTemplateDict) -> str:
    """What the prompt is for, when to use it, and what its parameters are."""
    metadata = whole.get("metadata", {})
    when = used_when(metadata)
    required = required_of(whole)
    lines = [
        described(metadata) or f"The {found.kind} prompt {found.name!r}.",
        *([f"When to use: {when}"] if when else []),
    ]
    told = [
        f"    {name}{' (required)' if name in required else ''}: {spec.description if spec is not None else ''}".rstrip(
            " :"
        )
        for name, spec in parameters.items()
    ]
    return "\n".join([*lines, *(["", "Args:", *told] if told else [])])
