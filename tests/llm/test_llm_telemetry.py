"""Spans and histograms of calls, where the program around them has set up OpenTelemetry."""

from __future__ import annotations

import subprocess
import sys

import pytest
from llm_scripted import Scripted, streamed
from llm_server import Reply, serving
from provider_help import KEY, provider_at, whole

from dknb.conversations import ConversationManager, MemoryConversationStorage
from dknb.errors import RateLimited
from dknb.llm import LLMMessage, LLMResponse, ToolCall
from dknb.llm.calls.telemetry import CAPTURE_CONTENT, labelled

trace = pytest.importorskip("opentelemetry.trace", reason="needs opentelemetry-sdk")
pytest.importorskip("opentelemetry.sdk", reason="needs opentelemetry-sdk")


class Collected:
    """What the SDK has collected."""

    def __init__(self, spans, reader):
        self._spans, self._reader = spans, reader

    @property
    def spans(self):
        return self._spans.get_finished_spans()

    @property
    def span(self):
        (span,) = self.spans
        return span

    def points(self, name):
        data = self._reader.get_metrics_data()
        metrics = [
            metric for resource in data.resource_metrics for scope in resource.scope_metrics for metric in scope.metrics
        ]
        return [point for metric in metrics if metric.name == name for point in metric.data.data_points]


@pytest.fixture
def otel(monkeypatch):
    """OpenTelemetry, set up to collect in memory."""
    from opentelemetry import metrics
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    spans, reader = InMemorySpanExporter(), InMemoryMetricReader()
    tracers, meters = TracerProvider(), MeterProvider([reader])
    tracers.add_span_processor(SimpleSpanProcessor(spans))
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: tracers)
    monkeypatch.setattr(metrics, "get_meter_provider", lambda: meters)
    monkeypatch.delenv(CAPTURE_CONTENT, raising=False)
    yield Collected(spans, reader)
    tracers.shutdown()
    meters.shutdown()


class Told(Scripted):
    """A provider that tells all that there is to tell."""

    async def _complete(self, request, config):
        response = await super()._complete(request, config)
        usage = {"prompt_tokens": 10, "completion_tokens": 5, "cached_tokens": 4, "reasoning_tokens": 2}
        return LLMResponse(response.content, "m-1", "stop", usage, metadata={"id": "r-1"}, cost_usd=0.5)


async def test_a_call_is_a_span(otel):
    """Named by operation and model, with what was asked and what came, and no content."""
    await Told("secret answer", temperature=0.5, max_tokens=7, seed=1).complete("secret question", stop_sequences=["x"])
    span = otel.span
    assert (span.name, span.kind, span.status.status_code.name) == ("chat m", trace.SpanKind.CLIENT, "UNSET")
    assert dict(span.attributes) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "echo",
        "gen_ai.request.model": "m",
        "gen_ai.request.temperature": 0.5,
        "gen_ai.request.max_tokens": 7,
        "gen_ai.request.seed": 1,
        "gen_ai.request.stop_sequences": ("x",),
        "gen_ai.response.model": "m-1",
        "gen_ai.response.id": "r-1",
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.usage.input_tokens": 10,
        "gen_ai.usage.output_tokens": 5,
        "gen_ai.usage.cache_read.input_tokens": 4,
        "gen_ai.usage.reasoning.output_tokens": 2,
        "dknb.cost_usd": 0.5,
    }


async def test_tokens_and_seconds_are_measured(otel):
    """One histogram each, with the attributes that the conventions ask for; streams also tell when they began."""
    await Told("a").complete("hi")
    tokens = {point.attributes["gen_ai.token.type"]: point.sum for point in otel.points("gen_ai.client.token.usage")}
    assert tokens == {"input": 10, "output": 5}
    (seconds,) = otel.points("gen_ai.client.operation.duration")
    assert seconds.count == 1
    assert dict(seconds.attributes) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "echo",
        "gen_ai.request.model": "m",
        "gen_ai.response.model": "m-1",
    }
    assert otel.points("gen_ai.client.operation.time_to_first_chunk") == []
    await streamed(Scripted("a", "b"))
    (first,) = otel.points("gen_ai.client.operation.time_to_first_chunk")
    assert first.count == 1


async def test_content_is_there_when_asked_for(otel, monkeypatch):
    """Messages, calls and results, in the conventions' form; the system prompt apart."""
    monkeypatch.setenv(CAPTURE_CONTENT, "true")
    messages = [
        LLMMessage("user", "add"),
        LLMMessage("assistant", "", tool_calls=[ToolCall("add", {"a": 1}, id="c1")]),
        LLMMessage("tool", "3", tool_call_id="c1"),
    ]
    await Told("done", system_prompt="Be kind.").complete(messages)
    said = otel.span.attributes
    assert '"Be kind."' in said["gen_ai.system_instructions"]
    assert '{"type": "text", "content": "add"}' in said["gen_ai.input.messages"]
    assert '"type": "tool_call", "id": "c1", "name": "add"' in said["gen_ai.input.messages"]
    assert '{"type": "tool_call_response", "id": "c1", "response": "3"}' in said["gen_ai.input.messages"]
    assert said["gen_ai.output.messages"].endswith('"finish_reason": "stop"}]')


