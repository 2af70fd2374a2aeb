"""A streamed chat completion, put together from its chunks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..messages import LLMResponse, LLMStreamResponse
from ..parts import Json, ToolCallPiece, written_arguments
from ..wire.sse import DONE
from .dialect import StreamError

__all__ = ["KNOWN", "TOLD", "ChatStream"]

#: What is told of an answer beside it.
TOLD = ("id", "service_tier", "system_fingerprint", "moderation", "citations", "search_results")

#: Fields of a message (or of its deltas) that have a place of their own in ours.
KNOWN = frozenset(
    {"role", "content", "refusal", "tool_calls", "function_call", "reasoning", "reasoning_content", "annotations"}
)
#: Texts that come whole, and again with each fragment.
_WHOLE = frozenset({"id", "type", "format", "index"})


class ChatStream:
    """Collects the chunks of a streamed completion into the completion they add up to."""

    def __init__(self, response: Callable[[Json], LLMResponse]) -> None:
        self.complete = False
        self.ended = False
        self._response = response
        self._whole: Json = {}
        self._choice: Json = {}
        self._texts: dict[str, list[str]] = {}
        self._calls: list[Json] = []
        self._function: Json = {}
        self._rest: Json = {}
        self._logprobs: list[Json] = []
        self._others: dict[int, ChatStream] = {}

    def feed(self, event: Json) -> LLMStreamResponse | list[LLMStreamResponse] | None:
        """Take one chunk; the piece, or the pieces, that it brought.

        Raises:
            StreamError: The chunk is an error.
        """
        if event is DONE:
            self.ended = self.complete = True
            return None
        if event.get("error"):
            raise StreamError(event)
        groq = event.get("x_groq")
        if usage := event.get("usage") or (groq.get("usage") if isinstance(groq, dict) else None):
            self._whole["usage"] = usage
        choices = event.get("choices")
        if not choices or "model" not in self._whole:
            self._whole |= {name: event[name] for name in ("model", *TOLD) if event.get(name)}
        if not choices:
            return None
        return self._feed_choices(choices)

    def _feed_choices(self, choices: list[Json]) -> LLMStreamResponse | list[LLMStreamResponse] | None:
        """The pieces of the first answer, where several were asked for; a chunk has one or more of them."""
        found = None
        for choice in choices:
            if choice.get("index"):
                self._feed_other(choice)
            else:
                found = self._feed_choice(choice)
        return found

    def _feed_other(self, choice: Json) -> None:
        """One of the further answers."""
        other = self._others.setdefault(choice["index"], ChatStream(self._response))
        other._feed_choice(choice)

    def _feed_choice(self, choice: Json) -> LLMStreamResponse | list[LLMStreamResponse] | None:
        if choice.get("finish_reason"):
            self._choice["finish_reason"] = choice["finish_reason"]
            self.complete = True
        if told := choice.get("logprobs"):
            self._logprobs += told.get("content") or told.get("refusal") or ()
        return self._delta(choice.get("delta") or {})

    def _delta(self, delta: Json) -> LLMStreamResponse | list[LLMStreamResponse] | None:
        pieces = self._told(delta)
        for fragment in delta.get("tool_calls") or ():
            pieces.append(LLMStreamResponse(tool_call=self._call(fragment)))
        if function := delta.get("function_call"):
            pieces.append(LLMStreamResponse(tool_call=self._function_call(function)))
        for name, value in delta.items():
            if name not in KNOWN or name == "annotations":
                self._rest[name] = _merged(self._rest.get(name), value, name)
        return (pieces[0] if len(pieces) == 1 else pieces) if pieces else None

    def _told(self, delta: Json) -> list[LLMStreamResponse]:
        """What the delta says, and before it what was thought."""
        pieces = []
        named = "reasoning_content" if delta.get("reasoning_content") else "reasoning"
        if thought := delta.get(named):
            self._texts.setdefault(named, []).append(thought)
            pieces.append(LLMStreamResponse(reasoning=thought))
        said = self._said(delta, "content") + self._said(delta, "refusal")
        text = said or (delta.get("audio") or {}).get("transcript")
        return [*pieces, LLMStreamResponse(text)] if text else pieces

    def _said(self, delta: Json, named: str) -> str:
        """A text of the delta, which is kept; empty where it has none."""
        told = delta.get(named) or ""
        text = told if isinstance(told, str) else "".join([block.get("text") or "" for block in told])
        if text:
            self._texts.setdefault(named, []).append(text)
        return text

    def _call(self, fragment: Json) -> ToolCallPiece:
        told = fragment.get("function") or fragment.get("custom") or {}
        call, name = self._begun(fragment), told.get("name") or ""
        given = told.get("arguments")
        arguments = written_arguments(told.get("input") if given is None else given)
        if call is None:
            rest = {name: value for name, value in fragment.items() if name not in ("function", "custom", "index")}
            kind = "custom" if "custom" in fragment else "function"
            call = {**rest, "type": kind, "_index": fragment.get("index"), "_name": "", "_pieces": []}
            call["_at"] = len(self._calls)
            self._calls.append(call)
        identity = None if call["_pieces"] else fragment.get("id")
        piece = ToolCallPiece(call["_at"], identity, "" if call["_name"] else name, arguments)
        call["_name"] = call["_name"] or name
        call["_pieces"].append(arguments)
        return piece

    def _begun(self, fragment: Json) -> Json | None:
        """The call that a fragment goes on with. Some servers leave out the index, or give all calls the same."""
        index, identity = fragment.get("index"), fragment.get("id")
        for call in reversed(self._calls):
            if identity and call.get("id") and identity != call["id"]:
                continue
            if index is None or call["_index"] == index:
                return call
        return None

    def _function_call(self, function: Json) -> ToolCallPiece:
        """The old form of a single call."""
        name, arguments = function.get("name") or "", written_arguments(function.get("arguments"))
        piece = ToolCallPiece(0, None, "" if self._function.get("name") else name, arguments)
        self._function["name"] = self._function.get("name") or name
        self._function["arguments"] = self._function.get("arguments", "") + arguments
        return piece

    def response(self) -> LLMResponse:
        """The answer, as far as it has arrived."""
        others = [self._others[index]._whole_choice() for index in sorted(self._others)]
        return self._response({**self._whole, "choices": [self._whole_choice(), *others]})

    def _whole_choice(self) -> Json:
        message: Json = {**self._rest, **{name: "".join(texts) for name, texts in self._texts.items()}}
        message["tool_calls"] = [_whole_call(call) for call in self._calls]
        if self._function:
            message["function_call"] = self._function
        logprobs = {"logprobs": {"content": self._logprobs}} if self._logprobs else {}
        return {**self._choice, **logprobs, "message": message}


def _whole_call(call: Json) -> Json:
    shown = {name: value for name, value in call.items() if not name.startswith("_")}
    arguments = "".join(call["_pieces"])
    if call["type"] == "custom":
        return {**shown, "custom": {"name": call["_name"], "input": arguments}}
    return {**shown, "function": {"name": call["_name"], "arguments": arguments}}


def _merged(old: Any, new: Any, name: str = "") -> Any:
    """A field that we do not know, as its fragments add up: texts are joined, lists go on, the last number counts."""
    if old is None or new is None:
        return old if new is None else new
    if isinstance(old, str) and isinstance(new, str) and name not in _WHOLE:
        return old + new
    if isinstance(old, dict) and isinstance(new, dict):
        return {**old, **{key: _merged(old.get(key), value, key) for key, value in new.items()}}
    if isinstance(old, list) and isinstance(new, list):
        return _list_merged(old, new)
    return new


def _list_merged(old: list[Any], new: list[Any]) -> list[Any]:
    """The list goes on; an entry with the index and type of one that is there goes on with that one."""
    whole = list(old)
    for item in new:
        place = next((at for at, before in enumerate(whole) if _same(before, item)), None)
        if place is None:
            whole.append(item)
        else:
            whole[place] = _merged(whole[place], item)
    return whole


def _same(before: Any, item: Any) -> bool:
    if not isinstance(before, dict) or not isinstance(item, dict) or item.get("index") is None:
        return False
    return before.get("index") == item["index"] and before.get("type") == item.get("type")
