"""One prompt, as the text of a file: YAML, JSON, or Markdown with its settings in front.

Markdown and the body of a ``%%prompt`` cell are the same thing: the text is the template, and a block between two
lines ``---`` at the very top holds the other keys. A text that should begin with a rule of three dashes begins with
an empty line, or is written as YAML.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import cast

from ..errors import PromptError, PromptFileError
from . import _yaml
from .checks import FieldError
from .declarations import plain_parameters
from .fields import READERS, read_prompt
from .parameters import ParameterSpec
from .types import Entry, Kind, PromptTemplateDict, ValidationConfig

__all__ = ["dump_file", "dump_prompt", "parse_file_text", "parse_prompt_text"]

_FRONT = re.compile(r"---[ \t]*\r?\n")
_FRONT_END = re.compile(r"^---[ \t]*(?:\r?\n|\Z)", re.MULTILINE)

# The order in which a person reads a prompt file.
_KEY_ORDER = (
    "metadata",
    "extends",
    "template_mode",
    "parameters",
    "defaults",
    "validation",
    "sections",
    "rag_config_refs",
    "rag_configs",
    "template",
)


def parse_prompt_text(text: str, *, source_name: str) -> PromptTemplateDict:
    """The prompt in the body of a cell or of a Markdown file; the body is the template, character for character.

    Args:
        text: The body, with or without front matter.
        source_name: What errors call it.

    Raises:
        PromptFileError: The front matter does not parse; the message has line and column in ``text``.
    """
    return cast(tuple[PromptTemplateDict], parse_file_text("system", text, suffix=".md", source_name=source_name))[0]


def parse_file_text(kind: Kind, text: str, *, suffix: str, source_name: str) -> Entry:
    """What a file of a library holds.

    Args:
        kind: What its folder is for.
        text: The file's text.
        suffix: ``.yaml``, ``.yml``, ``.json``, or for prompts ``.md``.
        source_name: What errors call it.

    Raises:
        PromptFileError: The text does not parse, or a key is unknown or holds what it must not.
    """
    data = load_file_text(text, suffix=suffix, source_name=source_name)
    return read_entry(kind, data, text, suffix=suffix, source_name=source_name)


def read_entry(kind: Kind, data: object, text: str, *, suffix: str, source_name: str) -> Entry:
    """What ``load_file_text`` gave, read as an entry of that kind.

    Raises:
        PromptFileError: A key is unknown or holds what it must not.
    """
    try:
        return READERS["system" if suffix == ".md" else kind](data)
    except FieldError as error:
        raise placed_error(error, as_yaml(text, suffix), source_name) from None


def as_yaml(text: str, suffix: str) -> str:
    """The part of a file that holds keys, as YAML whose lines are those of the file."""
    if suffix == ".json":
        return _yaml.readable_json(text)
    return split_front(text, "")[0] if suffix == ".md" else text


def load_file_text(text: str, *, suffix: str, source_name: str) -> object:
    """The data in the text of a file, before anybody looks at their keys.

    Raises:
        PromptFileError: The text does not parse, or is empty.
    """
    if suffix == ".md":
        front, body = split_front(text, source_name)
        settings = _yaml.load(front, source_name)
        return _prompt_data({} if settings is None else settings, body, front, source_name)
    data = _load_json(text, source_name) if suffix == ".json" else _yaml.load(text, source_name)
    if data is None:
        hint = "A prompt needs one key at least: template."
        raise PromptFileError("The file is empty.", file=source_name, hint=hint)
    return data


def dump_prompt(prompt: PromptTemplateDict) -> str:
    """The YAML text of a prompt; reading it gives the prompt back, to the last blank.

    Raises:
        PromptError: A key is unknown or holds what it must not, or a value is of a type that YAML does not hold.
    """
    return _yaml.dump(plain_prompt(prompt))


def dump_file(prompt: PromptTemplateDict, suffix: str, before: str = "") -> str:
    """The text of a prompt's file in the format of its ending; reading it gives the prompt back.

    Args:
        prompt: The prompt.
        suffix: ``.yaml``, ``.yml``, ``.json`` or ``.md``.
        before: The text that it replaces, whose pointer to a schema is kept where it is no line of YAML.

    Raises:
        PromptError: As ``dump_prompt``; or a JSON or Markdown file cannot hold it.
    """
    if suffix == ".json":
        return _json_text(plain_prompt(prompt), before)
    if suffix == ".md":
        return _markdown_text(prompt, before)
    return dump_prompt(prompt)


def _json_text(data: Mapping[str, object], before: str) -> str:
    schema = re.search(r'"\$schema"\s*:\s*("(?:[^"\\]|\\.)*")', before)
    kept = {"$schema": json.loads(schema[1])} if schema else {}
    try:
        return json.dumps({**kept, **data}, ensure_ascii=False, indent=2, allow_nan=False) + "\n"
    except (TypeError, ValueError) as error:
        raise PromptError(f"JSON does not hold this prompt: {error}.", hint="Use text, numbers, lists.") from error


def _markdown_text(prompt: PromptTemplateDict, before: str) -> str:
    template = prompt.get("template", "")
    front = dump_prompt(cast(PromptTemplateDict, {key: item for key, item in prompt.items() if key != "template"}))
    settings = "" if front.strip() == "{}" else front
    line = re.match(r"---[ \t]*\n(# yaml-language-server: [^\n]*\n)", before)
    has_front = bool(settings) or _FRONT.match(template) is not None
    text = f"---\n{line[1] if line and settings else ''}{settings}---\n{template}" if has_front else template
    if plain_prompt(parse_prompt_text(text, source_name="Markdown")) != plain_prompt(prompt):
        raise PromptError("Markdown does not hold this prompt.", hint="Give it a template that is not blank.")
    return text


def plain_prompt(prompt: PromptTemplateDict | str) -> dict[str, object]:
    """The keys of a prompt as a file holds them, in the order in which a person reads them.

    Raises:
        PromptError: A key is unknown or holds what it must not.
    """
    try:
        data = cast(Mapping[str, object], read_prompt(prompt))
    except FieldError as error:
        raise PromptError(str(error), hint=error.hint) from None
    return {key: _plain(key, data[key]) for key in _KEY_ORDER if key in data}


def split_front(text: str, source: str) -> tuple[str, str]:
    """The front matter of a text, with an empty line for the one above it, and what stands below."""
    opening = _FRONT.match(text)
    if opening is None:
        return "", text
    closing = _FRONT_END.search(text, opening.end())
    if closing is None:
        raise PromptFileError(
            "The front matter that begins here does not end.",
            file=source,
            line=1,
            column=1,
            hint="Close it with a line '---'. If the dashes belong to the text, put an empty line above them.",
        )
    # The empty line keeps the line numbers of the file.
    return "\n" + text[opening.end() : closing.start()], text[closing.end() :]


def _prompt_data(data: object, body: str, front: str, source: str) -> dict[str, object]:
    if not isinstance(data, Mapping):
        message = "The front matter must be lines of the form 'key: value'."
        hint = "If the dashes belong to the text, put an empty line above the first ones."
        raise placed_error(FieldError(message, (), hint), front, source)
    if "template" in data:
        message = "The text below the front matter is the template already."
        raise placed_error(FieldError(message, ("template",), "Take the key 'template' away.", True), front, source)
    return {**data, "template": body} if body.strip() else dict(data)


def placed_error(error: FieldError, text: str, source: str) -> PromptFileError:
    """The error with the place in the file's text."""
    line, column = _yaml.KeyPlaces(text).find(error.path, at_key=error.at_key) or (None, None)
    return PromptFileError(error.message, file=source, line=line, column=column, hint=error.hint)


