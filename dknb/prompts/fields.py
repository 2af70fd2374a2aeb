"""The keys of prompt data, and what each must hold.

Data come from files and from dicts that callers write; both pass through here once, and are trusted after that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

from .checks import Check, FieldError, Path, count, list_of, mapping, mapping_of, number, one_of, record, seconds, text
from .declarations import read_parameters, settled
from .types import (
    Entry,
    Kind,
    MessageIndex,
    PromptTemplateDict,
    RAGConfig,
    TemplateMode,
    ValidationConfig,
    ValidationLevel,
)


def _level(value: object, at: Path) -> ValidationLevel | None:
    return None if value is None else cast(ValidationLevel, one_of(value, at, ValidationLevel))


def _mode(value: object, at: Path) -> str:
    return str(one_of(value, at, TemplateMode).value)


_VALIDATION = record(
    "validation", {"level": _level, "required_params": list_of(text), "optional_params": list_of(text)}
)


def _validation(value: object, at: Path) -> ValidationConfig:
    if isinstance(value, ValidationConfig):
        return value
    given = cast(dict[str, Any], _VALIDATION(value, at))
    return ValidationConfig(
        level=given.get("level"),
        required_params=given.get("required_params", []),
        optional_params=given.get("optional_params", []),
    )


_RAG = record(
    "a RAG configuration",
    {
        "adapter_name": text,
        "query": text,
        "k": count,
        "filters": mapping,
        "placeholder": text,
        "header": text,
        "item_template": text,
        "timeout": seconds,
        "max_tokens": count,
        "min_score": number,
        "$schema": text,
    },
    required=["adapter_name", "query"],
)

# What prompts and message indexes have in common.
_SHARED: dict[str, Check] = {
    "$schema": text,
    "parameters": read_parameters,
    "defaults": mapping,
    "validation": _validation,
    "metadata": mapping,
    "sections": mapping_of(text),
    "extends": text,
    "rag_config_refs": list_of(text),
    "rag_configs": list_of(_RAG),
    "template_mode": _mode,
    "mode": _mode,
}

_PROMPT = record("a prompt", {"template": text, **_SHARED}, hint="Anything else goes under metadata.")

_MESSAGE = record("a message", {"role": text, "content": text}, required=["role", "content"])


def _examples(value: object, at: Path) -> object:
    return value if isinstance(value, str) else list_of(mapping)(value, at)


_REPEATED = record(
    "a group of messages",
    {"examples": _examples, "messages": list_of(_MESSAGE)},
    required=["examples", "messages"],
)


def _message(value: object, at: Path) -> object:
    return (_REPEATED if isinstance(value, Mapping) and "examples" in value else _MESSAGE)(value, at)


_MESSAGES = record("a message index", {"messages": list_of(_message), **_SHARED}, required=["messages"])


def read_prompt(data: object, at: Path = ()) -> PromptTemplateDict:
    """A prompt from data: a template's text, or a mapping of the keys of ``PromptTemplateDict``.

    ``mode`` is a short name of ``template_mode``.

    Raises:
        FieldError: A key is unknown, or a value is not what its key wants.
    """
    if isinstance(data, str):
        return {"template": data}
    return cast(PromptTemplateDict, _normal(cast(dict[str, object], _PROMPT(data, at)), at))


def _normal(given: dict[str, object], at: Path) -> dict[str, object]:
    given.pop("$schema", None)  # for editors of JSON files
    if "mode" in given:
        if "template_mode" in given:
            raise FieldError("'mode' and 'template_mode' say the same; give one.", (*at, "mode"), at_key=True)
        given["template_mode"] = given.pop("mode")
    return settled(given, at)


def read_variants(data: object) -> tuple[PromptTemplateDict, ...]:
    """The variants of a user prompt: a list of prompts, or one prompt alone.

    Raises:
        FieldError: As ``read_prompt``, or the list is empty.
    """
    if not isinstance(data, list | tuple):
        return (read_prompt(data),)
    if not data:
        raise FieldError("A list of variants must hold one prompt at least.", ())
    return tuple(read_prompt(item, (index,)) for index, item in enumerate(data))


def read_messages(data: object) -> MessageIndex:
    """A message index from data.

    Raises:
        FieldError: A key is unknown or missing, or a value is not what its key wants.
    """
    return cast(MessageIndex, _normal(cast(dict[str, object], _MESSAGES(data, ())), ()))


def read_rag(data: object) -> RAGConfig:
    """A RAG configuration from data.

    Raises:
        FieldError: A key is unknown or missing, or a value is not what its key wants.
    """
    config = cast(dict[str, object], _RAG(data, ()))
    config.pop("$schema", None)
    return cast(RAGConfig, config)


#: What reads the data of each kind of entry.
READERS: dict[Kind, Callable[[object], Entry]] = {
    "system": lambda data: (read_prompt(data),),
    "user": read_variants,
    "messages": read_messages,
    "rag": read_rag,
}
