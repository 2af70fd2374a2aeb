"""A whole answer as the pieces of a stream, for what does not come as one."""

from __future__ import annotations

from collections.abc import Iterator

from .calls.outcome import final_piece
from .messages import LLMResponse, LLMStreamResponse
from .parts import ToolCallPiece

__all__ = ["last_pieces", "pieces_of"]


def pieces_of(response: LLMResponse) -> Iterator[LLMStreamResponse]:
    """What an answer brings, one piece for each thing: reasoning, text, tool calls."""
    if response.reasoning:
        yield LLMStreamResponse(reasoning=response.reasoning)
    if response.content:
        yield LLMStreamResponse(response.content)
    for index, call in enumerate(response.tool_calls):
        yield LLMStreamResponse(tool_call=ToolCallPiece(index, call.id, call.name, call.arguments_json))


def last_pieces(response: LLMResponse) -> Iterator[LLMStreamResponse]:
    """How every stream ends: with the usage, where the vendor tells it, and with the whole answer."""
    if response.usage:
        yield LLMStreamResponse(usage=response.usage, model=response.model)
    yield final_piece(response)
