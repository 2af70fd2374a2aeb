"""Documents: texts with an id and what is known of them, as a caller gives them and as they are kept."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from ....errors import ConfigError

__all__ = ["Document", "Given", "as_document", "as_list", "last_of_each", "storable"]

#: A text, or a dict of ``content`` and, where wanted, ``id`` and ``metadata``; other keys go into the metadata.
Given: TypeAlias = str | Mapping[str, Any]
_PARTS = ("id", "content", "metadata")


class Document(NamedTuple):
    """A text with what is known of it."""

    id: str
    content: str
    metadata: Mapping[str, Any]


def as_list(documents: Given | Sequence[Given]) -> list[Document]:
    """What was given as documents.

    Raises:
        ConfigError: One is no document; the message says which.
    """
    given = [documents] if isinstance(documents, (str, Mapping)) else list(documents)
    return [as_document(each, place) for place, each in enumerate(given)]


def as_document(given: object, place: int) -> Document:
    """One document; without an id it gets one that its text decides, so that the same text is the same document.

    Raises:
        ConfigError: It has no text.
    """
    parts: Mapping[str, Any] = (
        {"content": given} if isinstance(given, str) else given if isinstance(given, Mapping) else {}
    )
    content = parts.get("content")
    if not isinstance(content, str) or not content.strip():
        raise ConfigError(
            f"documents[{place}] has no text: {str(given)[:80]!r}.", hint='Write a text, or {"content": "..."}'
        )
    metadata = {str(name): value for name, value in parts.items() if name not in _PARTS} | dict(
        parts.get("metadata") or {}
    )
    named = parts.get("id")
    if named is None:
        return Document(hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()[:32], content, metadata)
    return Document(str(named), content, metadata)


def storable(document: Document) -> Document:
    """The document as a file gives it back.

    Raises:
        ConfigError: A file cannot hold it.
    """
    try:
        document.content.encode()
        return document._replace(metadata=json.loads(json.dumps(document.metadata, allow_nan=False)))
    except (TypeError, ValueError) as error:
        raise ConfigError(
            f"Document {document.id!r} cannot be written to a file: {error}",
            hint="Use Unicode text, and metadata of texts, finite numbers, lists and dicts",
        ) from error


def last_of_each(documents: Sequence[Document]) -> list[Document]:
    """The documents; of those that share an id, the last."""
    return list({document.id: document for document in documents}.values())
