"""The provider that needs nothing: it echoes, or says what it was told to say."""

from __future__ import annotations

import asyncio
import hashlib
import inspect
import json
import math
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any, ClassVar

from ...errors import ConfigError, ProviderError, did_you_mean
from ..base import AsyncLLMProvider, Pieces
from ..config import LLMConfig, ModelCapability, normalize_llm_config
from ..messages import LLMMessage, LLMResponse, LLMStreamResponse
from ..parts import Json, ToolCall, ToolCallPiece
from ..request import ModelRequest
from ..tools import schema_of, tool_name
from .made_up import made_up

__all__ = ["EchoProvider"]

#: What Echo can be told to say: a text, a whole response (also as its ``to_dict``), or an error to raise.
Scripted = str | LLMResponse | Mapping[str, Any] | Exception
ReplyFunction = Callable[[Sequence[LLMMessage]], Any]

_DEFAULTS: Json = {"echo_prefix": "Echo: ", "embedding_dim": 768, "stream_delay": 0.0, "echo_system": False}
_PIECE = re.compile(r"\s*\S+\s*|\s+")
_WORD = re.compile(r"\w+|[^\w\s]")
_RESPONSE_FIELDS = [item.name for item in fields(LLMResponse)]


class EchoProvider(AsyncLLMProvider):
    """Echoes the last user message: the same input gives the same output, embeddings included, at no cost.

    Options: ``echo_prefix`` (``"Echo: "``), ``embedding_dim`` (768), ``stream_delay`` (seconds before each piece of a
    stream, 0), ``echo_system`` (whether the system prompt is echoed too, False).

    A tool that must be called is called, and an answer that must be JSON is JSON, with values made up from the schema.

    The options alone are settings enough: ``EchoProvider({"echo_prefix": "> "})``, or ``EchoProvider(options={...})``.

    It can be scripted, for tests: a response function is asked first, then patterns, then the queue. What can be said
    is a text, an `LLMResponse` (with tool calls, say) or its ``to_dict``, or an error to raise.
    """

    recorded = False
    capabilities: ClassVar[tuple[ModelCapability, ...]] = (
        ModelCapability.TEXT_GENERATION,
        ModelCapability.CHAT,
        ModelCapability.EMBEDDINGS,
        ModelCapability.FUNCTION_CALLING,
        ModelCapability.JSON_MODE,
        ModelCapability.STREAMING,
    )

    def __init__(
        self, config: Any = "echo", prompt_builder: Any = None, *, options: Mapping[str, Any] | None = None
    ) -> None:
        if isinstance(config, Mapping) and config and set(config) <= set(_DEFAULTS):
            config, options = "echo", {**config, **(options or {})}
        if options:
            whole = normalize_llm_config(config)
            config = whole.with_settings(options={**whole.options, **options})
        super().__init__(config, prompt_builder)
        _check_options(self.config.options)
        self._queue: deque[Scripted] = deque()
        self._function: ReplyFunction | None = None
        self._patterns: list[tuple[re.Pattern[str], Scripted]] = []

    def set_responses(self, responses: Iterable[Scripted]) -> EchoProvider:
        """Answer with these, one a call, then echo again.

        Raises:
            ConfigError: One of them is nothing that can be said.
        """
        if isinstance(responses, (str, Mapping)):
            raise ConfigError(f"set_responses takes a list, not {responses!r}.", hint="Write  set_responses([...])")
        queue = [reply if isinstance(reply, (str, Exception)) else _as_response(reply) for reply in responses]
        self._queue = deque(queue)
        return self

    def set_response_function(self, function: ReplyFunction | None) -> EchoProvider:
        """Answer with ``function(messages)``, a text or a response; it may be async. None takes it away."""
        self._function = function
        return self

    def add_pattern_response(self, pattern: str, reply: Scripted, flags: int = re.IGNORECASE) -> EchoProvider:
        """Answer with ``reply`` where the regular expression is found in the last user message."""
        self._patterns.append((re.compile(pattern, flags), reply))
        return self

    def _beside(self) -> dict[str, Any]:
        if self._queue:
            raise ConfigError(
                "Echo is to say some answers one after the other, which several objects cannot do together.",
                hint="Use set_response_function, or add_pattern_response",
            )
        return {"_function": self._function, "_patterns": list(self._patterns)}

    def get_capabilities(self) -> list[ModelCapability]:
        """What Echo can do."""
        return list(self.capabilities)

    async def function_call(self, messages: Any, functions: Sequence[Json], **overrides: Any) -> LLMResponse:
        """Calls the first function, with arguments made up from its schema."""
        overrides.setdefault("tool_choice", "required" if functions else None)
        return await self.complete(messages, tools=functions, **overrides)

    async def _complete(self, request: ModelRequest, config: LLMConfig) -> LLMResponse:
        reply = await self._scripted(request)
        if isinstance(reply, Exception):
            raise _named(reply, request)
        if reply is None:
            response = _unscripted(request, config)
        else:
            response = LLMResponse(reply) if isinstance(reply, str) else _as_response(reply)
        if request.settings.get("logprobs") and not response.logprobs:
            raise ConfigError(
                "Echo knows no likelihoods: logprobs is set.",
                hint="Leave out logprobs, or let Echo say a response that has some",
            )
        response.model = response.model or request.model or "echo"
        response.finish_reason = response.finish_reason or ("tool_calls" if response.tool_calls else "stop")
        response.usage = response.usage or await _usage(request, response)
        response.cost_usd = response.cost_usd or 0.0
        return response

    async def _scripted(self, request: ModelRequest) -> Any:
        if self._function is not None:
            said = self._function(request.messages)
            return await said if inspect.isawaitable(said) else said
        if self._patterns:
            text = _last_user_text(request.messages)
            for pattern, reply in self._patterns:
                if pattern.search(text):
                    return reply
        return self._queue.popleft() if self._queue else None

    async def _stream(self, request: ModelRequest, config: LLMConfig) -> Pieces:
        response = await self._complete(request, config)
        delay = _option(config, "stream_delay")
        for piece in _pieces(response):
            if delay > 0:
                await asyncio.sleep(delay)
            yield piece
        yield LLMStreamResponse(is_final=True, response=response)

    async def _embed(self, request: ModelRequest, config: LLMConfig) -> LLMResponse:
        size = _option(config, "embedding_dim")
        vectors = [_vector(text, size) for text in request.texts]
        tokens = sum(map(_tokens, request.texts))
        usage = {"prompt_tokens": tokens, "completion_tokens": 0, "total_tokens": tokens}
        return LLMResponse("", request.model, usage=usage, cost_usd=0.0, metadata={"vectors": vectors})