def _load_json(text: str, source: str) -> object:
    try:
        data: object = json.loads(text, object_pairs_hook=_without_doubles)
    except json.JSONDecodeError as error:
        raise PromptFileError(
            f"This is not JSON: {error.msg}.", file=source, line=error.lineno, column=error.colno
        ) from error
    except _Doubled as error:
        _yaml.load(_yaml.readable_json(text), source)  # knows where
        raise PromptFileError(
            f"The key {str(error)!r} is there twice.", file=source, hint="Keep one of them."
        ) from error
    except (ValueError, RecursionError) as error:
        raise PromptFileError(f"This is not JSON: {error}.", file=source) from error
    _yaml.refuse_depth(data, source)
    return data


class _Doubled(Exception):
    """A JSON object has a key twice."""


def _without_doubles(pairs: list[tuple[str, object]]) -> dict[str, object]:
    data: dict[str, object] = {}
    for key, value in pairs:
        if key in data:
            raise _Doubled(key)
        data[key] = value
    return data


def _plain(key: str, value: object) -> object:
    if key == "parameters":
        return plain_parameters(cast(Mapping[str, ParameterSpec], value))
    if not isinstance(value, ValidationConfig):
        return value
    plain = {
        "level": value.level.value if value.level else None,
        "required_params": sorted(value.required_params),
        "optional_params": sorted(value.optional_params),
    }
    return {key: item for key, item in plain.items() if item}
