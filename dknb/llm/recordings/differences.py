"""Which recorded request is nearest to one that is not recorded, and in what the two differ."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import Any, TypeAlias, TypeVar

__all__ = ["differences", "nearest_request", "word_diff"]

Json: TypeAlias = dict[str, Any]
Where = TypeVar("Where")
_MOST_WORDS = 400
_WEIGHED_ONCE = ("kind", "provider", "model", "settings", "tools")


def _last_words(request: Mapping[str, Any]) -> set[str]:
    messages = request.get("messages") or [{"content": " ".join(request.get("texts") or [])}]
    return set(_text(messages[-1]).split())


def _text(message: Mapping[str, Any]) -> str:
    """A message in words: its text, then what else it carries as JSON."""
    content = message.get("content") or ""
    parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
    words = [part["text"] if part.get("type") == "text" and "text" in part else _json(part) for part in parts]
    if rest := {name: value for name, value in message.items() if name not in ("role", "content")}:
        words.append(_json(rest))
    return " ".join(words)


def _json(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def _equal_messages(first: Mapping[str, Any], second: Mapping[str, Any]) -> float:
    """Share of the messages that are equal before the two requests part."""
    ours, theirs = first.get("messages") or [], second.get("messages") or []
    same = 0
    for one, other in zip(ours, theirs, strict=False):
        if one != other:
            break
        same += 1
    return same / max(len(ours), len(theirs), 1)


def nearest_request(asked: Mapping[str, Any], recorded: Iterable[tuple[Where, Json]]) -> tuple[Where, Json] | None:
    """Of requests, each with where it is, the one most like ``asked``; the earliest of equals; None of none.

    The words of the last message weigh most, then the messages before it, then the model and its settings.
    """
    words = _last_words(asked)

    def likeness(candidate: Json) -> float:
        others = _last_words(candidate)
        shared = len(words & others) / (len(words | others) or 1)
        equal = sum(1 for name in _WEIGHED_ONCE if asked.get(name) == candidate.get(name))
        return 6 * shared + 3 * _equal_messages(asked, candidate) + equal

    return max(recorded, key=lambda pair: likeness(pair[1]), default=None)


def differences(recorded: Mapping[str, Any], asked: Mapping[str, Any], *, most: int = 4) -> list[str]:
    """One line for each field in which the two differ, at most ``most``; says so when none of them is kept in a file."""
    found = [line for part in _PARTS for line in part(recorded, asked)]
    if len(found) > most:
        found[most - 1 :] = [f"and {len(found) - most + 1} more"]
    return found or ["they differ only in something that a recording does not keep (an option of one provider)"]


def _scalars(recorded: Mapping[str, Any], asked: Mapping[str, Any]) -> Iterator[str]:
    for name in ("kind", "provider", "model", "tool_choice"):
        if recorded.get(name) != asked.get(name):
            yield _changed(name, recorded.get(name), asked.get(name))


def _nested(recorded: Mapping[str, Any], asked: Mapping[str, Any]) -> Iterator[str]:
    for group in ("settings", "options"):
        old, new = recorded.get(group) or {}, asked.get(group) or {}
        for name in sorted(old.keys() | new.keys()):
            if old.get(name) != new.get(name):
                yield _changed(f"{group}.{name}", old.get(name), new.get(name))


def _messages(recorded: Mapping[str, Any], asked: Mapping[str, Any]) -> Iterator[str]:
    old, new = recorded.get("messages") or [], asked.get("messages") or []
    for number, (was, now) in enumerate(zip_longest(old, new)):
        if was is None or now is None:
            yield f"messages: recorded {len(old)}, asked {len(new)}"
            return
        if was.get("role") != now.get("role"):
            yield _changed(f"messages[{number}].role", was.get("role"), now.get("role"))
        elif was != now:
            yield f"messages[{number}] ({now.get('role')}): {word_diff(_text(was), _text(now))}"


def _texts(recorded: Mapping[str, Any], asked: Mapping[str, Any]) -> Iterator[str]:
    old, new = recorded.get("texts") or [], asked.get("texts") or []
    if len(old) != len(new):
        yield f"texts: recorded {len(old)}, asked {len(new)}"
        return
    for number, (was, now) in enumerate(zip(old, new, strict=True)):
        if was != now:
            yield f"texts[{number}]: {word_diff(was, now)}"


def _tools(recorded: Mapping[str, Any], asked: Mapping[str, Any]) -> Iterator[str]:
    old, new = _by_name(recorded.get("tools")), _by_name(asked.get("tools"))
    for name in sorted(old.keys() | new.keys()):
        if name not in new:
            yield f"tools: {name!r} was recorded, but is not asked for"
        elif name not in old:
            yield f"tools: {name!r} is asked for, but was not recorded"
        elif old[name] != new[name]:
            yield f"tools: {name!r} is defined differently"


_PARTS = (_scalars, _nested, _messages, _texts, _tools)


def _by_name(tools: Any) -> dict[str, Json]:
    named = ((tool.get("function") or tool, tool) for tool in tools or [])
    return {str(inner.get("name") or inner.get("type")): tool for inner, tool in named}


def _changed(name: str, was: Any, now: Any) -> str:
    return f"{name}: recorded {_short(was)}, asked {_short(now)}"


def _short(value: Any, most: int = 80) -> str:
    if value is None:
        return "none"
    shown = repr(value)
    return shown if len(shown) <= most else f"{shown[:most]}..."


def word_diff(old: str, new: str, *, around: int = 4, most: int = 240) -> str:
    """Where two texts differ, in words: ``the [-weakest-] {+strongest+} argument``, with little around it."""
    was, now = (re.findall(r"\S+", text) for text in (old, new))
    start = next((i for i, (a, b) in enumerate(zip(was, now, strict=False)) if a != b), min(len(was), len(now)))
    if start == len(was) == len(now):
        return "only white space differs"
    first = max(start - around, 0)
    was, now = was[first : first + _MOST_WORDS], now[first : first + _MOST_WORDS]
    pieces = ["..."] if first else []
    for kind, a, b, c, d in SequenceMatcher(None, was, now, autojunk=False).get_opcodes():
        pieces += _shown(kind, was[a:b], now[c:d], around)
    shown = " ".join(pieces)
    return shown if len(shown) <= most else f"{shown[:most]}..."


def _shown(kind: str, was: list[str], now: list[str], around: int) -> Iterator[str]:
    if kind == "equal":
        yield from was if len(was) <= 2 * around else [*was[:around], "...", *was[-around:]]
        return
    if was:
        yield f"[-{' '.join(was)}-]"
    if now:
        yield f"{{+{' '.join(now)}+}}"
