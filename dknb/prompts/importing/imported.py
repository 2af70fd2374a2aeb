"""What an import gives, and what all formats share: front matter, metadata, messages."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...errors import PromptError, PromptFileError
from .. import _yaml
from ..files import split_front
from ..types import Kind
from .handlebars import Origin

__all__ = ["ImportedPrompt", "ImportedPrompts", "as_prompt", "front_and_body", "note_of_settings", "without_secrets"]

#: Words in the name of a setting that may hold a key or an address, and is never taken over.
_SECRET_WORDS = """
    apikey auth authorization bearer configuration connection cookie cookies credential credentials endpoint header
    headers key keys passphrase passwd password passwords secret secrets token tokens
"""
_SECRET = frozenset(_SECRET_WORDS.split())
#: With one of these words it is about how many tokens there may be.
_COUNT_WORDS = "budget completion count input limit max maximum min new num output prompt stop thinking total"
_COUNTS = frozenset(_COUNT_WORDS.split())
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\W\d_]+")


@dataclass(frozen=True)
class ImportedPrompt:
    """A prompt of another system.

    Attributes:
        name: Its name in the library.
        kind: ``user``, ``system``, or ``messages`` for one with several messages.
        data: Its keys, as in a file of ours.
        source: The file that it came from, with the line where there are several.
        notes: What reads otherwise than it did, or was left out.
    """

    name: str
    kind: Kind
    data: dict[str, Any]
    source: str
    notes: list[str] = field(default_factory=list)


class ImportedPrompts(list[ImportedPrompt]):
    """The prompts that were imported.

    Attributes:
        skipped: Why the others were not, one error each, with file and line where they are known.
    """

    def __init__(self, prompts: Sequence[ImportedPrompt] = (), skipped: Sequence[PromptError] = ()) -> None:
        super().__init__(prompts)
        self.skipped = list(skipped)


def note_of_settings(file: str, names: Sequence[str]) -> str:
    """The note on settings of a call, which a prompt of ours does not make."""
    listed = ", ".join(names)
    return f"{file}: {listed} stands under 'metadata' now and changes no call: say it where the prompt is sent."


def front_and_body(text: str, file: str) -> tuple[dict[str, Any], str, Origin]:
    """The settings in front of a template, the template, and where that begins.

    Raises:
        PromptFileError: The settings do not parse.
    """
    front, body = split_front(text, file)
    settings = _yaml.load(front, file)
    if settings is None:
        settings = {}
    if not isinstance(settings, dict):
        raise PromptFileError("The front matter must be lines of the form 'key: value'.", file=file, line=2, column=1)
    return settings, body, Origin(file, text, len(text) - len(body))


def without_secrets(settings: Mapping[str, Any], notes: list[str], where: str = "") -> dict[str, Any]:
    """Settings that may be told: no keys, no addresses, however deep; ``notes`` get what is left out."""
    kept: dict[str, Any] = {}
    for key, value in settings.items():
        place = f"{where}.{key}" if where else str(key)
        if _is_secret(str(key)):
            notes.append(f"The setting {place!r} is left out: it may hold a secret.")
        else:
            kept[key] = _told(value, notes, place)
    return kept


def _told(value: Any, notes: list[str], where: str) -> Any:
    if isinstance(value, Mapping):
        return without_secrets(value, notes, where)
    return [_told(item, notes, where) for item in value] if isinstance(value, list) else value


def _is_secret(name: str) -> bool:
    words = {word.lower() for word in _WORD.findall(name)}
    found = words & _SECRET
    return words >= {"base", "url"} or (bool(found) and not (found <= {"token", "tokens"} and bool(words & _COUNTS)))


def as_prompt(
    name: str,
    messages: Sequence[tuple[str | None, str]],
    shared: Mapping[str, Any],
    source: str,
    notes: Sequence[str],
) -> ImportedPrompt:
    """The prompt that has these messages: one of the user or of the system is a prompt, several are a message index.

    Raises:
        PromptFileError: It has no text at all.
    """
    if not messages:
        raise PromptFileError("It has no template.", file=source)
    rest = {key: value for key, value in shared.items() if value}
    rest["template_mode"] = "jinja2"
    if len(messages) == 1 and messages[0][0] in (None, "user", "system"):
        role, text = messages[0]
        kind: Kind = "system" if role == "system" else "user"
        return ImportedPrompt(name, kind, {**rest, "template": text}, source, list(notes))
    listed = [{"role": _ROLES.get(role or "user", role or "user"), "content": text} for role, text in messages]
    return ImportedPrompt(name, "messages", {**rest, "messages": listed}, source, list(notes))


_ROLES = {"model": "assistant", "developer": "system"}
