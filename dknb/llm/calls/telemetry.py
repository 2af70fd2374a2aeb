"""OpenTelemetry: a span and two histograms for each call, where the program around us has set it up.

Nothing is imported here that was not imported already: a program that collects traces has loaded the API, and one that
has not pays nothing.

Source of all names: github.com/open-telemetry/semantic-conventions-genai, docs/gen-ai/gen-ai-spans.md and
gen-ai-metrics.md, schema gen-ai/1.42.0, read 22 November 2026. All of them have status "development".
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from ...errors import ProviderError
from ..config import CompletionMode, LLMConfig
from ..messages import LLMMessage, LLMResponse, LLMStreamResponse
from ..request import ModelRequest

__all__ = ["CAPTURE_CONTENT", "Label", "Observation", "labelled", "observed"]

#: The environment variable that lets messages and answers into spans.
CAPTURE_CONTENT = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
_SCOPE, _SCHEMA = "dknb", "https://opentelemetry.io/schemas/gen-ai/1.42.0"

#: Our names of providers and the conventions', where they differ.
_PROVIDERS = {"huggingface": "hugging_face", "openai-compatible": "openai"}
#: Settings of a request, by the attributes that tell them.
_SETTINGS = {
    "gen_ai.request.temperature": "temperature",
    "gen_ai.request.top_p": "top_p",
    "gen_ai.request.max_tokens": "max_tokens",
    "gen_ai.request.frequency_penalty": "frequency_penalty",
    "gen_ai.request.presence_penalty": "presence_penalty",
    "gen_ai.request.stop_sequences": "stop_sequences",
    "gen_ai.request.seed": "seed",
}
#: Token counts of a usage block, by the attributes that tell them.
_USAGE = {
    "gen_ai.usage.input_tokens": "prompt_tokens",
    "gen_ai.usage.output_tokens": "completion_tokens",
    "gen_ai.usage.cache_read.input_tokens": "cached_tokens",
    "gen_ai.usage.cache_creation.input_tokens": "cache_write_tokens",
    "gen_ai.usage.reasoning.output_tokens": "reasoning_tokens",
}
#: What an answer says of itself.
_ANSWER: dict[str, Callable[[LLMResponse], Any]] = {
    "gen_ai.response.model": lambda response: response.model or None,
    "gen_ai.response.id": lambda response: response.metadata.get("id"),
    "gen_ai.response.finish_reasons": lambda response: [response.finish_reason] if response.finish_reason else None,
    "dknb.cost_usd": lambda response: response.cost_usd,
}
_TOKENS, _SECONDS, _FIRST = (
    "gen_ai.client.token.usage",
    "gen_ai.client.operation.duration",
    "gen_ai.client.operation.time_to_first_chunk",
)
_SECOND_BOUNDS = [round(0.01 * 2**power, 2) for power in range(14)]
#: Histograms: name, unit, description, and the bounds that the conventions advise.
_HISTOGRAMS = (
    (_TOKENS, "{token}", "Number of input and output tokens used.", [4**power for power in range(14)]),
    (_SECONDS, "s", "GenAI operation duration.", _SECOND_BOUNDS),
    (_FIRST, "s", "Time to receive the first chunk.", _SECOND_BOUNDS),
)

#: What a call is labelled with, or how to find it out: only a call that is watched asks.
Label: TypeAlias = str | Callable[[], str]
#: Attributes of the notebook or conversation that a call is made for.
_labels: ContextVar[tuple[tuple[str, Label], ...]] = ContextVar("dknb_labels", default=())


@contextmanager
def labelled(**labels: Label | None) -> Iterator[None]:
    """Calls inside have the attributes ``dknb.NAME`` in their spans: ``cell``, ``node``, ``conversation``."""
    told = tuple((f"dknb.{name}", value) for name, value in labels.items() if value is not None)
    token = _labels.set((*_labels.get(), *told))
    try:
        yield
    finally:
        _labels.reset(token)


@cache
def _log(kind: str) -> None:
    logging.getLogger(__name__).warning("What watches model calls raised %s; the calls go on.", kind, exc_info=True)


@contextmanager
def _harmless() -> Iterator[None]:
    """What watches a call must not let it fail: each kind of failure is logged, once."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 (span processors and labels are other people's code)
        _log(type(error).__name__)


