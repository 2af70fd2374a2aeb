"""Tools as a caller may write them: ours, OpenAI's chat or responses form, or Anthropic's.

Ours is ``{"name", "description", "parameters"}`` with a JSON Schema. A tool that the vendor runs itself (a web search,
say) has a ``type`` of its own and goes to its vendor as it is.
"""

from __future__ import annotations

from .parts import Json

__all__ = ["as_chat_tool", "as_messages_tool", "as_responses_tool", "schema_of", "tool_name"]

_NO_PARAMETERS: Json = {"type": "object", "properties": {}}


def _function(tool: Json) -> Json | None:
    """The function in a tool, flat and in our names; None for a tool that the vendor runs."""
    if "function" in tool:
        inner: Json = tool["function"]
        return {key: value for key, value in tool.items() if key not in ("type", "function")} | inner
    if tool.get("type") not in (None, "function", "custom"):
        return None
    flat = {key: value for key, value in tool.items() if key != "type"}
    if "input_schema" in flat:
        flat["parameters"] = flat.pop("input_schema")
    return flat


def tool_name(tool: Json) -> str:
    """The tool's name."""
    return str((_function(tool) or tool).get("name", ""))


def schema_of(tool: Json) -> Json:
    """The JSON Schema of the tool's arguments."""
    schema: Json = (_function(tool) or {}).get("parameters") or _NO_PARAMETERS
    return schema


def as_chat_tool(tool: Json) -> Json:
    """The tool as OpenAI's chat completions take it."""
    if "function" in tool or (function := _function(tool)) is None:
        return tool
    return {"type": "function", "function": {"parameters": _NO_PARAMETERS, **_without_marks(function)}}


def as_responses_tool(tool: Json) -> Json:
    """The tool as OpenAI's responses take it."""
    if (function := _function(tool)) is None or _is_custom(tool):
        return tool
    return {"type": "function", "parameters": _NO_PARAMETERS, **_without_marks(function)}


def as_messages_tool(tool: Json) -> Json:
    """The tool as Anthropic's messages take it."""
    if "input_schema" in tool or (function := _function(tool)) is None:
        return tool
    schema = function.pop("parameters", None) or _NO_PARAMETERS
    return {**function, "input_schema": schema}


def _is_custom(tool: Json) -> bool:
    return tool.get("type") == "custom" and "input_schema" not in tool


def _without_marks(function: Json) -> Json:
    """Without what only Anthropic knows."""
    return {key: value for key, value in function.items() if key not in ("cache_control", "defer_loading")}
