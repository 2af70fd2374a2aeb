"""A streamed message of Anthropic's, put together from its events."""

from __future__ import annotations

from collections.abc import Callable

from ..messages import LLMResponse, LLMStreamResponse
from ..parts import Json, ToolCall, ToolCallPiece, arguments_of
from .dialect import StreamError

__all__ = ["MessageStream"]


class MessageStream:
    """Collects the events of a streamed message into the message that they add up to."""

    def __init__(self, response: Callable[[Json], LLMResponse]) -> None:
        self.complete = False
        self.ended = False
        self._response = response
        self._message: Json = {}
        self._blocks: dict[int, Json] = {}
        self._pieces: dict[int, dict[str, list[str]]] = {}
        #: Which of the answer's calls a block is.
        self._calls: dict[int, int] = {}

    def feed(self, event: Json) -> LLMStreamResponse | None:
        """Take one event; the piece that it brought, if any.

        Raises:
            StreamError: The event is an error.
        """
        match event["type"]:
            case "content_block_delta":
                return self._delta(event["index"], event["delta"])
            case "content_block_start":
                return self._begin(event["index"], event["content_block"])
            case "message_start":
                self._message = event["message"]
            case "message_delta":
                usage = {name: count for name, count in _told(event).items() if count is not None}
                usage = {**_told(self._message), **usage}
                told = {name: event[name] for name in event if name not in ("type", "delta", "usage")}
                self._message = {**self._message, **told, **event["delta"], "usage": usage}
                self.complete = event["delta"].get("stop_reason") is not None
            case "message_stop":
                self.ended = self.complete = True
            case "error":
                raise StreamError(event)
        return None

    def _begin(self, index: int, block: Json) -> LLMStreamResponse | None:
        self._blocks[index] = block
        self._pieces[index] = {}
        if block["type"] == "tool_use":
            self._calls[index] = len(self._calls)
            return LLMStreamResponse(tool_call=ToolCallPiece(self._calls[index], block.get("id"), block["name"]))
        if text := block.get("text"):
            return LLMStreamResponse(text)
        return LLMStreamResponse(reasoning=block["thinking"]) if block.get("thinking") else None

    def _delta(self, index: int, delta: Json) -> LLMStreamResponse | None:
        kind = delta["type"]
        if kind == "text_delta":
            self._add(index, "text", delta["text"])
            return LLMStreamResponse(delta["text"])
        if kind == "thinking_delta":
            self._add(index, "thinking", delta["thinking"])
            return LLMStreamResponse(reasoning=delta["thinking"])
        if kind == "input_json_delta":
            text = delta["partial_json"]
            self._add(index, "input", text)
            if text and index in self._calls:
                return LLMStreamResponse(tool_call=ToolCallPiece(self._calls[index], arguments=text))
        elif kind == "citations_delta":
            block = self._blocks[index]
            block["citations"] = [*(block.get("citations") or ()), delta["citation"]]
        else:
            self._take(index, delta)
        return None

    def _take(self, index: int, delta: Json) -> None:
        """A delta in the general form: each field goes on with the block's field of that name."""
        for field, value in delta.items():
            if field == "type" or value is None:
                continue
            if isinstance(value, str):
                self._add(index, field, value)
            else:
                self._blocks[index] = {**self._blocks[index], field: value}

    def _add(self, index: int, field: str, text: str) -> None:
        self._pieces[index].setdefault(field, []).append(text)

    def response(self) -> LLMResponse:
        """The answer, as far as it has arrived."""
        blocks = [self._whole(index) for index in sorted(self._blocks)]
        response = self._response({**self._message, "content": blocks})
        self._restore_cut_arguments(response)
        return response

    def _whole(self, index: int) -> Json:
        block = dict(self._blocks[index])
        for field, pieces in self._pieces[index].items():
            text = "".join(pieces)
            if field == "input":
                block["input"] = arguments_of(text) if text else block.get("input") or {}
            else:
                block[field] = (block.get(field) or "") + text
        return block

    def _restore_cut_arguments(self, response: LLMResponse) -> None:
        """Give calls whose arguments were cut the JSON that arrived, since it is no object."""
        texts = ["".join(self._pieces[index].get("input", ())) for index in sorted(self._blocks)]
        for place, (part, text) in enumerate(zip(response.parts, texts, strict=False)):
            if not isinstance(part, ToolCall) or not text or part.arguments:
                continue
            call = ToolCall(part.name, {}, part.id, raw_arguments=text, extra=part.extra)
            if call.error:
                response.parts[place] = call
                response.tool_calls[response.tool_calls.index(part)] = call


def _told(data: Json) -> Json:
    """What is told of the usage; nothing where it is rubbish."""
    usage = data.get("usage")
    return usage if isinstance(usage, dict) else {}
