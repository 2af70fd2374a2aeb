"""Tool calls whose arguments are no JSON object: an error with what arrived, whole or streamed, asked or replayed."""

from __future__ import annotations

import pytest
from llm_scripted import Scripted
from llm_server import Reply, serving
from llm_server import stream as events_of
from provider_help import provider_at, whole

from dknb.errors import ServerError
from dknb.llm import LLMResponse, LLMStreamResponse, Recording, ToolCall, create_llm_provider

TOOL = {"name": "add", "parameters": {"type": "object", "properties": {"a": {"type": "integer"}}}}
CUT = '{"a": 1, "b": "tw'


class Calling(Scripted):
    """Answers with tool calls."""

    async def _complete(self, request, config):
        calls, finish = self.script.pop(0)
        return LLMResponse("So.", finish_reason=finish, tool_calls=calls, usage={"prompt_tokens": 3})

    async def _stream(self, request, config):
        yield LLMStreamResponse("So.")
        yield LLMStreamResponse(is_final=True, response=await self._complete(request, config))


def replied(arguments, finish="tool_calls"):
    body = whole("So.")
    call = {"id": "c", "type": "function", "function": {"name": "add", "arguments": arguments}}
    body["choices"][0]["message"]["tool_calls"] = [call]
    body["choices"][0]["finish_reason"] = finish
    return Reply(body)


def streamed(*fragments):
    function = {"name": "add"}
    events = []
    for fragment in fragments:
        call = {"index": 0, "id": "c", "type": "function", "function": {**function, "arguments": fragment}}
        events.append({"model": "m", "choices": [{"index": 0, "delta": {"tool_calls": [call]}}]})
        function = {}
    return events_of(*events, {"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]})


async def answer(reply, **settings):
    async with serving(reply) as server, provider_at(server, retry_count=0) as provider:
        return await provider.complete("hi", tools=[TOOL], **settings)


@pytest.mark.parametrize(
    ("reply", "raw"),
    [
        (replied(CUT), CUT),
        (replied("[1, 2]"), "[1, 2]"),
        (replied(5), "5"),
        (streamed('{"a": 1, ', '"b": "tw'), CUT),
        (streamed(5), "5"),
    ],
)
async def test_arguments_that_are_no_object_are_an_error(reply, raw):
    """Nobody calls a tool with nothing by mistake; text, call and usage are in the error."""
    with pytest.raises(ServerError, match="called 'add', and the arguments are no JSON") as caught:
        await answer(reply, stream=reply.pieces is not None)
    (call,) = caught.value.partial.tool_calls
    assert (call.name, call.raw_arguments, call.arguments) == ("add", raw, {})
    assert caught.value.partial.content in ("So.", "")


async def test_a_cut_at_the_token_limit_is_named():
    """With what to set."""
    with pytest.raises(ServerError, match="was cut at the token limit") as caught:
        await answer(replied(CUT, "length"), max_tokens=50)
    assert "max_tokens=100" in caught.value.hint


async def test_an_old_function_call_is_looked_at_too():
    """Servers of before tool calls say it in another field."""
    body = whole("")
    body["choices"][0]["message"]["function_call"] = {"name": "add", "arguments": CUT}
    with pytest.raises(ServerError, match="called 'add'"):
        await answer(Reply(body))


@pytest.mark.parametrize(
    ("written", "arguments"),
    [
        ("", {}),
        (None, {}),
        ("null", {}),
        ("{}", {}),
        ({"a": 1}, {"a": 1}),
        ('{"a": 1,}', {"a": 1}),
        ("{'a': 1}", {"a": 1}),
    ],
)
async def test_whole_arguments_are_read(written, arguments):
    """Nothing is no argument; what is whole but not quite JSON is mended, and stays beside as it came."""
    (call,) = (await answer(replied(written))).tool_calls
    assert call.arguments == arguments
    assert call.raw_arguments in (written, None, "")
    if isinstance(written, dict):
        (call,) = (await answer(streamed(written), stream=True)).tool_calls
        assert call.arguments == arguments


@pytest.mark.parametrize("text", ['{"a": {"b": 1}', '{"a": "x}', '{"a": 1}{"b": 2}', '{"a": 1, "b"'])
async def test_what_was_cut_is_not_guessed_at(text):
    """Also where it happens to end in a bracket."""
    with pytest.raises(ServerError):
        await answer(replied(text))


async def test_free_text_is_no_json():
    """A custom tool takes any text."""
    call = ToolCall("sql", {}, "c", raw_arguments="SELECT 1", extra={"custom": True})
    provider = Calling(([call], "stop"))
    assert (await provider.complete("hi")).tool_calls == [call]


async def test_a_stream_gives_its_pieces_first():
    """The error comes at its end."""
    pieces = Calling(([ToolCall("add", {}, "c", CUT)], "stop")).stream_complete("hi")
    assert (await anext(pieces)).delta == "So."
    with pytest.raises(ServerError):
        await anext(pieces)


async def test_a_replay_ends_as_the_call_did(tmp_path):
    """The answer is recorded; it is the same error each time, whole and streamed."""
    provider = Calling(([ToolCall("add", {}, "c", CUT)], "stop"), recorded=True)
    with Recording(tmp_path / "a.jsonl"), pytest.raises(ServerError):
        await provider.complete("hi")
    for stream in (False, True):
        with Recording(tmp_path / "a.jsonl", mode="replay"), pytest.raises(ServerError) as caught:
            await provider.complete("hi", stream=stream)
        assert caught.value.partial.tool_calls[0].raw_arguments == CUT


@pytest.mark.parametrize("said", [None, "text", 5])
async def test_a_provider_of_others_that_gives_no_answer_is_named(said):
    """Whole, and as a piece of a stream; a stream without pieces too."""

    class Odd(Scripted):
        async def _complete(self, request, config):
            return said

        async def _stream(self, request, config):
            if said is not None:
                yield said

    with pytest.raises(ServerError, match="The provider 'echo' gave"):
        await Odd(retry_count=0).complete("hi")
    with pytest.raises(ServerError):
        await Odd(retry_count=0).complete("hi", stream=True)


async def test_rubbish_beside_an_answer_of_another_package_is_left_out():
    """Its price, its usage, its reason."""

    class Odd(Scripted):
        async def _complete(self, request, config):
            usage = {"prompt_tokens": 2, "completion_tokens": 1, "cached_tokens": "x"}
            return LLMResponse("a", 5, ["stop"], usage, cost_usd=float("nan"), metadata={"service_tier": {}})

    answer = await Odd().complete("hi")
    assert (answer.content, answer.model, answer.finish_reason) == ("a", "m", None)
    assert answer.usage == {"prompt_tokens": 2, "completion_tokens": 1}
    assert "service_tier" not in answer.metadata
    assert answer.cost_usd == 0.0


async def test_echo_says_such_a_call_too():
    """What is scripted is looked at like any answer."""
    provider = create_llm_provider("echo")
    provider.set_responses([LLMResponse("", tool_calls=[ToolCall("add", {}, "c", CUT)])])
    with pytest.raises(ServerError, match="called 'add'"):
        await provider.complete("hi")
