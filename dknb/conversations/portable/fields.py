"""The fields of a line, checked: whoever wrote the file, nothing of it may break the store that it goes into."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from typing import Any, TypeAlias

from ...llm.messages import LLMMessage
from ..branches import check_name
from ..ledger import CallRecord
from ..stores.rows import BranchRow, HeadRow, NodeRow, storable, to_iso, to_json

__all__ = ["MOST", "ROLES", "read_branch", "read_call", "read_head", "read_labels", "read_node"]

Line: TypeAlias = Mapping[str, Any]

#: Numbers are below this, as the columns of PostgreSQL are.
MOST = 2**31

ROLES = ("system", "user", "assistant", "tool", "function", "developer")
STATES = ("complete", "incomplete")


def read_head(data: Line, branches: list[BranchRow]) -> HeadRow:
    """The conversation's own row; `ValueError`, `TypeError` or `DknbError` if it cannot be one."""
    _check_keys(data, (*HeadRow._fields, "branches"))
    name = check_name(_text(data, "conversation_id"), "conversation")
    current = _text_or_none(data, "current_branch")
    if current is not None and current not in {branch.name for branch in branches}:
        raise ValueError(f"the branch {current!r:.80} that it is on is none of its branches")
    return HeadRow(
        conversation_id=name,
        metadata=_object(data, "metadata"),
        next_seq=_number(data, "next_seq"),
        revision=_number(data, "revision"),
        current_seq=_number(data, "current_seq"),
        current_branch=current,
        created_at=_time(data, "created_at"),
        updated_at=_time(data, "updated_at"),
    )


def read_branch(data: Any) -> BranchRow:
    """The row of a branch."""
    _check_keys(data, BranchRow._fields)
    name = check_name(_text(data, "name"))
    return BranchRow(name, _number(data, "head_seq"), _number(data, "hidden"), _time(data, "updated_at"))


def read_node(data: Line) -> NodeRow:
    """The row of a node."""
    _check_keys(data, (*NodeRow._fields, "labels"))
    role, content, state = _text(data, "role"), _text(data, "content"), _text(data, "state")
    if role not in ROLES:
        raise ValueError(f"'role' is {role!r:.60}, none of {', '.join(ROLES)}")
    if state not in STATES:
        raise ValueError(f"'state' is {state!r:.60}, none of {', '.join(STATES)}")
    message = data["message"]
    if message is not None:
        _check_message({"role": role, "content": content, **_dict(data, "message")})
    return NodeRow(
        seq=_number(data, "seq"),
        parent_seq=None if data["parent_seq"] is None else _number(data, "parent_seq"),
        ordinal=_number(data, "ordinal"),
        role=role,
        content=content,
        message=None if message is None else to_json(message, "message"),
        prompt_name=_text_or_none(data, "prompt_name"),
        branch_name=_text_or_none(data, "branch_name"),
        cell=_text_or_none(data, "cell"),
        state=state,
        metadata=_object(data, "metadata"),
        hidden=_number(data, "hidden"),
        created_at=_time(data, "created_at"),
        session=_text_or_none(data, "session"),
    )


def read_labels(data: Line) -> list[str]:
    """The labels of a node, each once."""
    labels = data["labels"]
    if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
        raise TypeError(f"'labels' is {labels!r:.60}, not a list of texts")
    return sorted({check_name(label, "label") for label in labels})


def read_call(data: Any) -> CallRecord:
    """A row of the ledger."""
    names = [field.name for field in fields(CallRecord)]
    _check_keys(data, names)
    given: dict[str, Any] = {
        name: _text_or_none(data, name) for name in ("conversation_id", "cell", "provider", "model")
    }
    given |= {name: _text(data, name) for name in ("kind", "outcome")}
    whole = ("node_seq", "prompt_tokens", "completion_tokens", "cached_tokens")
    given |= {name: None if data[name] is None else _number(data, name) for name in whole}
    given |= {name: _amount(data, name) for name in ("cost_usd", "duration_s")}
    return CallRecord(**given, at=datetime.fromisoformat(_time(data, "at")))


def _check_keys(data: Any, names: tuple[str, ...] | list[str]) -> None:
    if not isinstance(data, Mapping):
        raise TypeError(f"{data!r:.60} is no object")
    if missing := [name for name in names if name not in data]:
        raise ValueError(f"{missing[0]!r} is missing")
    if beyond := [name for name in data if name not in names]:
        raise ValueError(f"{beyond[0]!r:.60} does not belong there")


def _check_message(data: dict[str, Any]) -> None:
    message = LLMMessage.from_dict(data)
    texts = {"name": message.name, "tool_call_id": message.tool_call_id, "reasoning": message.reasoning}
    for what, value in texts.items():
        if value is not None and not isinstance(value, str):
            raise TypeError(f"{what!r} of the message is {value!r:.60}, not text")
    if message.role != data["role"] or not isinstance(message.content, str):
        raise ValueError("the message says another role than its node, or no text")
    message.to_dict()


def _text(data: Line, key: str) -> str:
    value = data[key]
    if not isinstance(value, str):
        raise TypeError(f"{key!r} is {value!r:.60}, not text")
    if storable(value) != value:
        raise ValueError(f"{key!r} holds NUL or half of a surrogate pair")
    return value


def _text_or_none(data: Line, key: str) -> str | None:
    return None if data[key] is None else _text(data, key)


def _number(data: Line, key: str) -> int:
    value = data[key]
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < MOST:
        raise ValueError(f"{key!r} is {value!r:.60}, not a whole number from 0 to {MOST - 1}")
    return value


def _amount(data: Line, key: str) -> float | None:
    value = data[key]
    if value is None:
        return None
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < MOST:
        raise ValueError(f"{key!r} is {value!r:.60}, not a number from 0")
    return value


def _time(data: Line, key: str) -> str:
    at = datetime.fromisoformat(_text(data, key))
    if at.tzinfo is None:
        raise ValueError(f"{key!r} is {data[key]!r:.60}, a time without its zone")
    return to_iso(at)


def _dict(data: Line, key: str) -> dict[str, Any]:
    value = data[key]
    if not isinstance(value, dict):
        raise TypeError(f"{key!r} is {value!r:.60}, not an object")
    return value


def _object(data: Line, key: str) -> str:
    return to_json(_dict(data, key), key)
