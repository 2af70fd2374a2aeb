"""Text that some databases refuse (NUL, halves of surrogate pairs): they get it replaced, and the true text escaped beside."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ...stores.rows import storable
from .ours import OURS

__all__ = ["EXACT", "storable_document", "with_true_text"]

#: The key in what is ours for the true text, as JSON with escapes.
EXACT = "exact"


def storable_document(document: Mapping[str, Any]) -> dict[str, Any] | None:
    """A document of `write_document` as any database takes it, for `read_document` to find the true text; None if it is so."""
    clean: dict[str, Any] = _storable(document)
    if clean == document:
        return None
    pairs = zip(clean["nodes"], document["nodes"], strict=True)
    clean["nodes"] = [one if one == given else _marked(one, given) for one, given in pairs]
    return _marked(clean, {"metadata": document["metadata"]})


def _marked(data: dict[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    metadata = data["metadata"]
    return {**data, "metadata": {**metadata, OURS: {**metadata[OURS], EXACT: json.dumps(given)}}}


def with_true_text(data: Mapping[str, Any]) -> Mapping[str, Any]:
    """A document, or a node of one, with its true text; where somebody has changed it since, what he wrote.

    Raises:
        ValueError: What was kept is no JSON.
    """
    metadata = data.get("metadata")
    mark = metadata.get(OURS) if isinstance(metadata, dict) else None
    if not (isinstance(metadata, dict) and isinstance(mark, dict) and isinstance(mark.get(EXACT), str)):
        return data
    told = {**data, "metadata": {**metadata, OURS: {key: value for key, value in mark.items() if key != EXACT}}}
    given = json.loads(mark[EXACT])
    is_as_written = isinstance(given, dict) and all(told.get(key) == _storable(value) for key, value in given.items())
    return {**told, **given} if is_as_written else told


def _storable(data: Any) -> Any:
    if isinstance(data, str):
        return storable(data)
    if isinstance(data, Mapping):
        return {storable(key): _storable(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_storable(value) for value in data]
    return data
