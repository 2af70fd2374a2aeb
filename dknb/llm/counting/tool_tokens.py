"""How many tokens the tools of a call cost: what a vendor writes of them into the prompt is not published.

OpenAI's models read tools as TypeScript (community.openai.com, thread 266573); others as the JSON that was sent.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..tools import as_messages_tool, schema_of, tool_name

__all__ = ["call_overhead", "tools_overhead", "tools_text"]

#: Tokens around the tools of a request, those around a call with its result, and whether the tools are TypeScript.
#: Fitted to recorded exchanges (`tests/llm/test_llm_token_usage.py`), 22 November 2026: gpt-5 to 7 of one program with
#: gpt-5.4; Anthropic's page "Tool use" of an earlier year says 264 to 530.
_OVERHEADS = (
    (re.compile(r"gpt-[5-9]"), 90, 14, True),
    (re.compile(r"gpt-|o\d|chatgpt"), 9, 8, True),
    (re.compile(r"claude-(?:3|(?:opus|sonnet|haiku)-4)"), 500, 35, False),
    (re.compile(r"claude"), 300, 35, False),
    (re.compile(r"(?:meta-)?llama-?3"), 400, 10, False),
    (re.compile(r""), 100, 10, False),
)
#: Tokens around the tools of a request to OpenAI's responses API, which tells a model less of them, or has it from
#: elsewhere. Fitted there too: gpt-5 to three exchanges with gpt-5.4, the others to one each with gpt-4.1 and gpt-4o-mini.
_IN_RESPONSES = ((re.compile(r"gpt-[5-9]"), 7), (re.compile(r""), 3))
#: What Claude is told where it must call a tool is shorter.
_FORCED = 200

_TYPES = {"integer": "number", "number": "number", "boolean": "boolean", "string": "string", "null": "null"}


def tools_overhead(model: str, tool_choice: str | Mapping[str, Any] | None = None, api: str = "chat") -> int:
    """The tokens around the tools of a call, for a model given by its bare name."""
    if api == "responses":
        return next(overhead for pattern, overhead in _IN_RESPONSES if pattern.match(model))
    overhead = _row(model)[0]
    may_talk = tool_choice in (None, "auto", "none") or (
        isinstance(tool_choice, Mapping) and tool_choice.get("type") in ("auto", "none")
    )
    return overhead if may_talk or not model.startswith("claude") else overhead - _FORCED


def call_overhead(model: str) -> int:
    """The tokens around one call of a tool and its result, for a model given by its bare name."""
    return _row(model)[1]


def _row(model: str) -> tuple[int, int, bool]:
    return next((request, call, typed) for pattern, request, call, typed in _OVERHEADS if pattern.match(model))


def tools_text(tools: Sequence[Mapping[str, Any]], model: str) -> str:
    """What the model reads of the tools, as far as it is known."""
    if _row(model)[2]:
        body = "\n\n".join([_typed(dict(tool)) for tool in tools])
        return f"namespace functions {{\n\n{body}\n\n}} // namespace functions"
    return json.dumps([as_messages_tool(dict(tool)) for tool in tools], ensure_ascii=False)


def _typed(tool: dict[str, Any]) -> str:
    inner = tool.get("function", tool)
    said = "".join(_comments(inner.get("description")))
    fields = _fields(schema_of(tool), 0)
    return f"{said}type {tool_name(tool)} = {f'(_: {fields}) => any' if fields else '() => any'};"


def _comments(text: Any) -> Iterator[str]:
    for line in str(text or "").splitlines():
        yield f"// {line}\n"


def _fields(schema: Mapping[str, Any], depth: int) -> str:
    required = schema.get("required") or ()
    lines: list[str] = []
    for name, inner in (schema.get("properties") or {}).items():
        if not isinstance(inner, Mapping):
            continue
        lines.extend(_comments(inner.get("description")))
        lines.append(f"{name}{'' if name in required else '?'}: {_type(inner, depth + 1)},\n")
    return "{\n" + "".join(lines) + "}" if lines else ""


def _type(schema: Mapping[str, Any], depth: int) -> str:
    if depth > 20:
        return "any"
    if isinstance(choices := schema.get("enum"), list):
        return " | ".join([json.dumps(choice, ensure_ascii=False) for choice in choices])
    if isinstance(parts := schema.get("anyOf") or schema.get("oneOf"), list):
        return " | ".join([_type(part, depth + 1) for part in parts if isinstance(part, Mapping)])
    match schema.get("type"):
        case "array":
            items = schema.get("items")
            return f"{_type(items, depth + 1) if isinstance(items, Mapping) else 'any'}[]"
        case "object":
            return _fields(schema, depth) or "object"
        case list() as kinds:
            return " | ".join([_TYPES.get(str(kind), str(kind)) for kind in kinds])
        case kind:
            return _TYPES.get(str(kind), "any")
