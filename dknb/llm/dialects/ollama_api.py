"""The dialects of Ollama's own API: chat, generate and embed; both directions.

Source: the vendor's description of the API, docs.ollama.com/openapi.yaml, and the fields that only its types name
(``api/types.go``: ``tool_name``, ``tool_call_id``, ``truncate``, ``shift``, ``remote_host``); November 2026.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..counting.counts import is_count, usage_of
from ..logprobs import token_logprobs
from ..messages import LLMResponse, LLMStreamResponse
from ..parts import Json, ToolCall, ToolCallPiece, part_from_dict
from ..wire.ndjson import LineDecoder
from .dialect import Dialect, NoAnswer, StreamError
from .ollama_body import chat_body, generate_body

__all__ = ["CHAT", "GENERATE", "embeddings"]

_STREAM_TYPES = ("application/x-ndjson", "application/jsonl", "application/ndjson")


def _chat_response(data: Json) -> LLMResponse:
    message = data["message"]
    calls = [_call(block, data, index) for index, block in enumerate(message.get("tool_calls") or ())]
    return _answer(data, _text(message.get("content")), _thinking(message), calls)


def _generate_response(data: Json) -> LLMResponse:
    return _answer(data, _text(data["response"]), _thinking(data), [])


def _answer(data: Json, text: str, thinking: str | None, calls: list[ToolCall]) -> LLMResponse:
    return LLMResponse(
        content=text,
        model=data.get("model") or "",
        finish_reason=data.get("done_reason"),
        usage=_usage(data),
        metadata=_metadata(data),
        tool_calls=calls,
        reasoning=thinking,
        logprobs=token_logprobs(data.get("logprobs")),
    )


def _text(given: Any) -> str:
    if isinstance(given or "", str):
        return given or ""
    raise TypeError(f"a text is a JSON {type(given).__name__}")


def _thinking(message: Json) -> str | None:
    # The second is what servers that imitate Ollama call it (aimock 1.43).
    return _text(message.get("thinking") or message.get("reasoning_content")) or None


def _call(block: Json, data: Json, index: int) -> ToolCall:
    """A tool call. Older servers give it no id, but who answers it needs one: then one is made of what it says.

    Args:
        block: The call as it came.
        data: What it came in.
        index: Which of the answer's calls it is.
    """
    call = part_from_dict({**block, "type": "function"})
    if not isinstance(call, ToolCall):
        raise TypeError(f"this is no tool call: {block!r}")
    if call.id:
        return call
    said = [data.get("created_at"), data.get("model"), index, call.name, call.arguments]
    identity = hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]
    return replace(call, id=f"call_{identity}")


def _usage(data: Mapping[str, Any]) -> dict[str, int] | None:
    if "prompt_eval_count" not in data and "eval_count" not in data:
        return None
    told = {name: data.get(name) for name in ("prompt_eval_count", "eval_count")}
    return usage_of(told, "prompt_eval_count", "eval_count", {})


def _metadata(data: Mapping[str, Any]) -> Json:
    """What else an answer tells: seconds by what they were spent on, and who answered for this server."""
    timings = {
        f"{name}_s": nanoseconds / 1e9
        for name in ("total", "load", "prompt_eval", "eval")
        if is_count(nanoseconds := data.get(f"{name}_duration")) and nanoseconds
    }
    told = {"timings": timings, "server": data.get("remote_host"), "context": data.get("context")}
    return {name: value for name, value in told.items() if value}


class _ChatStream:
    """Collects the lines of a streamed chat into the answer that they add up to."""

    def __init__(self) -> None:
        self.complete = False
        self.ended = False
        self._whole: Json = {}
        self._text: list[str] = []
        self._thought: list[str] = []
        self._calls: list[ToolCall] = []
        self._logprobs: list[Json] = []

    def feed(self, event: Json) -> list[LLMStreamResponse]:
        if event.get("error"):
            raise StreamError(event)
        self._logprobs += event.get("logprobs") or ()
        if event.get("done"):
            self.complete = self.ended = True
            self._whole = event
        elif not self._whole:
            self._whole = {"model": event.get("model")}
        text, thought = self._said(event)
        pieces = []
        if thought:
            self._thought.append(thought)
            pieces.append(LLMStreamResponse(reasoning=thought))
        if text:
            self._text.append(text)
            pieces.append(LLMStreamResponse(text))
        return pieces + self._called(event)

    def _said(self, event: Json) -> tuple[str, str]:
        message = event.get("message") or {}
        return _text(message.get("content")), _thinking(message) or ""

    def _called(self, event: Json) -> list[LLMStreamResponse]:
        """Tool calls come whole, each in one piece."""
        first = len(self._calls)
        blocks = (event.get("message") or {}).get("tool_calls") or ()
        self._calls += [_call(block, event, first + nth) for nth, block in enumerate(blocks)]
        return [
            LLMStreamResponse(tool_call=ToolCallPiece(first + nth, call.id, call.name, call.arguments_json))
            for nth, call in enumerate(self._calls[first:])
        ]

    def response(self) -> LLMResponse:
        whole = {**self._whole, "logprobs": self._logprobs}
        return _answer(whole, "".join(self._text), "".join(self._thought) or None, self._calls)


class _GenerateStream(_ChatStream):
    """The same of a streamed text."""

    def _said(self, event: Json) -> tuple[str, str]:
        return _text(event.get("response")), _thinking(event) or ""


def embeddings(data: Json, count: int) -> LLMResponse:
    """The vectors in a reply, ``count`` of them.

    Raises:
        NoAnswer: There are fewer or more.
    """
    # The singular is of servers that imitate Ollama's older API (aimock 1.43).
    rows = data["embeddings"] if "embeddings" in data else [data["embedding"]]
    vectors = [[float(value) for value in vector] for vector in rows]
    if len(vectors) != count:
        raise NoAnswer
    metadata = _metadata(data) | {"vectors": vectors}
    return LLMResponse("", data.get("model") or "", usage=_usage(data), metadata=metadata)


CHAT = Dialect("chat", chat_body, _chat_response, _ChatStream, decoder=LineDecoder, stream_types=_STREAM_TYPES)
GENERATE = Dialect(
    "generate", generate_body, _generate_response, _GenerateStream, decoder=LineDecoder, stream_types=_STREAM_TYPES
)