async def test_a_failure_has_its_type(otel):
    """In the span, which is an error then, and in the histogram; what the server said is not repeated."""
    with pytest.raises(RateLimited):
        await Scripted(RateLimited("the server's words", status=429, request_id="r-1"), retry_count=0).complete("hi")
    span = otel.span
    assert (span.status.status_code.name, span.status.description) == ("ERROR", "RateLimited")
    assert span.attributes["error.type"] == "RateLimited"
    assert span.attributes["http.response.status_code"] == 429
    assert "words" not in f"{span.attributes} {span.events} {span.status.description}"
    (seconds,) = otel.points("gen_ai.client.operation.duration")
    assert seconds.attributes["error.type"] == "RateLimited"


async def test_a_stream_that_is_left_ends_its_span(otel):
    """As cancelled."""
    pieces = Scripted("a", "b").stream_complete("hi")
    await anext(pieces)
    assert otel.spans == ()
    await pieces.aclose()
    assert otel.span.attributes["error.type"] == "cancelled"


async def test_retries_are_one_span(otel):
    """It is one call, however often it is tried."""
    await Scripted(RateLimited("busy", status=429), "a").complete("hi")
    assert "error.type" not in otel.span.attributes


async def test_vectors_have_their_own_operation(otel):
    """And no answer."""
    await Scripted().embed(["a"])
    assert (otel.span.name, otel.span.attributes["gen_ai.operation.name"]) == ("embeddings m", "embeddings")


async def test_calls_know_their_cell_and_node(otel):
    """A label around a call is in its span; a conversation labels its own, streams too."""
    with labelled(cell="c-1", node=None):
        await Scripted("a").complete("hi")
    assert otel.span.attributes["dknb.cell"] == "c-1"
    assert "dknb.node" not in otel.span.attributes
    manager = await ConversationManager.create(
        Scripted("a", ..., "b", "c"), None, MemoryConversationStorage(), conversation_id="talk"
    )
    await manager.add_message("user", "hi")
    async for _ in manager.stream_complete(cell="c-2"):
        pass
    await manager.add_message("user", "more")
    manager.llm.script = ["d"]
    await manager.complete(cell="c-3")
    labels = [[span.attributes[f"dknb.{name}"] for name in ("conversation", "cell", "node")] for span in otel.spans[1:]]
    assert labels == [["talk", "c-2", "0"], ["talk", "c-3", "0.0.0"]]


async def test_the_server_is_named_and_the_key_is_not(otel):
    """Where the address was given."""
    async with serving(Reply(whole())) as server, provider_at(server) as provider:
        await provider.complete("hi")
    span = otel.span
    assert span.attributes["server.address"] == "127.0.0.1"
    assert str(span.attributes["server.port"]) in server.root
    assert KEY not in f"{dict(span.attributes)} {span.name} {span.events}"


async def test_recorded_answers_are_no_calls(otel, tmp_path):
    """A replay asks no model."""
    from dknb.llm.recordings.recording import Recording, use

    before = use(Recording(tmp_path / "r.jsonl", "auto"))
    try:
        await Scripted("a", recorded=True).complete("hi")
        use(Recording(tmp_path / "r.jsonl", "replay")).close()
        await Scripted(recorded=True).complete("hi")
    finally:
        if (last := use(before)) is not None:
            last.close()
    assert len(otel.spans) == 1


def test_nothing_is_loaded_that_was_not_there():
    """A call in a program without OpenTelemetry does not import it."""
    code = (
        "import sys, asyncio, dknb.llm as llm\n"
        "asyncio.run(llm.create_llm_provider('echo').complete('hi'))\n"
        "print([name for name in sys.modules if name.startswith('opentelemetry')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


async def test_a_program_that_only_loads_it_pays_nothing(monkeypatch):
    """Without a provider of spans there are none, and none is made."""
    from dknb.llm.calls import telemetry

    monkeypatch.setattr(telemetry, "_Watched", None)
    assert (await Scripted("a").complete("hi")).content == "a"


async def test_what_watches_cannot_break_a_call(otel, monkeypatch, caplog):
    """A label and a span processor that raise are logged once, and the answer comes."""
    from opentelemetry.sdk.trace import SpanProcessor, TracerProvider

    class Broken(SpanProcessor):
        def on_start(self, span, parent_context=None):
            raise ArithmeticError("processor")

    def label():
        raise LookupError("label")

    with labelled(cell=label):
        assert (await Told("a").complete("hi")).content == "a"
    tracers = TracerProvider()
    tracers.add_span_processor(Broken())
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: tracers)
    for _ in range(2):
        assert (await Told("a").complete("hi")).content == "a"
    said = [record.getMessage() for record in caplog.records if "What watches" in record.getMessage()]
    assert [kind for kind in ("LookupError", "ArithmeticError") if sum(kind in one for one in said) == 1] == [
        "LookupError",
        "ArithmeticError",
    ]