def _check_options(options: Json) -> None:
    for name, value in options.items():
        if name not in _DEFAULTS:
            raise ConfigError(
                f"Echo has no option {name!r}.{did_you_mean(name, _DEFAULTS)}", hint=f"Options: {', '.join(_DEFAULTS)}"
            )
        wanted = (int, float) if isinstance(_DEFAULTS[name], float) else type(_DEFAULTS[name])
        if not isinstance(value, wanted) or (name in ("embedding_dim", "stream_delay") and value < 0):
            raise ConfigError(f"Echo's option {name} cannot be {value!r}.", hint=f"Its default is {_DEFAULTS[name]!r}")


def _option(config: LLMConfig, name: str) -> Any:
    return config.options.get(name, _DEFAULTS[name])


def _last_user_text(messages: Sequence[LLMMessage]) -> str:
    # From the end: the messages may be a long history that is lazy.
    return next((message.content for message in reversed(messages) if message.role == "user"), "")


def _echo(request: ModelRequest, config: LLMConfig) -> str:
    said = f"{_option(config, 'echo_prefix')}{_last_user_text(request.messages)}"
    if not _option(config, "echo_system"):
        return said
    first = next(iter(request.messages))
    system = first.content if first.role == "system" else request.system
    return f"[System: {system}]\n{said}" if system else said


