"""A prompt of the library as its author wrote it: to look at, to compare, and to edit in a cell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from ...errors import PromptError
from ..session import Session
from ..views.prompt_source import ParameterLine, PromptSource
from .finding import FoundPrompt, file_of
from .history import version_numbers

if TYPE_CHECKING:
    from ...prompts.parameters import ParameterSpec
    from ...prompts.types import PromptTemplateDict

__all__ = [
    "as_yaml",
    "cell_text",
    "described",
    "parameters_of",
    "required_of",
    "source",
    "usable_parameters",
    "used_when",
    "whole_prompt",
]

#: Keys that ``%prompts show`` has places of their own for.
_PLACED = {"template", "sections", "metadata", "extends", "parameters", "defaults", "validation", "messages"}


def source(session: Session, found: FoundPrompt) -> PromptSource:
    """What there is to see of a prompt.

    Raises:
        PromptError: It, or one of its bases, is broken.
    """
    from ...prompts.compose import inherit, metadata_of
    from ...prompts.versioning.numbers import split_name

    name, kind, prompt = found
    whole, lookups = inherit(prompt, name, session.library, None if kind == "messages" else kind)
    variants = max(1, len(session.library.get_user_prompts(name))) if kind == "user" else 1
    metadata = metadata_of(prompt, whole)
    rest = {key: value for key, value in prompt.items() if key not in _PLACED}
    return PromptSource(
        name=name,
        kind=kind,
        version=None if metadata.get("version") is None else str(metadata["version"]),
        description=described(metadata),
        when_to_use=used_when(metadata),
        versions=version_numbers(session, split_name(name)[0], () if kind == "messages" else (kind,)),
        messages=_messages(prompt),
        file=file_of(session, kind, name),
        bases=[f"{base_name} ({base_kind})" for base_kind, base_name, base in lookups if base is not None],
        template=prompt.get("template"),
        sections=prompt.get("sections", {}),
        parameters=_parameter_lines(whole, parameters_of(session, found)),
        more=as_yaml(rest) if rest else "",
        variants=variants,
    )


def described(metadata: Mapping[str, Any]) -> str:
    """What the metadata of a prompt say that it is for."""
    return str(metadata.get("description") or metadata.get("use") or metadata.get("when_to_use") or "")


def used_when(metadata: Mapping[str, Any]) -> str:
    """What the metadata of a prompt say about when to use it, beyond what it is for."""
    told = str(metadata.get("when_to_use") or metadata.get("use") or "")
    return told if told != described(metadata) else ""


def _messages(prompt: PromptTemplateDict) -> list[tuple[str, str]]:
    """Who says what in a sequence of messages, as its author wrote it; examples stand as data before their messages."""
    messages: list[tuple[str, str]] = []
    for each in cast("Mapping[str, Any]", prompt).get("messages", ()):
        if "examples" in each:
            examples = each["examples"]
            messages.append(("for each of", examples if isinstance(examples, str) else _plain_yaml(examples)))
        turns = each["messages"] if "examples" in each else [each]
        messages += [(str(turn["role"]), str(turn["content"])) for turn in turns]
    return messages


def whole_prompt(session: Session, found: FoundPrompt) -> PromptTemplateDict:
    """A prompt with the keys of its bases; for reading only.

    Raises:
        PromptError: It, or one of its bases, is broken.
    """
    from ...prompts.compose import inherit

    return inherit(found.prompt, found.name, session.library, None if found.kind == "messages" else found.kind).prompt


def parameters_of(session: Session, found: FoundPrompt) -> dict[str, ParameterSpec | None]:
    """The parameters of a prompt, with what it or a base declares about each; None for one that is only used.

    Those that are declared come first, as they stand in the file. What retrieval fills is none of them, unless it is
    declared.

    Raises:
        PromptError: It, or one of its bases, is broken.
    """
    from ...prompts.library import rag_configs_of

    whole = whole_prompt(session, found)
    filled = {config.get("placeholder", "RAG_CONTENT") for config in rag_configs_of(session.library, whole, found.name)}
    usable = usable_parameters(session, found)
    return {name: spec for name, spec in usable.items() if spec is not None or name not in filled}


def usable_parameters(session: Session, found: FoundPrompt) -> dict[str, ParameterSpec | None]:
    """The names that a prompt can use, what retrieval fills included, with what is declared about each.

    Raises:
        PromptError: It, or one of its bases, is broken.
    """
    name, kind, prompt = found
    if kind == "messages":
        return session.renderer.get_message_parameters(name)
    declared = session.renderer.get_declared(prompt, name=name, prompt_type=kind)
    used = session.renderer.get_parameters(prompt, name=name, prompt_type=kind)
    return {each: declared.get(each) for each in [*declared, *used]}


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


def as_yaml(prompt: Mapping[str, Any]) -> str:
    """Keys of a prompt as its file has them, without the comments of the file."""
    from ...prompts.files import dump_prompt

    text = dump_prompt(cast("PromptTemplateDict", prompt))
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith("#"))


def _plain_yaml(data: Any) -> str:
    from ...prompts._yaml import dump

    return "" if not data else dump({"examples": data})


def cell_text(session: Session, found: FoundPrompt) -> str:
    """The cell that is this prompt: ``%%prompt``, or for a sequence of messages one that writes its file.

    A version becomes the prompt whose version it is.

    Raises:
        PromptError: A cell cannot name it, or its file is in no folder.
    """
    from ...prompts.versioning.numbers import split_name

    name, kind, prompt = found
    if kind == "messages":
        return _file_cell(session, name)
    if session.files.find_prompt(name, kind) is None:
        name = split_name(name)[0]
    if any(blank in name for blank in " \t'\""):
        raise PromptError(f"A cell cannot name a prompt {name!r}.", hint="Rename its file, or edit the file itself")
    template = prompt.get("template", "")
    front = {key: value for key, value in prompt.items() if key != "template"}
    settings = as_yaml(front) if front else ""
    fence = f"---\n{settings}---\n" if settings or template.startswith("---") else ""
    line = f"%%prompt {name}" + (" --system" if kind == "system" else "")
    return f"{line}\n{fence}{template}" + ("\n" if template.endswith("\n") else "")


def _file_cell(session: Session, name: str) -> str:
    """The cell that writes the file of a sequence of messages, as it is."""
    import os

    from ...prompts._disk import read_text

    find = getattr(session.files, "find_file", None)
    path = find("messages", name) if find is not None else None
    if path is None:
        raise PromptError(
            f"The messages {name!r} lie in no folder that could be written.", hint=f"%prompts show {name}  shows them"
        )
    return f"%%writefile {os.path.relpath(path)}\n{read_text(path)}"
