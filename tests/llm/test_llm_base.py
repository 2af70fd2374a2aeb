"""What surrounds a call, the same for all providers: settings, retries, time, rate, prompts, record and replay."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

import pytest

from dknb.errors import (
    BadRequest,
    CallTimeout,
    ConfigError,
    ConnectionFailed,
    RateLimited,
    ReplayMiss,
    ServerError,
)
from dknb.llm import AsyncLLMProvider, LLMMessage, LLMResponse, LLMStreamResponse, Recording, ToolCall
from dknb.llm.attempts import RateLimit
from dknb.llm.recording import use


class Scripted(AsyncLLMProvider):
    """A provider that does what its script says: texts to answer, errors to raise, seconds to wait."""

    def __init__(self, *script, recorded=False, **settings):
        super().__init__({"provider": "echo", "model": "m", "retry_delay": 0.0, **settings})
        self.script = list(script)
        self.requests = []
        self.recorded = recorded
        self.closed = 0

    def get_capabilities(self):
        return []

    async def _complete(self, request, config):
        self.requests.append(request)
        step = self.script.pop(0)
        if isinstance(step, float):
            await asyncio.sleep(step)
            step = self.script.pop(0)
        if isinstance(step, Exception):
            raise step
        return LLMResponse(step, finish_reason="stop", tool_calls=[ToolCall("add", {"a": 1})])

    async def _stream(self, request, config):
        self.requests.append(request)
        try:
            text = []
            while self.script and not isinstance(step := self.script.pop(0), type(...)):
                if isinstance(step, Exception):
                    raise step
                if isinstance(step, float):
                    await asyncio.sleep(step)
                    continue
                if step is not None:
                    text.append(step)
                yield None if step is None else LLMStreamResponse(step)
            yield LLMStreamResponse(is_final=True, response=LLMResponse("".join(text), finish_reason="stop"))
        finally:
            self.closed += 1

    async def _embed(self, request, config):
        self.requests.append(request)
        return LLMResponse("", metadata={"vectors": [[float(len(text))] for text in request.texts]})


async def streamed(provider, text="hi", **settings):
    return [piece async for piece in provider.stream_complete(text, **settings)]


# Settings


async def test_settings_of_a_call_beat_those_of_the_object():
    """And options are added to the object's; what was not set is not there."""
    provider = Scripted("a", "b", "c", temperature=0.5, options={"x": 1, "y": 1})
    await provider.complete("hi", temperature=0.0, max_tokens=3, options={"y": 2})
    await provider.complete("hi")
    assert provider.requests[0].settings == {"temperature": 0.0, "max_tokens": 3}
    assert provider.requests[0].options == {"x": 1, "y": 2}
    assert provider.requests[1].settings == {"temperature": 0.5}
    await provider.complete("hi", options={})
    assert provider.requests[2].options == {"x": 1, "y": 1}


@pytest.mark.parametrize("setting", [{"api_base": "http://x"}, {"rate_limit": 3}, {"provider": "openai"}])
async def test_settings_of_the_object_cannot_be_changed_for_a_call(setting):
    """A limit or an address that would not be honoured is refused."""
    with pytest.raises(ConfigError, match="cannot be set for one call"):
        await Scripted("a").complete("hi", **setting)


async def test_an_unknown_setting_is_refused():
    """With the nearest name."""
    with pytest.raises(ConfigError, match="Did you mean 'temperature'"):
        await Scripted("a").complete("hi", temperatur=1)
    with pytest.raises(ConfigError, match="Did you mean 'temperature'"):
        await streamed(Scripted("a"), temperatur=1)


async def test_functions_are_the_tools_of_calls_without_tools():
    """A call's own tools take their place; function_call says which to use."""
    functions = [{"name": "add"}]
    provider = Scripted("a", "b", "c", functions=functions, function_call={"name": "add"})
    await provider.complete("hi")
    await provider.complete("hi", tools=[{"name": "other"}], tool_choice="auto")
    await provider.complete("hi", tools=[])
    assert [(list(one.tools), one.tool_choice) for one in provider.requests] == [
        (functions, "add"),
        ([{"name": "other"}], "auto"),
        ([], None),
    ]


async def test_modes_say_what_the_object_is_for():
    """EMBEDDING refuses to complete; FUNCTION demands a call of a tool."""
    with pytest.raises(ConfigError, match="mode 'embedding'"):
        await Scripted("a", mode="embedding").complete("hi")
    provider = Scripted("a", mode="function", functions=[{"name": "add"}])
    await provider.complete("hi")
    assert provider.requests[0].tool_choice == "required"


