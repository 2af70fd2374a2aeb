"""From the body of a vendor's reply, whole or a stream, to our answer; without a connection."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from ..messages import LLMResponse
from ..parts import Json
from .chat_api import ChatTraits, chat_dialect
from .dialect import Dialect, NoAnswer, StreamError
from .embeddings_api import read_vectors
from .messages_api import MESSAGES
from .ollama_api import CHAT as OLLAMA_CHAT
from .ollama_api import GENERATE as OLLAMA_GENERATE
from .ollama_api import embeddings as ollama_vectors
from .responses_api import RESPONSES
from .text_api import TEXT

__all__ = ["read_reply"]

_DIALECTS = {
    "chat": chat_dialect(ChatTraits()),
    "text": TEXT,
    "responses": RESPONSES,
    "messages": MESSAGES,
    "ollama chat": OLLAMA_CHAT,
    "ollama generate": OLLAMA_GENERATE,
}


def read_reply(api: str, body: bytes) -> tuple[LLMResponse, list[Json]]:
    """The answer in a reply, and the pieces that it came in, where it was a stream.

    Args:
        api: As `vendor_requests.read_request` names it.
        body: The bytes of the reply, plain.

    Raises:
        ValueError: It is no answer.
        KeyError: Something is missing in it.
        TypeError: Something in it is of the wrong kind.
    """
    whole = _whole(body)
    try:
        if api in _READ_VECTORS:
            return _READ_VECTORS[api](whole or {}), []
        dialect = _DIALECTS[api]
        if whole is not None:
            return dialect.response(whole), []
        return _streamed(dialect, body)
    except NoAnswer:
        raise ValueError("there is no answer in it") from None
    except StreamError as error:
        raise ValueError(f"an error came as an event: {str(error)[:200]}") from None


def _whole(body: bytes) -> Json | None:
    """The reply as one JSON object; None where it is a stream."""
    try:
        value = json.loads(body)
    except ValueError:
        return None
    # A stream of lines that has but one is a stream.
    return value if isinstance(value, dict) else None


def _streamed(dialect: Dialect, body: bytes) -> tuple[LLMResponse, list[Json]]:
    decoder, answer = dialect.decoder(), dialect.accumulator()
    pieces = [
        piece.to_dict()
        for event in _events(decoder, body)
        if (fed := answer.feed(event)) is not None
        for piece in (fed if isinstance(fed, list) else [fed])
    ]
    if not answer.complete:
        raise ValueError("the stream was cut")
    return answer.response(), pieces


def _events(decoder: Any, body: bytes) -> Iterator[Json]:
    yield from decoder.feed(body)
    with suppress(ValueError, TypeError):  # half an event: what is missing is found by its absence
        yield from decoder.finish()


def _ollama_vectors(data: Json) -> LLMResponse:
    return ollama_vectors(data, len(data.get("embeddings") or [0]))


_READ_VECTORS = {"embeddings": read_vectors, "ollama embed": _ollama_vectors}
