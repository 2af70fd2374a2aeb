"""The replies of OpenAI's embeddings, which most servers speak.

Source: ``openai/types/create_embedding_response.py`` of openai 3.54.0.
"""

from __future__ import annotations

import base64
import struct

from ..messages import LLMResponse
from ..parts import Json
from .chat_api import chat_usage
from .dialect import NoAnswer

__all__ = ["read_vectors"]


def read_vectors(data: Json) -> LLMResponse:
    """The vectors in a reply, in the order of the texts, as ``metadata["vectors"]``.

    Raises:
        NoAnswer: There are none, or they are not those of a text each.
    """
    rows = data["data"]
    if not rows:
        raise NoAnswer
    places = [row.get("index") for row in rows]
    if any(place is not None for place in places):
        if sorted(places, key=str) != sorted(range(len(rows)), key=str):
            raise NoAnswer(f"{len(rows)} vectors, for the places {str(places)[:60]}")
        rows = sorted(rows, key=lambda row: int(row["index"]))
    vectors = [_vector(row["embedding"]) for row in rows]
    usage = chat_usage(data.get("usage"))
    return LLMResponse("", data.get("model") or "", usage=usage, metadata={"vectors": vectors})


def _vector(given: str | list[float]) -> list[float]:
    """A vector, written out or as base64 of little-endian 32-bit floats."""
    if isinstance(given, str):
        raw = base64.b64decode(given)
        return list(struct.unpack(f"<{len(raw) // 4}f", raw))
    return [float(value) for value in given]
