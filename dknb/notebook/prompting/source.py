"""A prompt of the library as its author wrote it: to look at, to compare, and to edit in a cell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from ...conversations.diff import diff_words
from ...errors import PromptError
from ..session import Session
from ..views.prompt_source import Difference, ParameterLine, PromptSource
from .finding import FoundPrompt, file_of

if TYPE_CHECKING:
    from ...prompts.parameters import ParameterSpec
    from ...prompts.types import PromptTemplateDict

__all__ = ["cell_text", "described", "difference", "parameters_of", "required_of", "source", "whole_prompt"]

#: Keys that ``%prompts show`` has places of their own for.
_PLACED = {"template", "sections", "metadata", "extends", "parameters", "defaults", "validation"}


def source(session: Session, found: FoundPrompt) -> PromptSource:
    """What there is to see of a prompt.

    Raises:
        PromptError: It, or one of its bases, is broken.
    """
    from ...prompts.compose import inherit

    name, kind, prompt = found
    whole, lookups = inherit(prompt, name, session.library, kind)
    variants = max(1, len(session.library.get_user_prompts(name))) if kind == "user" else 1
    metadata = whole.get("metadata", {})
    rest = {key: value for key, value in prompt.items() if key not in _PLACED}
    return PromptSource(
        name=name,
        kind=kind,
        version=None if metadata.get("version") is None else str(metadata["version"]),
        description=described(metadata),
        file=file_of(session, kind, name),
        bases=[f"{base_name} ({base_kind})" for base_kind, base_name, base in lookups if base is not None],
        template=prompt.get("template"),
        sections=prompt.get("sections", {}),
        parameters=_parameter_lines(whole, parameters_of(session, found)),
        more=_yaml(rest) if rest else "",
        variants=variants,
    )


def described(metadata: Mapping[str, Any]) -> str:
    """What the metadata of a prompt say that it is for."""
    return str(metadata.get("description") or metadata.get("use") or metadata.get("when_to_use") or "")


def whole_prompt(session: Session, found: FoundPrompt) -> PromptTemplateDict:
    """A prompt with the keys of its bases; for reading only.

    Raises:
        PromptError: It, or one of its bases, is broken.
    """
    from ...prompts.compose import inherit

    return inherit(found.prompt, found.name, session.library, found.kind).prompt


def parameters_of(session: Session, found: FoundPrompt) -> dict[str, ParameterSpec | None]:
    """The parameters of a prompt, with what it or a base declares about each; None for one that is only used.

    What retrieval fills is none of them, unless it is declared.

    Raises:
        PromptError: It, or one of its bases, is broken.
    """
    from ...prompts.library import rag_configs_of

    name, kind, prompt = found
    whole = whole_prompt(session, found)
    declared = whole.get("parameters", {})
    filled = {config.get("placeholder", "RAG_CONTENT") for config in rag_configs_of(session.library, whole, name)}
    used = session.renderer.get_parameters(prompt, name=name, prompt_type=kind)
    return {each: declared.get(each) for each in [*used, *declared] if each in declared or each not in filled}


def required_of(whole: PromptTemplateDict) -> set[str]:
    """The parameters that a prompt with the keys of its bases must have a value for."""
    validation = whole.get("validation")
    declared = {name for name, spec in whole.get("parameters", {}).items() if spec.required}
    return declared | (validation.required_params if validation is not None else set())


def _parameter_lines(whole: PromptTemplateDict, parameters: Mapping[str, ParameterSpec | None]) -> list[ParameterLine]:
    defaults, required = whole.get("defaults", {}), required_of(whole)
    return [
        ParameterLine(
            name,
            str(spec) if spec is not None else "",
            name in required,
            repr(defaults[name]) if name in defaults else None,
            spec.description if spec is not None else "",
        )
        for name, spec in parameters.items()
    ]


def difference(left: PromptTemplateDict, right: PromptTemplateDict) -> list[Difference]:
    """The keys in which two prompts differ, the template first, each with the words that do."""
    keys = dict.fromkeys(["template", *left, *right])
    texts = [(key, _key_text(left, key), _key_text(right, key)) for key in keys]
    return [Difference(key, diff_words(old, new)) for key, old, new in texts if old != new]


def _key_text(prompt: PromptTemplateDict, key: str) -> str:
    value = cast("Mapping[str, Any]", prompt).get(key)
    if value is None or isinstance(value, str):
        return value or ""
    return _yaml({key: value})


def _yaml(prompt: Mapping[str, Any]) -> str:
    from ...prompts.files import dump_prompt

    text = dump_prompt(cast("PromptTemplateDict", prompt))
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith("#"))


def cell_text(found: FoundPrompt) -> str:
    """The ``%%prompt`` cell that is this prompt."""
    name, kind, prompt = found
    if any(blank in name for blank in " \t'\""):
        raise PromptError(f"A cell cannot name a prompt {name!r}.", hint="Rename its file, or edit the file itself")
    template = prompt.get("template", "")
    front = {key: value for key, value in prompt.items() if key != "template"}
    settings = _yaml(front) if front else ""
    fence = f"---\n{settings}---\n" if settings or template.startswith("---") else ""
    line = f"%%prompt {name}" + (" --system" if kind == "system" else "")
    return f"{line}\n{fence}{template}" + ("\n" if template.endswith("\n") else "")