async def test_the_callers_messages_are_never_changed():
    """A system prompt goes into the request, not into the caller's list."""
    messages = [LLMMessage("user", "hi")]
    provider = Scripted("a", system_prompt="Be kind.")
    await provider.complete(messages)
    assert [message.role for message in provider.requests[0].full_messages()] == ["system", "user"]
    assert messages == [LLMMessage("user", "hi")]


async def test_a_system_message_beats_the_system_prompt():
    """Messages that begin with one keep it."""
    provider = Scripted("a", system_prompt="Be kind.")
    await provider.complete([LLMMessage("system", "Be brief."), LLMMessage("user", "hi")])
    assert [message.content for message in provider.requests[0].full_messages()] == ["Be brief.", "hi"]


async def test_messages_may_be_plain_data():
    """Dicts are read as LLMMessage.from_dict reads them; nothing at all is refused."""
    provider = Scripted("a")
    await provider.complete([{"role": "user", "content": "hi"}])
    assert provider.requests[0].messages == [LLMMessage("user", "hi")]
    with pytest.raises(ConfigError, match="empty"):
        await provider.complete([])


# What comes back


async def test_the_first_call_is_also_given_in_the_old_form():
    """function_call has the name and the arguments as JSON text."""
    response = await Scripted("a").function_call("hi", [{"name": "add"}])
    assert response.function_call == {"name": "add", "arguments": '{"a": 1}'}


async def test_the_last_piece_repeats_the_answer():
    """Finish reason, model and metadata of the whole answer; pieces before it are text alone."""
    pieces = await streamed(Scripted("a", "b"))
    assert [piece.delta for piece in pieces] == ["a", "b", ""]
    assert (pieces[-1].finish_reason, pieces[-1].model) == ("stop", "m")
    assert pieces[-1].response.metadata["provider"] == "echo"


async def test_the_callback_sees_each_piece():
    """With stream_complete and with complete, which then streams; it may be async."""
    seen = []
    provider = Scripted("a", "b", stream_callback=seen.append)
    assert (await provider.complete("hi")).content == "ab"
    assert [piece.delta for piece in seen] == ["a", "b", ""]

    async def later(piece):
        await asyncio.sleep(0)
        seen.append(piece.delta)

    await streamed(Scripted("c", stream_callback=later))
    assert seen[-2:] == ["c", ""]


async def test_embeddings_are_one_vector_or_a_list():
    """As the texts were one or a list."""
    assert await Scripted().embed("abc") == [3.0]
    assert await Scripted().embed(["abc", "d"]) == [[3.0], [1.0]]


# Retries


@pytest.mark.parametrize(
    "error",
    [RateLimited("", status=429), ServerError("", status=503), ConnectionFailed(""), CallTimeout("", status=408)],
)
async def test_what_passes_is_tried_again(error):
    """Busy servers and broken connections, for answers and for streams."""
    assert (await Scripted(error, error, "a").complete("hi")).content == "a"
    assert (await streamed(Scripted(error, "a")))[-1].response.content == "a"


@pytest.mark.parametrize(
    "error", [BadRequest("", status=400), RateLimited("you: insufficient_quota", status=429), ServerError("a page")]
)
async def test_what_stays_is_not_tried_again(error):
    """Wrong requests, empty accounts, answers that are none."""
    provider = Scripted(error, "a")
    with pytest.raises(type(error)):
        await provider.complete("hi")
    assert len(provider.requests) == 1


async def test_retries_end():
    """After retry_count of them the last failure is raised."""
    provider = Scripted(*[ServerError("", status=500)] * 5, retry_count=2)
    with pytest.raises(ServerError):
        await provider.complete("hi")
    assert len(provider.requests) == 3


async def test_nothing_is_tried_again_after_the_first_piece():
    """What was shown would be said twice; the error carries it instead."""
    provider = Scripted("a", "b", ConnectionFailed("broke"), "c")
    seen = []
    with pytest.raises(ConnectionFailed) as caught:
        await streamed(provider, stream_callback=lambda piece: seen.append(piece.delta))
    assert (seen, caught.value.partial.content) == (["a", "b"], "ab")
    assert caught.value.partial.metadata["incomplete"] is True
    assert len(provider.requests) == 1


async def test_the_server_says_how_long_to_wait():
    """Retry-After is waited out, and retry_delay doubles otherwise, with jitter."""
    from dknb.llm.attempts import Attempts
    from dknb.llm.config import LLMConfig

    attempts = Attempts(LLMConfig("echo", "m", retry_delay=1.0, timeout=None), RateLimit(None))
    assert 5.0 <= attempts._pause(RateLimited("", status=429, retry_after=5.0), 0) <= 5.5
    pauses = [attempts._pause(ServerError("", status=500), number) for number in range(3)]
    assert all(0.5 * 2**number <= pause <= 2**number for number, pause in enumerate(pauses))


