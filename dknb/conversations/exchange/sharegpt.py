"""The JSON of ShareGPT and the many data sets that took its form: who says what, in turn."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from ...llm.messages import LLMMessage
from ...llm.parts import ToolCall, arguments_of
from ..state import ConversationState
from .checks import typed, typed_or
from .documents.messages import read_message
from .talk import talk_in_a_row

__all__ = ["item_of", "name_of", "read_item"]

#: Who speaks, as data sets call him.
_ROLES = {
    "human": "user",
    "user": "user",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "assistant": "assistant",
    "model": "assistant",
    "bot": "assistant",
    "bing": "assistant",
    "bard": "assistant",
    "system": "system",
    "developer": "developer",
    "tool": "tool",
    "observation": "tool",
    "tool_response": "tool",
    "function_response": "tool",
    "function": "function",
}
_CALLED = {"user": "human", "assistant": "gpt", "tool": "observation"}
_TURNS = ("conversations", "conversation", "messages", "items")
_OWN = ("id", *_TURNS)


def read_item(data: Mapping[str, Any], name: str, at: datetime) -> ConversationState:
    """The conversation of an item, whatever its turns are called; keys of the item that say no turns become metadata.

    Raises:
        TypeError: Something is of another kind.
        ValueError: Something is missing, or nobody knows who speaks.
    """
    turns = next((key for key in _TURNS if key in data), None)
    if turns is None:
        raise ValueError(f"it has none of {', '.join(_TURNS)}, only {', '.join(map(repr, data)):.100}")
    messages: list[LLMMessage] = []
    for turn in typed(data, turns, list):
        _take_turn(messages, turn)
    rest = {key: value for key, value in data.items() if key not in ("id", "system", turns)}
    if (given := data.get("id")) is not None and name_of(data) is None:
        rest["source_id"] = given
    system = typed_or(data, "system", str)
    if system and not _begins_with_system(messages):
        messages.insert(0, LLMMessage("system", system))
    elif system and system != messages[0].content:
        rest["system"] = system  # those who train take the turn; nothing is lost
    return talk_in_a_row(name, messages, at, rest)


def name_of(data: Mapping[str, Any]) -> str | None:
    """What an item is called: its id, which may be a number; None without one."""
    given = data.get("id")
    if isinstance(given, int) and not isinstance(given, bool):
        return str(given)
    return given if isinstance(given, str) and given.strip() else None


def _begins_with_system(messages: Sequence[LLMMessage]) -> bool:
    return bool(messages) and messages[0].role == "system"


def _take_turn(messages: list[LLMMessage], turn: Any) -> None:
    if not isinstance(turn, dict):
        raise TypeError(f"a turn is {turn!r:.60}, not an object")
    who = typed(turn, "from" if "from" in turn else "role", str)
    if who == "function_call":
        _take_calls(messages, _text(turn))
        return
    if who.lower() not in _ROLES:
        raise ValueError(f"nobody knows who {who!r:.60} is")
    rest = {key: value for key, value in turn.items() if key not in ("from", "role", "value")}
    messages.append(read_message({"content": turn.get("value"), **rest, "role": _ROLES[who.lower()]}))


def _text(turn: Mapping[str, Any]) -> str:
    return typed(turn, "value" if "value" in turn else "content", str)


def _take_calls(messages: list[LLMMessage], text: str) -> None:
    """Calls of tools are a turn of their own, after what the assistant says with them."""
    try:
        given = json.loads(text)
    except (ValueError, RecursionError):
        given = None
    calls = [_call(one) for one in (given if isinstance(given, list) else [given])]
    if any(call is None for call in calls):
        messages.append(LLMMessage("assistant", text))
        return
    said = messages[-1] if messages and messages[-1].role == "assistant" else None
    if said is None or said.tool_calls:
        said = LLMMessage("assistant", "")
        messages.append(said)
    said.tool_calls = [call for call in calls if call is not None]


def _call(data: Any) -> ToolCall | None:
    if not (isinstance(data, dict) and isinstance(data.get("name"), str)):
        return None
    given, identity = data.get("arguments", data.get("parameters")), data.get("id")
    name, known = data["name"], identity if isinstance(identity, str) else None
    if isinstance(given, str):
        return ToolCall(name, arguments_of(given), known, raw_arguments=given)
    return ToolCall(name, given if isinstance(given, dict) else {}, known)


def item_of(name: str, messages: Sequence[LLMMessage], metadata: Mapping[str, Any]) -> dict[str, Any]:
    """An item of messages; metadata of the conversation become keys of it."""
    turns = [turn for message in messages for turn in _turns(message)]
    # Without such a turn, "system" would be read as one.
    own = _OWN if _begins_with_system(messages) else (*_OWN, "system")
    rest = {key: value for key, value in metadata.items() if key not in own}
    return {"id": name, "conversations": turns, **rest}


def _turns(message: LLMMessage) -> list[dict[str, Any]]:
    turn: dict[str, Any] = {"from": _CALLED.get(message.role, message.role), "value": message.content}
    for key in ("name", "tool_call_id"):
        if (value := getattr(message, key)) is not None:
            turn[key] = value
    if not message.tool_calls:
        return [turn]
    calls = [
        {"name": call.name, "arguments": call.raw_arguments if call.error else call.arguments}
        | ({} if call.id is None else {"id": call.id})
        for call in message.tool_calls
    ]
    value = json.dumps(calls[0] if len(calls) == 1 else calls, ensure_ascii=True)
    return [*([turn] if message.content else []), {"from": "function_call", "value": value}]