class Observation:
    """A call that nobody watches."""

    def answered(self, response: LLMResponse, arrived: Sequence[tuple[float, LLMStreamResponse]] = ()) -> None:
        """Tell of the answer; ``arrived`` are the pieces of a stream, with seconds since the call."""


_UNSEEN = Observation()


@contextmanager
def observed(request: ModelRequest, config: LLMConfig) -> Iterator[Observation]:
    """Watch a call, if the program has set up OpenTelemetry."""
    watched = None
    with _harmless():
        watched = _Watched(tools, request, config) if (tools := _tools()) is not None else None
    if watched is None:
        yield _UNSEEN
        return
    try:
        yield watched
    except (GeneratorExit, asyncio.CancelledError):
        watched.end("cancelled")
        raise
    except BaseException as error:
        watched.end(type(error).__name__, error)
        raise
    watched.end()


class _Tools:
    """A tracer, and the histograms of a meter; None for what is not set up."""

    def __init__(self, trace: Any, tracers: Any, meters: Any) -> None:
        self.trace, self.tracers, self.meters = trace, tracers, meters
        self.tracer = tracers.get_tracer(_SCOPE, schema_url=_SCHEMA) if tracers is not None else None
        meter = meters.get_meter(_SCOPE, schema_url=_SCHEMA) if meters is not None else None
        self.histograms = {
            name: meter.create_histogram(name, unit=unit, description=text, explicit_bucket_boundaries_advisory=bounds)
            for name, unit, text, bounds in _HISTOGRAMS
            if meter is not None
        }

    def record(self, name: str, value: float, attributes: Mapping[str, Any]) -> None:
        """Put a value into a histogram, if there is a meter."""
        if name in self.histograms:
            self.histograms[name].record(value, attributes)


_last: _Tools | None = None


def _tools() -> _Tools | None:
    """What is set up now; a span for a call that nobody collects would be work for nothing."""
    global _last
    trace, metrics = sys.modules.get("opentelemetry.trace"), sys.modules.get("opentelemetry.metrics")
    tracers, meters = _set_up(trace, "get_tracer_provider"), _set_up(metrics, "get_meter_provider")
    if tracers is None and meters is None:
        return None
    if _last is None or _last.tracers is not tracers or _last.meters is not meters:
        _last = _Tools(trace, tracers, meters)
    return _last


def _set_up(api: Any, getter: str) -> Any:
    """The provider of an API; None where only its stand-in is there."""
    provider = getattr(api, getter)() if api is not None else None
    return None if provider is None or "Proxy" in type(provider).__name__ else provider


