"""What two requests have in common that mean the same, however they were written.

A call that was recorded elsewhere is known by what went over the wire. The same call may be made here with its system
prompt as a message or as a setting, its tools in this or that vendor's form, its texts as strings or as parts. So what was
imported has a key of its own kind: that of a form in which such differences are gone.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

from ..families.table import answer_tokens
from ..messages import LLMMessage
from ..parts import (
    DocumentPart,
    ImagePart,
    Json,
    Part,
    RawPart,
    ReasoningPart,
    TextPart,
    ToolCall,
    ToolResult,
    part_from_dict,
)
from ..recordings.scrub import identity
from ..tools import as_responses_tool

__all__ = ["alike", "alike_key"]

Atom: TypeAlias = list[Any]

_SAME_NAME = {
    "max_completion_tokens": "max_tokens",
    "max_output_tokens": "max_tokens",
    "num_predict": "max_tokens",
    "stop": "stop_sequences",
}
_SAME_ROLE = {"developer": "system", "function": "tool"}
#: What is said about an answer that does not decide what it says: where it is kept, in which form it is sent.
_IDLE = frozenset(
    {
        "api", "betas", "cache_control", "encoding_format", "include", "keep_alive", "parallel_tool_calls",
        "prompt_cache_retention", "service_tier", "store", "strict",
    }
)  # fmt: skip

#: Keywords of a JSON Schema that say nothing of the values, and those whose names are the caller's.
_NOTES = frozenset({"title", "default", "examples", "$comment"})
_NAMED_SCHEMAS = frozenset({"properties", "patternProperties", "$defs", "definitions"})


def alike_key(request: Mapping[str, Any]) -> str:
    """The SHA-256 of what a request has in common with all that mean the same, in hex; never that of another kind."""
    text = json.dumps(alike(request), sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)
    return hashlib.sha256(b"alike:" + text.encode("utf-8", "surrogatepass")).hexdigest()


def alike(request: Mapping[str, Any]) -> Json:
    """The form in which equivalent requests are equal.

    Args:
        request: The call as JSON data (`ModelRequest.canonical`).
    """
    whole = identity(request)
    choices = _choices(whole)
    said = [atom for message in _messages(whole, choices) for atom in _atoms(message)]
    if whole.get("provider") == "anthropic":
        choices.setdefault("max_tokens", answer_tokens("anthropic", str(whole.get("model"))))
    return {
        **{name: whole.get(name) for name in ("kind", "provider", "model")},
        "texts": whole.get("texts") or [],
        "said": _one_system(said),
        "tools": [_tool(tool) for tool in whole.get("tools") or choices.pop("tools", ())],
        "tool_choice": _tool_choice(whole.get("tool_choice") or choices.pop("tool_choice", None)),
        "format": _format(choices),
        "choices": {name: value for name, value in choices.items() if value not in (None, [], {})},
    }


def _choices(whole: Json) -> Json:
    """Settings and options in one, by one name each."""
    options = dict(whole.get("options") or {})
    extra = options.pop("extra_body", None) or {}
    nested = options.pop("options", None) or {}  # Ollama's
    given = {**nested, **options, **extra, **(whole.get("settings") or {})}
    if given.get("n") == 1:
        del given["n"]
    if isinstance(reasoning := given.get("reasoning"), Mapping) and "effort" in reasoning:
        given["reasoning_effort"] = reasoning["effort"]
        given["reasoning"] = {name: value for name, value in reasoning.items() if name != "effort"}
    named = {_SAME_NAME.get(name, name): value for name, value in given.items() if name not in _IDLE}
    if isinstance(stop := named.get("stop_sequences"), str):
        named["stop_sequences"] = [stop]
    return named


def _messages(whole: Json, choices: Json) -> Iterator[LLMMessage]:
    for name in ("instructions", "system"):
        if system := choices.pop(name, None):
            yield LLMMessage("system", system)
    for message in whole.get("messages") or ():
        yield LLMMessage.from_dict(message)


def _atoms(message: LLMMessage) -> Iterator[Atom]:
    """The pieces that a message says, each with who says it; where one message ends and the next begins is gone."""
    role = _SAME_ROLE.get(message.role, message.role)
    answers = any(isinstance(part, ToolResult) for part in message.parts)
    if role == "tool" and not answers:
        yield ["tool", "result", message.tool_call_id or message.name, _content(message.parts or message.content)]
        return
    if message.name:
        yield [role, "name", message.name]
    parts: list[Part] = list(message.parts) or [TextPart(message.content)]
    for part in [*parts, *(call for call in message.tool_calls if call not in message.parts)]:
        yield from _atom(role, part)
    if message.function_call and not message.tool_calls:
        yield [role, "call", None, message.function_call.get("name"), _arguments(message.function_call["arguments"])]


def _atom(role: str, part: Part) -> Iterator[Atom]:
    atom = _ATOMS[type(part)](part)
    if atom is not None:
        yield [role, *atom] if atom[0] != "result" else ["tool", *atom]


def _text(part: TextPart) -> Atom | None:
    return ["text", part.text] if part.text else None


def _document(part: DocumentPart) -> Atom:
    return ["document", part.url or part.file_id or part.data]


def _reasoning(part: ReasoningPart) -> Atom | None:
    """What must go back to its vendor unchanged; the rest does not go back everywhere."""
    given = part.signature or part.data
    return ["reasoning", given] if given else None


def _raw(part: RawPart) -> Atom:
    return ["raw", {name: value for name, value in part.block.items() if name not in _IDLE}]


_ATOMS: dict[type[Any], Callable[[Any], Atom | None]] = {
    TextPart: _text,
    ImagePart: lambda part: ["image", part.url or part.data],
    DocumentPart: _document,
    ReasoningPart: _reasoning,
    ToolCall: lambda part: ["call", part.id, part.name, _arguments(part.raw_arguments or part.arguments)],
    ToolResult: lambda part: ["result", part.tool_call_id, _content(part.content)],
    RawPart: _raw,
}


def _arguments(given: Any) -> Any:
    """Arguments as data, or as text where they are none."""
    if not isinstance(given, str):
        return given
    try:
        return json.loads(given)
    except ValueError:
        return given


def _content(content: Any) -> Any:
    """What a tool answered: its text where it is only that."""
    if isinstance(content, str):
        return content
    parts = [part_from_dict(item) if isinstance(item, Mapping) else item for item in content]
    if all(isinstance(part, TextPart) for part in parts):
        return "".join([part.text for part in parts if isinstance(part, TextPart)])
    return [atom for part in parts for atom in _atom("tool", part)]


def _one_system(said: list[Atom]) -> list[Atom]:
    """The system prompt in one: APIs differ in how many there may be."""
    count = next((place for place, atom in enumerate(said) if atom[:2] != ["system", "text"]), len(said))
    system = [["system", "text", "\n\n".join([atom[2] for atom in said[:count]])]] if count else []
    return system + said[count:]


def _tool(tool: Json) -> Json:
    flat = {name: value for name, value in as_responses_tool(tool).items() if name not in _IDLE}
    parameters = flat.get("parameters")
    if flat.get("type") != "function" or not isinstance(parameters, Mapping):
        return flat
    told = {name: value for name, value in _without_notes(parameters).items() if value not in ({}, [])}
    return {**flat, "description": flat.get("description") or "", "parameters": told}


def _without_notes(schema: Any) -> Any:
    """A JSON Schema without what does not say which values fit it; each SDK leaves out others of these."""
    if isinstance(schema, list):
        return [_without_notes(inner) for inner in schema]
    if not isinstance(schema, Mapping):
        return schema
    told = {name: value for name, value in schema.items() if name not in _NOTES}
    return {
        name: {key: _without_notes(inner) for key, inner in value.items()}
        if name in _NAMED_SCHEMAS and isinstance(value, Mapping)
        else value
        if name in ("enum", "const")
        else _without_notes(value)
        for name, value in told.items()
    }


def _tool_choice(choice: Any) -> Any:
    """The choice in a word, or the name of a tool in a list; None for what is so anyway."""
    if isinstance(choice, Mapping):
        name = (choice.get("function") or choice).get("name")
        kind = choice.get("type")
        choice = [name] if name else kind if isinstance(kind, str) else dict(choice)
    if isinstance(choice, str):
        choice = {"any": "required", "auto": None}.get(choice, choice)
        return [choice] if choice not in (None, "none", "required") else choice
    return choice


def _format(choices: Json) -> Any:
    """The form that the answer is to have: its schema where there is one."""
    wanted = choices.pop("response_format", None) or choices.pop("format", None)
    for holder in ("text", "output_config"):
        if isinstance(inside := choices.get(holder), Mapping) and "format" in inside:
            wanted = wanted or inside["format"]
            choices[holder] = {name: value for name, value in inside.items() if name != "format"}
    if isinstance(wanted, Mapping):
        schema = _without_notes((wanted.get("json_schema") or wanted).get("schema"))
        kind = wanted.get("type")
        wanted = schema or (kind if kind in ("text", "json_object") else dict(wanted))
    return {"json": "json_object", "text": None}.get(wanted, wanted) if isinstance(wanted, str) else wanted