async def test_a_wait_that_would_take_too_long_is_not_begun():
    """A server that asks for more time than the call has fails at once."""
    provider = Scripted(RateLimited("busy", status=429, retry_after=3600.0), "a", timeout=5.0)
    with pytest.raises(RateLimited):
        await provider.complete("hi")


# Time


async def test_a_call_has_its_time():
    """The time covers all attempts; the error names it and is a TimeoutError."""
    with pytest.raises(CallTimeout, match=r"within 0\.05 s") as caught:
        await Scripted(1.0, "late", timeout=0.05).complete("hi")
    assert isinstance(caught.value, TimeoutError)
    assert caught.value.provider == "echo"


async def test_a_stream_has_its_time_for_each_piece():
    """A pause that is too long ends it, and what arrived is kept; pieces and signs of life start the clock again."""
    provider = Scripted("a", 1.0, "b", timeout=0.05)
    with pytest.raises(CallTimeout) as caught:
        await streamed(provider)
    assert caught.value.partial.content == "a"
    assert provider.closed == 1
    steady = Scripted("a", 0.04, None, 0.04, "b", 0.04, "c", timeout=0.07)
    assert (await streamed(steady))[-1].response.content == "abc"


async def test_the_time_of_the_caller_is_not_the_streams():
    """A caller that thinks between two pieces does not run into the time limit."""
    seen = []
    async for piece in Scripted("a", "b", timeout=0.05).stream_complete("hi"):
        await asyncio.sleep(0.08)
        seen.append(piece.delta)
    assert seen == ["a", "b", ""]


async def test_a_stream_that_just_ends_is_an_error():
    """A provider that gives no last piece has given no answer."""

    class Ends(Scripted):
        async def _stream(self, request, config):
            yield LLMStreamResponse("a")

    with pytest.raises(ServerError, match="ended before the answer did") as caught:
        await streamed(Ends())
    assert caught.value.partial.content == "a"


async def test_leaving_a_stream_closes_it():
    """Breaking off, or being cancelled, ends what runs behind it at once."""
    provider = Scripted("a", "b", "c")
    pieces = provider.stream_complete("hi")
    await anext(pieces)
    await pieces.aclose()
    assert provider.closed == 1
    task = asyncio.create_task(streamed(waiting := Scripted("a", 30.0)))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert waiting.closed == 1


# Requests a minute


class Clock:
    """Time that passes only when somebody sleeps."""

    def __init__(self, monkeypatch):
        self.now = 1000.0
        monkeypatch.setattr(time, "monotonic", lambda: self.now)


def test_no_minute_has_more_calls_than_allowed(monkeypatch):
    """Whenever the calls come, any window of 60 seconds holds at most that many."""
    clock = Clock(monkeypatch)
    limit = RateLimit(3)
    turns = []
    for pause in (0, 0, 10, 0, 30, 0, 0, 100, 0, 0, 0):
        clock.now += pause
        turns.append(clock.now + limit._reserve())
    assert turns == sorted(turns)
    assert all(later - earlier >= 60 for earlier, later in zip(turns, turns[3:], strict=False))
    assert turns[:4] == [1000, 1000, 1010, 1060]


async def test_the_limit_is_the_objects():
    """Every attempt takes a turn; without a limit nobody waits."""
    provider = Scripted(ServerError("", status=500), "a", rate_limit=2)
    await provider.complete("hi")
    assert provider._limit._reserve() == pytest.approx(60.0, abs=1.0)
    assert await RateLimit(None).turn() == 0.0


# Prompts


@dataclass
class Rendered:
    content: str


class Builder:
    """Renders as an async prompt builder does."""

    async def render_system_prompt(self, name, params=None, *, include_rag=True):
        return Rendered(f"system {name} {params}")

    async def render_user_prompt(self, name, index=0, params=None, *, include_rag=True):
        return Rendered(f"user {name} {index} {params} {include_rag}")


class BlockingBuilder:
    """Renders as a sync one does."""

    def render_user_prompt(self, name, index=0, params=None, *, include_rag=True):
        return Rendered(f"user {name}")


async def test_prompts_are_rendered_and_asked():
    """As the user's message, the system's, or both."""
    provider = Scripted("a", "b", "c")
    provider.prompt_builder = Builder()
    await provider.render_and_complete("greet", {"x": 1}, index=2, include_rag=False)
    await provider.render_and_complete("greet", prompt_type="both")
    pieces = [piece async for piece in provider.render_and_stream("greet", prompt_type="system")]
    assert [[message.content for message in one.messages] for one in provider.requests] == [
        ["user greet 2 {'x': 1} False"],
        ["system greet {}", "user greet 0 {} True"],
        ["system greet {}"],
    ]
    assert pieces[-1].response.content == "c"
    provider.prompt_builder = BlockingBuilder()
    provider.script = ["d"]
    await provider.render_and_complete("greet")
    assert provider.requests[-1].messages[0].content == "user greet"


