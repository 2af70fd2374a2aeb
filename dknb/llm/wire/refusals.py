"""What a server's text says: how much was too much, and which setting it does not take.

The texts were read in November 2026, in issue threads that quote them: OpenAI (langchain #24058), Anthropic (infiniflow/
ragflow #11815, workglow-dev/libs #746), llama.cpp (ggml-org/llama.cpp #15780, #19774), llama-cpp-python (logdetective
#193), vLLM (vllm-project/vllm #20409, #33418), Ollama (ollama/ollama #6027, #14795), Mistral (partITech/php-mistral
#76), and in the sources of text-generation-inference (router/src/validation.rs).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from ..families.table import refused_settings
from ..parts import Json
from ..request import ModelRequest

__all__ = ["as_told", "is_too_long", "setting_to_drop", "sizes"]

_N = r"[\d,]+"
#: Texts with both numbers: ``limit``, and ``tokens`` or its summands ``a`` and ``b``. First match counts.
_SIZES = tuple(
    re.compile(pattern.replace("#", _N), re.IGNORECASE | re.DOTALL)
    for pattern in (
        r"(?P<tokens>#) tokens > (?P<limit>#) maximum",
        r"(?P<a>#) \+ (?P<b>#) > (?P<limit>#)",
        r"too large: (?P<a>#)\b.*?maximum context length is (?P<limit>#).*?has (?P<b>#) input",
        r"maximum context length is (?P<limit>#).*?total of (?:at least )?(?P<tokens>#)",
        r"maximum context length (?:is|of) (?P<limit>#).*?(?:requested|resulted in|request has) (?:about )?(?P<tokens>#)",
        r"limit of (?P<limit>#) tokens.*?resulted in (?P<tokens>#)",
        r"\((?P<tokens>#) tokens\) exceeds the available context size \((?P<limit>#)",
        r"requested tokens \((?P<tokens>#)\) exceed context window of (?P<limit>#)",
        r"`inputs` tokens \+ `max_new_tokens` must be <= (?P<limit>#).*?given: (?P<a>#).*?and (?P<b>#)",
        r"`inputs` must have less than (?P<limit>#) tokens.*?given: (?P<tokens>#)",
        r"token count \((?P<tokens>#)\) exceeds the maximum number of tokens allowed \((?P<limit>#)",
        r"\(length (?P<tokens>#)\) is longer than the maximum model length of (?P<limit>#)",
        r"contains (?P<tokens>#) tokens.*?too large for model with (?P<limit>#) maximum context length",
        r"keep the first (?P<tokens>#) tokens .*?context length of only (?P<limit>#)",
    )
)
#: Texts without numbers.
_TOO_LONG = re.compile(
    r"prompt is too long|maximum context length|context (?:window|size|length).*exceed|exceed.*context|context_length",
    re.IGNORECASE,
)
#: What servers call our settings, where they do not call them so.
_WIRE_NAMES = {
    "max_tokens": ("max_completion_tokens", "max_output_tokens", "max_new_tokens", "num_predict"),
    "stop_sequences": ("stop",),
    "user_id": ("user", "metadata.user_id"),
    "response_format": ("text.format", "json_schema", "json_object", "format", "structured output", "output_config"),
    "tools": ("functions", "tool use", "function calling", "tool calling"),
    "tool_choice": ("function_call",),
    "think": ("thinking",),
    "reasoning_effort": ("reasoning.effort", "thinking"),
    "stream_options": ("include_usage",),
    "stream": ("streaming",),
}
_SYSTEM = re.compile(r"""\brole\b.{0,40}\b(?:system|developer)\b|\b(?:system|developer)\W{0,2}\s(?:role|message|prompt|instruction)
    |['"](?:system|developer)['"] with this model|\bdeveloper is not one of""", re.IGNORECASE | re.VERBOSE)  # fmt: skip
_INSTEAD = re.compile(r"""use ['"`](\w+)['"`] instead""", re.IGNORECASE)
_CONTRADICT = re.compile(r"cannot both|mutually exclusive|only one of", re.IGNORECASE)


