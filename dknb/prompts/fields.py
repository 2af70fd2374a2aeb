"""The keys of prompt data, and what each must hold.

Data come from files and from dicts that callers write; both pass through here once, and are trusted after that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, cast

from ..errors import did_you_mean
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

Path = tuple[str | int, ...]
Check = Callable[[object, Path], object]

# What people like to say about a prompt; none of it is a misspelt key.
_FACTS = {"author", "description", "name", "tags", "title", "version"}


@dataclass(eq=False)
class FieldError(Exception):
    """A piece of prompt data that is not what its key wants.

    Attributes:
        message: What is wrong.
        path: Keys and indexes that lead to it.
        hint: What to write instead.
        at_key: The key itself is wrong, not its value.
    """

    message: str
    path: Path
    hint: str | None = None
    at_key: bool = False

    def __str__(self) -> str:
        return self.message


def _shown(value: object) -> str:
    names = {"NoneType": "nothing", "dict": "a mapping", "list": "a list", "bool": "yes or no", "str": "text"}
    kind = type(value).__name__
    return names.get(kind, f"{kind} {value!r}"[:80])


def _wanted(path: Path, what: str, value: object, hint: str | None = None) -> FieldError:
    where = ".".join(str(step) for step in path) or "it"
    return FieldError(f"{where} must be {what}, not {_shown(value)}.", path, hint)


def text(value: object, at: Path) -> str:
    """Text as it is."""
    if isinstance(value, str):
        return value
    raise _wanted(at, "text", value, 'Put it in quotes: "..."' if isinstance(value, int | float) else None)


def count(value: object, at: Path) -> int:
    """A whole number from 1."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 1:
        return value
    raise _wanted(at, "a whole number from 1", value)


def mapping(value: object, at: Path) -> dict[str, object]:
    """A mapping whose keys are text."""
    if not isinstance(value, Mapping):
        raise _wanted(at, "a mapping of names to values", value)
    for key in value:
        if not isinstance(key, str):
            hint = "Put it in quotes; YAML reads yes, no, on and off as truth values."
            raise FieldError(f"The key {key!r} is not text.", (*at, key), hint, at_key=True)
    return dict(value)


def mapping_of(check: Check) -> Check:
    """A mapping whose values pass ``check``."""
    return lambda value, at: {key: check(item, (*at, key)) for key, item in mapping(value, at).items()}


def list_of(check: Check) -> Check:
    """A list whose items pass ``check``."""

    def checked(value: object, at: Path) -> list[object]:
        if isinstance(value, str | Mapping) or not isinstance(value, Sequence | set | frozenset):
            raise _wanted(at, "a list", value, "Write it as [a, b].")
        items = sorted(value, key=str) if isinstance(value, set | frozenset) else value
        return [check(item, (*at, index)) for index, item in enumerate(items)]

    return checked


def record(noun: str, fields: Mapping[str, Check], *, required: Sequence[str] = (), hint: str = "") -> Check:
    """A mapping with these keys and no others."""
    known = f"The keys of {noun}: {', '.join(fields)}. {hint}".rstrip()

    def checked(value: object, at: Path) -> dict[str, object]:
        given = mapping(value, at)
        for key in given:
            if key not in fields:
                near = "" if key in _FACTS else did_you_mean(key, fields)
                raise FieldError(f"{noun.capitalize()} has no key {key!r}.{near}", (*at, key), known, at_key=True)
        for key in required:
            if key not in given:
                raise FieldError(f"{noun.capitalize()} needs the key {key!r}.", at, known)
        return {key: fields[key](item, (*at, key)) for key, item in given.items()}

    return checked


def _one_of(value: object, at: Path, choices: type[Enum]) -> Enum:
    if isinstance(value, choices):
        return value
    names = [str(choice.value) for choice in choices]
    if isinstance(value, str) and value.lower() in names:
        return choices(value.lower())
    near = did_you_mean(value, names) if isinstance(value, str) else ""
    raise FieldError(f"{'.'.join(map(str, at))} cannot be {value!r}.{near}", at, f"It is one of: {', '.join(names)}.")


def _level(value: object, at: Path) -> ValidationLevel | None:
    return None if value is None else cast(ValidationLevel, _one_of(value, at, ValidationLevel))


def _mode(value: object, at: Path) -> str:
    return str(_one_of(value, at, TemplateMode).value)


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
    },
    required=["adapter_name", "query"],
)

_PROMPT = record(
    "a prompt",
    {
        "template": text,
        "defaults": mapping,
        "validation": _validation,
        "metadata": mapping,
        "sections": mapping_of(text),
        "extends": text,
        "rag_config_refs": list_of(text),
        "rag_configs": list_of(_RAG),
        "template_mode": _mode,
        "mode": _mode,
    },
    hint="Anything else goes under metadata.",
)

_MESSAGES = record(
    "a message index",
    {
        "messages": list_of(record("a message", {"role": text, "content": text}, required=["role", "content"])),
        "rag_configs": list_of(_RAG),
        "metadata": mapping,
    },
    required=["messages"],
)


def read_prompt(data: object, at: Path = ()) -> PromptTemplateDict:
    """A prompt from data: a template's text, or a mapping of the keys of ``PromptTemplateDict``.

    ``mode`` is a short name of ``template_mode``.

    Raises:
        FieldError: A key is unknown, or a value is not what its key wants.
    """
    if isinstance(data, str):
        return {"template": data}
    prompt = cast(dict[str, object], _PROMPT(data, at))
    if "mode" in prompt:
        if "template_mode" in prompt:
            raise FieldError("'mode' and 'template_mode' say the same; give one.", (*at, "mode"), at_key=True)
        prompt["template_mode"] = prompt.pop("mode")
    return cast(PromptTemplateDict, prompt)


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
    return cast(MessageIndex, _MESSAGES(data, ()))


def read_rag(data: object) -> RAGConfig:
    """A RAG configuration from data.

    Raises:
        FieldError: A key is unknown or missing, or a value is not what its key wants.
    """
    return cast(RAGConfig, _RAG(data, ()))


#: What reads the data of each kind of entry.
READERS: dict[Kind, Callable[[object], Entry]] = {
    "system": lambda data: (read_prompt(data),),
    "user": read_variants,
    "messages": read_messages,
    "rag": read_rag,
}