def _unscripted(request: ModelRequest, config: LLMConfig) -> LLMResponse:
    """What Echo says by itself: the call that is demanded, the JSON that is demanded, or the echo."""
    if request.tool_choice is not None and request.tool_choice not in ("auto", "none"):
        return LLMResponse("", tool_calls=[_made_up_call(request)])
    wanted = request.settings.get("response_format")
    kind = wanted.get("type") if isinstance(wanted, dict) else wanted
    if kind == "json_schema" and isinstance(wanted, dict):
        return LLMResponse(json.dumps(made_up(wanted["json_schema"].get("schema", {})), ensure_ascii=False))
    said = _echo(request, config)
    return LLMResponse(json.dumps({"echo": said}, ensure_ascii=False) if kind in ("json", "json_object") else said)


def _made_up_call(request: ModelRequest) -> ToolCall:
    wanted = request.tool_choice
    if isinstance(wanted, dict):
        wanted = tool_name(wanted)
    tool = next((tool for tool in request.tools if tool_name(tool) == wanted), request.tools[0])
    return ToolCall(tool_name(tool), made_up(schema_of(tool)), id="call_echo")


def _pieces(response: LLMResponse) -> Iterator[LLMStreamResponse]:
    """The answer as it streams: thoughts, words, calls."""
    if response.reasoning:
        yield LLMStreamResponse(reasoning=response.reasoning)
    for words in _PIECE.findall(response.content):
        yield LLMStreamResponse(delta=words)
    for index, call in enumerate(response.tool_calls):
        yield LLMStreamResponse(tool_call=ToolCallPiece(index, call.id, call.name, call.arguments_json))


def _as_response(reply: Any) -> LLMResponse:
    """A copy of what was scripted, as a response."""
    if isinstance(reply, Mapping):
        for name in reply:
            if name not in _RESPONSE_FIELDS:
                raise ConfigError(f"A response has no field {name!r}.{did_you_mean(name, _RESPONSE_FIELDS)}")
        return LLMResponse.from_dict({"content": "", **reply})
    if isinstance(reply, LLMResponse):
        return replace(reply, metadata=dict(reply.metadata), tool_calls=list(reply.tool_calls))
    raise ConfigError(
        f"Echo cannot say {reply!r}.", hint="Give a text, an LLMResponse, its to_dict(), or an error to raise"
    )


def _named(error: Exception, request: ModelRequest) -> Exception:
    """The error, knowing whose it is."""
    if isinstance(error, ProviderError):
        error.provider = error.provider or request.provider
        error.model = error.model or request.model
    return error


def _tokens(text: str) -> int:
    return -(-len(text) // 4)


def _message_tokens(message: LLMMessage) -> int:
    return _tokens(message.content)


async def _usage(request: ModelRequest, response: LLMResponse) -> dict[str, int]:
    messages = request.messages
    gently, fold = (getattr(messages, name, None) for name in ("fold_gently", "fold"))
    if gently is not None:
        prompt = await gently("echo-tokens", _message_tokens)
    else:
        prompt = fold("echo-tokens", _message_tokens) if fold else sum(map(_message_tokens, messages))
    prompt += _tokens(request.system or "")
    completion = _tokens(response.content)
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


def _vector(text: str, size: int) -> list[float]:
    """Words hashed to signed places and scaled to length 1: texts that share words are near each other."""
    values = [0.0] * size
    for word in _WORD.findall(text.lower()) or [text]:
        number = int.from_bytes(hashlib.blake2b(word.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")
        values[(number >> 1) % size] += 1.0 if number & 1 else -1.0
    length = math.sqrt(sum(value * value for value in values)) or 1.0
    return [value / length for value in values]
