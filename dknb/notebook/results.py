"""What tools answered: which calls of an answer wait for it, and the messages that bring it to the model."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import ConfigError, did_you_mean
from ..llm.messages import LLMMessage
from ..llm.parts import ToolCall
from .places import Node

__all__ = ["how_to_answer", "refuse_waiting", "result_messages", "waiting_calls"]


def waiting_calls(node: Node) -> list[ToolCall]:
    """The calls above ``node`` that no message has answered: one below it must, or vendors refuse the conversation."""
    answered: Counter[str | None] = Counter()
    for above in node.upward():
        if above.data.role == "assistant":
            return [call for call in above.data.message.tool_calls if not _took_one(answered, call)]
        if above.data.role not in ("tool", "function"):
            break
        message = above.data.message
        answered[message.tool_call_id or message.name] += 1
    return []


def _took_one(answered: Counter[str | None], call: ToolCall) -> bool:
    """Whether one of the answers is to this call; it is used up then."""
    mark = call.id or call.name
    answered[mark] -= 1
    return answered[mark] >= 0


def refuse_waiting(node: Node) -> None:
    """Refuse a question below an answer whose calls wait.

    Raises:
        ConfigError: They do.
    """
    if not (calls := waiting_calls(node)):
        return
    one = len(calls) == 1
    shown = ", ".join(f"{call.name}({call.arguments_json})" for call in calls)
    raise ConfigError(
        f"The answer above waits for the result{'' if one else 's'} of {shown}.",
        hint=f"Give {'it' if one else 'them'} in a cell  {how_to_answer(calls)}  or ask elsewhere:  %%chat --from NODE",
    )


def how_to_answer(calls: Sequence[ToolCall]) -> str:
    """How a cell says what the tools answered, in short."""
    if len(calls) == 1:
        return "%%chat --result"
    return f"%%chat --result, as {_by_name(calls)}"


def result_messages(node: Node, result: Any) -> list[LLMMessage]:
    """The messages that answer the calls that wait at ``node``, one each, in their order.

    Args:
        node: The answer that asked.
        result: What the tool answered: a text, as it is, or JSON data. Where several calls wait: a mapping, or the text
            of a JSON object, of calls (by the tool's name, or by id) to results. A mapping is that for one call, too.

    Raises:
        ConfigError: No call waits, or results are missing, unknown or no JSON.
    """
    calls = waiting_calls(node)
    if not calls:
        raise ConfigError(
            "No call of a tool waits for a result here.",
            hint="Say below which answer:  --from NODE  (%branch tree shows them); or ask without --result",
        )
    if len(calls) == 1 and not isinstance(result, Mapping):
        return [_message(calls[0], result)]
    given = dict(_by_call(calls, result))
    messages = [_message(call, _taken(given, call, key, calls)) for call, key in zip(calls, _keys(calls), strict=True)]
    if given:
        name = next(iter(given))
        raise ConfigError(
            f"No call {name!r} waits for a result.{did_you_mean(str(name), _keys(calls))}", hint=_form(calls)
        )
    return messages


def _keys(calls: Sequence[ToolCall]) -> list[str]:
    """What tells the calls apart: the tool's name, where it is called once, else the call's id, else its number."""
    times = Counter(call.name for call in calls)
    return [
        call.name if times[call.name] == 1 else call.id or f"{call.name}#{number}"
        for number, call in enumerate(calls, 1)
    ]


def _by_name(calls: Sequence[ToolCall]) -> str:
    return f"{{{', '.join(f'{json.dumps(key)}: …' for key in _keys(calls))}}}"


def _form(calls: Sequence[ToolCall]) -> str:
    return f"Answer with  {_by_name(calls)}"


def _by_call(calls: Sequence[ToolCall], result: Any) -> Mapping[Any, Any]:
    if isinstance(result, str):
        try:
            result = json.loads(result)
        except ValueError as error:
            raise ConfigError(
                f"{len(calls)} calls wait, and what answers them is no JSON: {error}", hint=_form(calls)
            ) from None
    if not isinstance(result, Mapping):
        raise ConfigError(f"{len(calls)} calls wait, so their results are a JSON object.", hint=_form(calls))
    return result


def _taken(given: dict[Any, Any], call: ToolCall, key: str, calls: Sequence[ToolCall]) -> Any:
    """The result of a call, taken out of those given."""
    for name in (call.id, key):
        if name is not None and name in given:
            return given.pop(name)
    raise ConfigError(f"There is no result for the call {key!r}.", hint=_form(calls))


def _message(call: ToolCall, result: Any) -> LLMMessage:
    text = result if isinstance(result, str) else _as_json(call, result)
    return LLMMessage("tool", text, None if call.id else call.name, tool_call_id=call.id)


def _as_json(call: ToolCall, result: Any) -> str:
    try:
        return json.dumps(result, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise ConfigError(f"The result of {call.name!r} is neither text nor JSON data: {error}") from None