class _Watched(Observation):
    """A call with its span."""

    def __init__(self, tools: _Tools, request: ModelRequest, config: LLMConfig) -> None:
        self._tools = tools
        self._content = os.environ.get(CAPTURE_CONTENT, "").lower() in ("true", "1", "span_only", "span_and_event")
        self._began = time.perf_counter()
        self._common = _common(request, config)
        self._span = None
        if tools.tracer is not None:
            name = f"{self._common['gen_ai.operation.name']} {request.model}"
            kind = tools.trace.SpanKind.CLIENT
            attributes = self._common | _asked(request) | _told()
            if self._content:
                attributes |= _said(request)
            self._span = tools.tracer.start_span(name, kind=kind, attributes=attributes)

    def answered(self, response: LLMResponse, arrived: Sequence[tuple[float, LLMStreamResponse]] = ()) -> None:
        with _harmless():
            self._tell(response, arrived)

    def _tell(self, response: LLMResponse, arrived: Sequence[tuple[float, LLMStreamResponse]]) -> None:
        usage = response.usage or {}
        if self._span is not None:
            told = {name: read(response) for name, read in _ANSWER.items()}
            told |= {name: usage.get(ours) for name, ours in _USAGE.items()}
            if self._content:
                told["gen_ai.output.messages"] = _messages([response.to_message()], response.finish_reason)
            self._span.set_attributes({name: value for name, value in told.items() if value is not None})
        self._common |= {"gen_ai.response.model": response.model} if response.model else {}
        for kind, name in (("input", "prompt_tokens"), ("output", "completion_tokens")):
            if (count := usage.get(name)) is not None:
                self._tools.record(_TOKENS, count, self._common | {"gen_ai.token.type": kind})
        if arrived:
            self._tools.record(_FIRST, arrived[0][0], self._common)

    def end(self, failed: str | None = None, error: BaseException | None = None) -> None:
        """The call is over."""
        with _harmless():
            self._end(failed, error)

    def _end(self, failed: str | None, error: BaseException | None) -> None:
        more = {"error.type": failed} if failed else {}
        self._tools.record(_SECONDS, time.perf_counter() - self._began, self._common | more)
        if self._span is None:
            return
        if failed:
            self._span.set_attributes(more | _failure(error))
            # The text of an error repeats what the server said, which may be content; its class says enough here.
            self._span.set_status(self._tools.trace.StatusCode.ERROR, failed)
        self._span.end()


def _common(request: ModelRequest, config: LLMConfig) -> dict[str, Any]:
    operation = "chat" if request.kind == "complete" else "embeddings"
    if operation == "chat" and config.mode is CompletionMode.TEXT:
        operation = "text_completion"
    attributes: dict[str, Any] = {
        "gen_ai.operation.name": operation,
        "gen_ai.provider.name": _PROVIDERS.get(request.provider, request.provider),
        "gen_ai.request.model": request.model,
    }
    address = urlsplit(config.api_base or "")
    if address.hostname:
        attributes["server.address"] = address.hostname
        attributes["server.port"] = address.port or {"http": 80}.get(address.scheme, 443)
    return attributes


def _told() -> dict[str, str]:
    told = {}
    for name, label in _labels.get():
        with _harmless():
            told[name] = label() if callable(label) else label
    return told


def _asked(request: ModelRequest) -> dict[str, Any]:
    sent = {name: request.settings.get(ours) for name, ours in _SETTINGS.items()}
    form = request.settings.get("response_format")
    if form is not None:
        sent["gen_ai.output.type"] = "text" if form == "text" else "json"
    return {name: value for name, value in sent.items() if value is not None}


def _failure(error: BaseException | None) -> dict[str, Any]:
    if not isinstance(error, ProviderError):
        return {}
    facts = {"http.response.status_code": error.status, "dknb.request_id": error.request_id}
    return {name: value for name, value in facts.items() if value is not None}


def _said(request: ModelRequest) -> dict[str, str]:
    messages = request.full_messages()
    system = [message for message in messages if message.role in ("system", "developer")]
    told = {"gen_ai.input.messages": _messages([message for message in messages if message not in system])}
    if system:
        told["gen_ai.system_instructions"] = json.dumps([_text(message.content) for message in system])
    if request.tools:
        told["gen_ai.tool.definitions"] = json.dumps(list(request.tools), default=str)
    return told


def _messages(messages: Sequence[LLMMessage], finish_reason: str | None = None) -> str:
    end = {"finish_reason": finish_reason} if finish_reason else {}
    return json.dumps([{"role": message.role, "parts": _parts(message), **end} for message in messages])


def _parts(message: LLMMessage) -> list[dict[str, Any]]:
    """The texts, calls and results of a message; images and documents are named, not shown."""
    if message.role == "tool":
        return [{"type": "tool_call_response", "id": message.tool_call_id, "response": message.content}]
    parts = [_text(message.content)] if message.content else []
    calls = [(call.id, call.name, call.arguments_json) for call in message.tool_calls]
    return parts + [{"type": "tool_call", "id": id_, "name": name, "arguments": text} for id_, name, text in calls]


def _text(content: str) -> dict[str, Any]:
    return {"type": "text", "content": content}
