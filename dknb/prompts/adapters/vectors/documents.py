"""Documents: texts with an id and what is known of them, as a caller gives them and as they are kept."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from ....errors import ConfigError
from ..frame import rows_of
from ..ids import id_of_text

__all__ = ["Document", "Given", "Givens", "as_document", "as_list", "last_of_each", "storable"]

#: A text, or a dict of ``content`` and, where wanted, ``id`` and ``metadata``; other keys go into the metadata.
Given: TypeAlias = str | Mapping[str, Any]
#: One or several, or a Series or DataFrame of pandas, which have no type here.
Givens: TypeAlias = Given | Sequence[Given] | Any
_PARTS = ("id", "content", "metadata")
_TEXTS = frozenset({"content", "text"})


class Document(NamedTuple):
    """A text with what is known of it."""

    id: str
    content: str
    metadata: Mapping[str, Any]


def as_list(documents: Givens) -> list[Document]:
    """What was given as documents.

    Raises:
        ConfigError: One is no document; the message says which.
    """
    return [as_document(each, place) for place, each in enumerate(_given(documents))]


def _given(documents: Givens) -> list[Any]:
    if isinstance(documents, Mapping) and not _TEXTS & documents.keys():
        if documents and all(isinstance(text, str) for text in documents.values()):
            return [{"id": name, "content": text} for name, text in documents.items()]
        return [documents]
    if isinstance(documents, str | Mapping):
        return [documents]
    if hasattr(documents, "columns") and hasattr(documents, "index"):
        return rows_of(documents)
    try:
        return list(documents)
    except TypeError:
        raise ConfigError(
            f"Documents are texts, dicts or a DataFrame, not {type(documents).__name__!r}.",
            hint='Write ["a text", ...]',
        ) from None


def as_document(given: object, place: int) -> Document:
    """One document; without an id it gets one that its text decides, so that the same text is the same document.

    Raises:
        ConfigError: It has no text.
    """
    parts: Mapping[str, Any] = (
        {"content": given} if isinstance(given, str) else given if isinstance(given, Mapping) else {}
    )
    named_text = next((name for name in ("content", "text") if name in parts), "content")
    content = parts.get(named_text)
    if not isinstance(content, str) or not content.strip():
        raise ConfigError(
            f"documents[{place}] has no text: {str(given)[:80]!r}.", hint='Write a text, or {"content": "..."}'
        )
    more = parts.get("metadata") or {}
    if not isinstance(more, Mapping):
        raise ConfigError(
            f"documents[{place}] has metadata {str(more)[:80]!r}, which is no dict.", hint='Write {"lang": "en"}'
        )
    own = {str(name): value for name, value in parts.items() if name not in _PARTS and name != named_text}
    metadata = {**own, **more}
    named = parts.get("id")
    if named is None:
        return Document(id_of_text(content), content, metadata)
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
