"""The provider that needs nothing: it echoes, or says what it was told to say."""

from __future__ import annotations

import asyncio
import hashlib
import inspect
import math
import re
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from ..errors import ConfigError, did_you_mean
from .base import AsyncLLMProvider, Pieces
from .config import LLMConfig, ModelCapability
from .messages import LLMMessage, LLMResponse, LLMStreamResponse
from .parts import Json, ToolCall
from .request import ModelRequest
from .tools import schema_of, tool_name

__all__ = ["EchoProvider"]

#: What Echo can be told to say: a text, a whole response, or an error to raise.
Scripted = str | LLMResponse | Exception
ReplyFunction = Callable[[Sequence[LLMMessage]], Any]

_DEFAULTS: Json = {"echo_prefix": "Echo: ", "embedding_dim": 768, "stream_delay": 0.0, "echo_system": False}
_PIECE = re.compile(r"\s*\S+\s*|\s+")
_WORD = re.compile(r"\w+|[^\w\s]")


class EchoProvider(AsyncLLMProvider):
    """Echoes the last user message: the same input gives the same output, embeddings included, at no cost.

    Options: ``echo_prefix`` (``"Echo: "``), ``embedding_dim`` (768), ``stream_delay`` (seconds before each piece of a
    stream, 0), ``echo_system`` (whether the system prompt is echoed too, False).

    It can be scripted, for tests: a response function is asked first, then patterns, then the queue.
    """

    recorded = False
    capabilities: ClassVar[tuple[ModelCapability, ...]] = (
        ModelCapability.TEXT_GENERATION,
        ModelCapability.CHAT,
        ModelCapability.EMBEDDINGS,
        ModelCapability.FUNCTION_CALLING,
        ModelCapability.STREAMING,
    )

    def __init__(self, config: Any = "echo", prompt_builder: Any = None) -> None:
        super().__init__(config, prompt_builder)
        _check_options(self.config.options)
        self._queue: deque[Scripted] = deque()
        self._function: ReplyFunction | None = None
        self._patterns: list[tuple[re.Pattern[str], Scripted]] = []

    def set_responses(self, responses: Iterable[Scripted]) -> EchoProvider:
        """Answer with these, one a call, then echo again."""
        self._queue = deque(responses)
        return self

    def set_response_function(self, function: ReplyFunction | None) -> EchoProvider:
        """Answer with ``function(messages)``, a text or a response; it may be async. None takes it away."""
        self._function = function
        return self

    def add_pattern_response(self, pattern: str, reply: Scripted, flags: int = re.IGNORECASE) -> EchoProvider:
        """Answer with ``reply`` where the regular expression is found in the last user message."""
        self._patterns.append((re.compile(pattern, flags), reply))
        return self

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
            raise reply
        if isinstance(reply, LLMResponse):
            response = replace(reply, metadata=dict(reply.metadata))
        elif isinstance(reply, str):
            response = LLMResponse(reply)
        elif request.tool_choice is not None and request.tool_choice not in ("auto", "none"):
            response = LLMResponse("", finish_reason="tool_calls", tool_calls=[_made_up_call(request)])
        else:
            response = LLMResponse(_echo(request, config))
        response.model = response.model or request.model or "echo"
        response.finish_reason = response.finish_reason or "stop"
        response.usage = response.usage or _usage(request, response)
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
        for piece in _PIECE.findall(response.content):
            if delay > 0:
                await asyncio.sleep(delay)
            yield LLMStreamResponse(delta=piece)
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


def _made_up_call(request: ModelRequest) -> ToolCall:
    wanted = request.tool_choice
    tool = next((tool for tool in request.tools if tool_name(tool) == wanted), request.tools[0])
    properties = schema_of(tool).get("properties", {})
    arguments = {name: _made_up_value(name, schema) for name, schema in properties.items()}
    return ToolCall(tool_name(tool), arguments, id="call_echo")


def _made_up_value(name: str, schema: Json) -> Any:
    if "enum" in schema:
        return schema["enum"][0]
    return {"string": name, "integer": 1, "number": 1.0, "boolean": True, "array": [], "object": {}}.get(
        str(schema.get("type", "string"))
    )


def _tokens(text: str) -> int:
    return -(-len(text) // 4)


def _message_tokens(message: LLMMessage) -> int:
    return _tokens(message.content)


def _usage(request: ModelRequest, response: LLMResponse) -> dict[str, int]:
    messages = request.messages
    fold = getattr(messages, "fold", None)
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