async def test_prompts_need_a_builder_and_a_type_that_exists():
    """Both errors say what to give."""
    provider = Scripted("a")
    with pytest.raises(ConfigError, match="no prompt builder"):
        await provider.render_and_complete("greet")
    provider.prompt_builder = Builder()
    with pytest.raises(ConfigError, match="Did you mean 'user'"):
        await provider.render_and_complete("greet", prompt_type="usr")


# Lifecycle


async def test_lifecycle_calls_may_be_awaited_or_not(recwarn):
    """A provider initialises itself; calls that nobody awaits do no harm, and no coroutine is left behind."""
    provider = Scripted("a")
    provider.initialize()
    provider.validate_model()
    provider.close()
    assert await provider.initialize() is None
    assert await provider.validate_model() is True
    assert await provider.close() is None
    async with provider as same:
        assert same is provider
    assert not recwarn.list


# Record and replay


@pytest.fixture
def tape(tmp_path):
    """Opens recordings of one file, one after the other, and stops the last."""
    opened = []

    def open_as(mode, pace="instant"):
        while opened:
            opened.pop().close()
        opened.append(Recording(tmp_path / "calls.jsonl", mode, pace))
        use(opened[0])
        return opened[0]

    yield open_as
    use(None)
    for one in opened:
        one.close()


async def test_an_answer_is_recorded_and_replayed(tape):
    """The replay asks nobody, says that it is one, and gives what was given."""
    tape("record")
    first = await Scripted("a", recorded=True, temperature=1.0).complete("hi")
    tape("replay")
    silent = Scripted(recorded=True, temperature=1.0)
    again = await silent.complete("hi")
    assert (again.content, again.tool_calls, again.created_at) == (first.content, first.tool_calls, first.created_at)
    assert again.metadata["replayed"] is True
    assert silent.requests == []
    with pytest.raises(ReplayMiss):
        await silent.complete("something else")


async def test_a_stream_is_recorded_and_replayed_in_its_pieces(tape):
    """And answers complete as well, as an answer without pieces answers a stream."""
    tape("record")
    await streamed(Scripted("a", "b", recorded=True))
    await Scripted("whole", recorded=True).complete("other")
    tape("replay")
    assert [piece.delta for piece in await streamed(Scripted(recorded=True))] == ["a", "b", ""]
    pieces = await streamed(Scripted(recorded=True), "other")
    assert [(piece.delta, piece.is_final) for piece in pieces] == [("whole", False), ("", True)]
    tape("replay")
    assert (await Scripted(recorded=True).complete("hi")).content == "ab"


async def test_a_replay_can_keep_its_rhythm(tape, monkeypatch):
    """At the recorded pace the pauses are waited out."""
    tape("record")
    await streamed(Scripted("a", 0.05, "b", recorded=True))
    tape("replay", "recorded")
    slept = []

    async def sleep(seconds):
        slept.append(seconds)

    monkeypatch.setattr("dknb.llm.record.asyncio.sleep", sleep)
    await streamed(Scripted(recorded=True))
    assert sum(slept) >= 0.05


async def test_vectors_are_recorded_too(tape):
    """Embeddings replay as they were."""
    tape("record")
    vectors = await Scripted(recorded=True).embed(["abc", "d"])
    tape("replay")
    assert await Scripted(recorded=True).embed(["abc", "d"]) == vectors


async def test_a_call_that_failed_is_not_recorded(tape):
    """Neither an error nor a stream that broke off is an answer."""
    recording = tape("record")
    with pytest.raises(BadRequest):
        await Scripted(BadRequest("no", status=400), recorded=True).complete("hi")
    with pytest.raises(ConnectionFailed):
        await streamed(Scripted("a", ConnectionFailed("cut"), recorded=True))
    assert recording.summary().added == 0


async def test_what_costs_nothing_is_not_recorded(tape):
    """Echo answers the same without a recording, so a strict replay lets it."""
    tape("record")
    tape("replay")
    assert (await Scripted("a").complete("hi")).content == "a"


def test_the_canonical_request_holds_what_decides_the_answer():
    """No key, address, user, limit, or stream flag; plain data without empty fields."""
    from dknb.llm.config import LLMConfig
    from dknb.llm.request import completion_request

    config = LLMConfig(
        "openai", "m", api_key="sk-1", api_base="http://x", user_id="u", stream=True, temperature=0.5, timeout=3
    )
    request = completion_request(config, [LLMMessage("user", "hi", metadata={"cell": 1})])
    assert request.canonical() == {
        "kind": "complete",
        "provider": "openai",
        "model": "m",
        "messages": [{"role": "user", "content": "hi"}],
        "settings": {"temperature": 0.5},
    }
