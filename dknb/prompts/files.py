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
from .fields import READERS, FieldError, read_prompt
from .types import Entry, Kind, PromptTemplateDict, ValidationConfig

__all__ = ["dump_prompt", "parse_file_text", "parse_prompt_text"]

_FRONT = re.compile(r"---[ \t]*\r?\n")
_FRONT_END = re.compile(r"^---[ \t]*(?:\r?\n|\Z)", re.MULTILINE)

# The order in which a person reads a prompt file.
_KEY_ORDER = (
    "metadata",
    "extends",
    "template_mode",
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
    front, body = _split(text, source_name)
    data = _yaml.load(front, source_name)
    with_body = _prompt_data({} if data is None else data, body, front, source_name)
    return cast(tuple[PromptTemplateDict], _read("system", with_body, front, source_name))[0]


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
    if suffix == ".md":
        return (parse_prompt_text(text, source_name=source_name),)
    data = _load_json(text, source_name) if suffix == ".json" else _yaml.load(text, source_name)
    if data is None:
        raise PromptFileError(f"{source_name}: The file is empty.", hint="A prompt needs one key at least: template.")
    return _read(kind, data, text, source_name)


def dump_prompt(prompt: PromptTemplateDict) -> str:
    """The YAML text of a prompt; reading it gives the prompt back, to the last blank.

    Raises:
        PromptError: A key is unknown or holds what it must not, or a value is of a type that YAML does not hold.
    """
    try:
        data = cast(Mapping[str, object], read_prompt(prompt))
    except FieldError as error:
        raise PromptError(str(error), hint=error.hint) from None
    return _yaml.dump({key: _plain(data[key]) for key in _KEY_ORDER if key in data})


def _split(text: str, source: str) -> tuple[str, str]:
    opening = _FRONT.match(text)
    if opening is None:
        return "", text
    closing = _FRONT_END.search(text, opening.end())
    if closing is None:
        raise PromptFileError(
            f"{source}, line 1, column 1: The front matter that begins here does not end.",
            hint="Close it with a line '---'. If the dashes belong to the text, put an empty line above them.",
        )
    # The empty line keeps the line numbers of the file.
    return "\n" + text[opening.end() : closing.start()], text[closing.end() :]


def _prompt_data(data: object, body: str, front: str, source: str) -> dict[str, object]:
    if not isinstance(data, Mapping):
        raise PromptFileError(
            f"{source}{_yaml.locate(front, ())}: The front matter must be lines of the form 'key: value'.",
            hint="If the dashes belong to the text, put an empty line above the first ones.",
        )
    if "template" in data:
        raise PromptFileError(
            f"{source}{_yaml.locate(front, ('template',), at_key=True)}: The text below the front matter is the template already.",
            hint="Take the key 'template' away.",
        )
    return {**data, "template": body} if body.strip() else dict(data)


def _read(kind: Kind, data: object, text: str, source: str) -> Entry:
    try:
        return READERS[kind](data)
    except FieldError as error:
        where = _yaml.locate(text, error.path, at_key=error.at_key)
        raise PromptFileError(f"{source}{where}: {error}", hint=error.hint) from None


def _load_json(text: str, source: str) -> object:
    try:
        data: object = json.loads(text, object_pairs_hook=_without_doubles)
    except json.JSONDecodeError as error:
        where = f"{source}, line {error.lineno}, column {error.colno}"
        raise PromptFileError(f"{where}: This is not JSON: {error.msg}.") from error
    except (ValueError, RecursionError) as error:
        raise PromptFileError(f"{source}: This is not JSON: {error}.") from error
    return data


def _without_doubles(pairs: list[tuple[str, object]]) -> dict[str, object]:
    data: dict[str, object] = {}
    for key, value in pairs:
        if key in data:
            raise ValueError(f"the key {key!r} is there twice")
        data[key] = value
    return data


def _plain(value: object) -> object:
    if not isinstance(value, ValidationConfig):
        return value
    plain = {
        "level": value.level.value if value.level else None,
        "required_params": sorted(value.required_params),
        "optional_params": sorted(value.optional_params),
    }
    return {key: item for key, item in plain.items() if item}
