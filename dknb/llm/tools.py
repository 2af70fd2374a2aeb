"""Tools as a caller may write them: ours, OpenAI's chat or responses form, or Anthropic's.

Ours is ``{"name", "description", "parameters"}`` with a JSON Schema. A tool that the vendor runs itself (a web search,
say) has a ``type`` of its own and goes to its vendor as it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import ConfigError, did_you_mean
from .parts import Json

__all__ = ["as_chat_tool", "as_messages_tool", "as_responses_tool", "check_tools", "schema_of", "tool_name"]

_NO_PARAMETERS: Json = {"type": "object", "properties": {}}


def _function(tool: Json) -> Json | None:
    """The function in a tool, flat and in our names; None for a tool that the vendor runs."""
    for wrapper in ("function", "custom"):
        if isinstance(inner := tool.get(wrapper), dict):
            return {key: value for key, value in tool.items() if key not in ("type", wrapper)} | inner
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


def check_tools(tools: Sequence[Any], choice: str | Json | None = None) -> None:
    """Refuse what no vendor can take, before it is sent.

    Raises:
        ConfigError: A tool has no name, the name of another, or no schema; or ``choice`` names none of them.
    """
    names: set[str] = set()
    for place, tool in enumerate(tools):
        if not isinstance(tool, Mapping):
            raise ConfigError(f"tools[{place}] is {tool!r}, which is no tool.", hint=_FORM)
        if (function := _function(dict(tool))) is None:
            continue
        name = function.get("name")
        if not isinstance(name, str) or not name:
            raise ConfigError(f"tools[{place}] has no name: it is {tool!r}.", hint=_FORM)
        if name in names:
            raise ConfigError(f"Two tools are called {name!r}.", hint="Give each a name of its own")
        names.add(name)
        if not _is_custom(dict(tool)):
            _check_schema(name, function)
    _check_choice(choice, names, tools)


_FORM = 'A tool is {"name": ..., "description": ..., "parameters": {"type": "object", "properties": {...}}}'
_CHOICES = ("auto", "none", "required", "any")


def _check_schema(name: str, function: Json) -> None:
    if "parameters" not in function:
        raise ConfigError(
            f"The tool {name!r} has no schema of its arguments.",
            hint='Add "parameters": {"type": "object", "properties": {...}}; leave the properties empty if it takes none',
        )
    schema = function["parameters"]
    if not isinstance(schema, Mapping):
        raise ConfigError(f"The schema of the tool {name!r} is {schema!r}, which is no JSON Schema.", hint=_FORM)
    if schema.get("type", "object") != "object":
        raise ConfigError(
            f"The schema of the tool {name!r} is of type {schema['type']!r}; arguments are an object.", hint=_FORM
        )
    for field, kinds in (("properties", (Mapping,)), ("required", (list, tuple))):
        value = schema.get(field)
        if value is not None and not isinstance(value, kinds):
            raise ConfigError(f"In the schema of the tool {name!r}, {field!r} is {value!r}.", hint=_FORM)


def _check_choice(choice: str | Json | None, names: set[str], tools: Sequence[Json]) -> None:
    """A tool that a choice names must be there; one that the vendor runs has a name that we may not know."""
    if not isinstance(choice, str) or choice in _CHOICES or choice in names or len(names) < len(tools):
        return
    known = [*sorted(names), *_CHOICES]
    raise ConfigError(
        f"tool_choice is {choice!r}, but there is no such tool.{did_you_mean(choice, known)}",
        hint=f"Choices: {', '.join(known)}",
    )


def as_chat_tool(tool: Json) -> Json:
    """The tool as OpenAI's chat completions take it."""
    if "function" in tool or "custom" in tool or (function := _function(tool)) is None:
        return tool
    if _is_custom(tool):
        return {"type": "custom", "custom": _with_format(function, inside=True)}
    return {"type": "function", "function": {"parameters": _NO_PARAMETERS, **_without_marks(function)}}


def as_responses_tool(tool: Json) -> Json:
    """The tool as OpenAI's responses take it."""
    if (function := _function(tool)) is None:
        return tool
    if _is_custom(tool):
        return {"type": "custom", **_with_format(function, inside=False)}
    return {"type": "function", "parameters": _NO_PARAMETERS, **_without_marks(function)}


def as_messages_tool(tool: Json) -> Json:
    """The tool as Anthropic's messages take it."""
    if "input_schema" in tool or (function := _function(tool)) is None:
        return tool
    schema = function.pop("parameters", None) or _NO_PARAMETERS
    return {**function, "input_schema": schema}


def _is_custom(tool: Json) -> bool:
    return tool.get("type") == "custom" and "input_schema" not in tool


def _with_format(function: Json, *, inside: bool) -> Json:
    """A tool that takes free text; chat completions have its grammar one level further in than responses."""
    form = function.get("format")
    if not isinstance(form, dict) or form.get("type") != "grammar" or ("grammar" in form) == inside:
        return function
    flat = {key: value for key, value in form.items() if key != "type"}
    return {**function, "format": {"type": "grammar", **({"grammar": flat} if inside else form["grammar"])}}


def _without_marks(function: Json) -> Json:
    """Without what only Anthropic knows."""
    return {key: value for key, value in function.items() if key not in ("cache_control", "defer_loading")}
