"""What an import gives, and what all formats share: front matter, metadata, messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...errors import PromptFileError
from .. import _yaml
from ..files import split_front
from ..types import Kind
from .handlebars import Origin

__all__ = ["ImportedPrompt", "as_prompt", "front_and_body"]

#: Settings that may hold a key or an address, and are never taken over.
_SECRET = {"api_key", "apiKey", "azure_endpoint", "base_url", "configuration", "connection", "endpoint", "key"}


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


def without_secrets(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of a model that may be told: no keys, no addresses."""
    return {
        key: without_secrets(value) if isinstance(value, Mapping) else value
        for key, value in settings.items()
        if key not in _SECRET
    }


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