def is_too_long(text: str) -> bool:
    """Whether a server says that the messages do not fit."""
    return _TOO_LONG.search(text) is not None or any(pattern.search(text) for pattern in _SIZES)


def sizes(detail: Json) -> tuple[int | None, int | None]:
    """The tokens that were sent (or asked for in all), and those that fit, as far as a server says so."""
    tokens, limit = detail.get("n_prompt_tokens"), detail.get("n_ctx")
    if isinstance(tokens, int) and isinstance(limit, int):
        return tokens, limit
    for pattern in _SIZES:
        if found := pattern.search(str(detail["message"])):
            told = {name: int(number.replace(",", "")) for name, number in found.groupdict().items()}
            return told.get("tokens", told.get("a", 0) + told.get("b", 0)), told["limit"]
    return None, None


def setting_to_drop(detail: Json, request: ModelRequest) -> str | None:
    """What to leave out of a request that a server refused, as far as its text or the model's family tells."""
    text = str(detail["message"])
    named = _named(str(detail.get("param") or ""), text, _sent(request))
    if named == ["system"]:
        return "Leave out the system prompt for this model, or say it in the first user message"
    instead = _INSTEAD.search(text)
    if instead and named[:1] == ["max_tokens"]:
        value = request.settings.get("max_tokens")
        return f'This model calls it otherwise:  max_tokens=None, options={{"{instead[1]}": {value}}}'
    if len(named) > 1 and _CONTRADICT.search(text):
        return f"Leave out one of {' and '.join(named)}:  {_without(named[-1], request)}"
    known = [name for name in refused_settings(request.provider, request.model) if name in request.settings]
    for name in named or known:
        return f"Leave out {name} for this model:  {_without(name, request)}"
    return None


def _sent(request: ModelRequest) -> list[str]:
    """Names of what the request has, that it might do without."""
    messages = request.messages
    system = request.system or (messages and messages[0].role in ("system", "developer"))
    given = {"tool_choice": request.tool_choice is not None, "tools": bool(request.tools), "system": bool(system)}
    return [*request.settings, *request.options, *(name for name, there in given.items() if there)]


def _named(param: str, text: str, sent: Iterable[str]) -> list[str]:
    """Those that the server names, in the order of its text; ``param`` alone where it names one."""
    places: dict[str, int] = {}
    for name in sent:
        if name == "system":
            found = _SYSTEM.search(f"{param} {text}")
            place = found.start() if found else None
        else:
            place = _place(param, text, (name, *_WIRE_NAMES.get(name, ())))
        if place is not None:
            places[name] = place
    return sorted(places, key=lambda name: places[name])


def _place(param: str, text: str, names: Iterable[str]) -> int | None:
    """Where one of the names stands: -1 in ``param``, or its position in the text."""
    found = []
    for name in names:
        if param == name or param.startswith((f"{name}.", f"{name}[")):
            return -1
        # A word that is one in any sentence ("user", "stop") counts only where it is marked as a name.
        plain = "_" in name or " " in name or name in _TELLING
        pattern = rf"\b{re.escape(name)}\b" if plain else rf"""['"`(]{re.escape(name)}['"`).:\]]"""
        if match := re.search(pattern, text, re.IGNORECASE):
            found.append(match.start())
    return min(found, default=None)


#: Single words that mean a setting wherever they stand.
_TELLING: frozenset[str] = frozenset(
    {"temperature", "tools", "functions", "logprobs", "thinking", "think", "streaming", "json_schema", "json_object"}
)


def _without(name: str, request: ModelRequest) -> str:
    """How to write a call without it."""
    if name in ("tools", "system"):
        return f"{name}=[]"
    if name in request.options:
        return f'options without "{name}"'
    return f"{name}=None"


def as_told(told: object) -> str:
    """The text of a refusal as one line, also where it is the list that validators write."""
    if not isinstance(told, list):
        return str(told)
    return "; ".join(
        f"{'.'.join(map(str, item.get('loc', ())))}: {item.get('msg', '')}" if isinstance(item, dict) else str(item)
        for item in told
    )
