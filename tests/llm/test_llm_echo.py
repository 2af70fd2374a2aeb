"""The provider that needs nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence

import pytest

from dknb.errors import ConfigError, RateLimited
from dknb.llm import EchoProvider, LLMMessage, LLMResponse, ToolCall, create_llm_provider


def echo(**options):
    return create_llm_provider({"provider": "echo", "model": "m", "options": options})


async def test_the_last_user_message_comes_back():
    """Later messages of others do not count."""
    messages = [LLMMessage("user", "one"), LLMMessage("user", "two"), LLMMessage("assistant", "three")]
    assert (await echo().complete(messages)).content == "Echo: two"
    assert (await echo(echo_prefix="> ").complete("hi")).content == "> hi"


async def test_a_response_is_complete():
    """Usage, finish reason, model, price and provider are told, as with any provider."""
    response = await echo().complete("12345678")
    assert response.usage == {"prompt_tokens": 2, "completion_tokens": 4, "total_tokens": 6}
    assert (response.finish_reason, response.model, response.cost_usd) == ("stop", "m", 0.0)
    assert response.metadata["provider"] == "echo"
    assert response.metadata["duration_s"] >= 0


async def test_the_same_input_gives_the_same_output():
    """Texts and vectors do not depend on the object or on what was asked before."""
    first, second = echo(), echo()
    await second.complete("something else")
    assert (await first.complete("hi")).content == (await second.complete("hi")).content
    assert await first.embed("some text") == await second.embed("some text")


async def test_the_system_prompt_is_echoed_when_asked_for():
    """Whether it is a message or a setting."""
    messages = [LLMMessage("system", "Be kind."), LLMMessage("user", "hi")]
    assert (await echo(echo_system=True).complete(messages)).content == "[System: Be kind.]\nEcho: hi"
    provider = create_llm_provider(
        {"provider": "echo", "model": "m", "system_prompt": "Be brief.", "options": {"echo_system": True}}
    )
    assert (await provider.complete("hi")).content == "[System: Be brief.]\nEcho: hi"


@pytest.mark.parametrize("text", ["", " ", "one", " one  two\n\nthree ", "ein 🙂 zwei"])
async def test_a_stream_adds_up_to_the_answer(text):
    """Word by word, with all white space, and a last piece with the whole answer."""
    pieces = [piece async for piece in echo().stream_complete(text)]
    assert "".join(piece.delta for piece in pieces) == f"Echo: {text}"
    assert pieces[-1].is_final
    assert pieces[-1].response.content == f"Echo: {text}"
    assert pieces[-1].usage == pieces[-1].response.usage


async def test_scripts_are_asked_in_order():
    """The function before the patterns before the queue before the echo."""
    provider = echo()
    provider.set_responses(["queued"])
    provider.add_pattern_response(r"b[ao]t", "matched")
    assert (await provider.complete("a BAT")).content == "matched"
    assert (await provider.complete("a cat")).content == "queued"
    assert (await provider.complete("a cat")).content == "Echo: a cat"
    provider.set_response_function(lambda messages: f"{len(messages)} messages")
    assert (await provider.complete("a bat")).content == "1 messages"
    provider.set_response_function(None)
    assert (await provider.complete("a bat")).content == "matched"


async def test_a_response_function_may_be_async():
    """What it returns is awaited."""

    async def answer(messages):
        return messages[-1].content.upper()

    assert (await echo().set_response_function(answer).complete("hi")).content == "HI"


async def test_whole_responses_and_errors_can_be_scripted():
    """A response keeps what it says, and is not changed; an error is raised, and may be tried again."""
    scripted = LLMResponse("done", finish_reason="tool_calls", tool_calls=[ToolCall("add", {"a": 1})])
    response = await echo().set_responses([scripted]).complete("hi")
    assert (response.tool_calls, response.finish_reason) == (scripted.tool_calls, "tool_calls")
    assert scripted.metadata == {}
    config = {"provider": "echo", "model": "m", "retry_delay": 0.0}
    provider = create_llm_provider(config).set_responses([RateLimited("slow down", status=429), "done"])
    assert (await provider.complete("hi")).content == "done"


TOOL = {
    "name": "weather",
    "description": "The weather",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}, "days": {"type": "integer"}, "unit": {"enum": ["C", "F"]}},
    },
}


async def test_function_call_calls_the_first_function():
    """With arguments of the right types; also in the old single form."""
    response = await echo().function_call("hi", [TOOL])
    assert response.tool_calls[0].arguments == {"city": "city", "days": 1, "unit": "C"}
    assert response.function_call == {"name": "weather", "arguments": '{"city": "city", "days": 1, "unit": "C"}'}
    assert response.finish_reason == "tool_calls"


async def test_tools_are_only_called_on_demand():
    """Echo answers in words until a tool is required, or named."""
    other = {"type": "function", "function": {"name": "other", "parameters": {}}}
    assert (await echo().complete("hi", tools=[TOOL])).content == "Echo: hi"
    response = await echo().complete("hi", tools=[TOOL, other], tool_choice="other")
    assert response.tool_calls[0].name == "other"


async def test_vectors_have_a_size_and_length_one():
    """A text gives a vector, a list gives a list in its order; texts that share words are near each other."""
    provider = echo(embedding_dim=64)
    one = await provider.embed("the cat sat")
    assert len(one) == 64
    assert sum(value * value for value in one) == pytest.approx(1.0)
    assert await provider.embed(["a", "the cat sat"]) == [await provider.embed("a"), one]
    assert await provider.embed([]) == []
    assert len(await echo().embed("x")) == 768
    near, far = await echo().embed(["the cat ate", "quarterly figures rose"])
    full = await echo().embed("the cat sat")
    assert sum(map(float.__mul__, full, near)) > sum(map(float.__mul__, full, far))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"echo_prefx": ""}, "Did you mean 'echo_prefix'"),
        ({"embedding_dim": "768"}, "embedding_dim cannot be '768'"),
        ({"stream_delay": -1}, "stream_delay"),
    ],
)
def test_a_wrong_option_is_refused(options, message):
    """The error names the option."""
    with pytest.raises(ConfigError, match=message):
        echo(**options)


class Lazy(Sequence):
    """A history that can be read from its end, and counted, but not walked from the front."""

    def __init__(self, *messages):
        self.messages = messages
        self.folded = []

    def __len__(self):
        return 10**9

    def __getitem__(self, index):
        raise AssertionError("the history was read from the front")

    __iter__ = None

    def __reversed__(self):
        yield from reversed(self.messages)

    def fold(self, name, function):
        self.folded.append(name)
        return sum(map(function, self.messages))


async def test_a_long_history_is_only_read_from_its_end():
    """A lazy history is neither copied nor walked, and its tokens are counted by its own running sum."""
    history = Lazy(LLMMessage("user", "1234"), LLMMessage("assistant", "5678"))
    response = await echo().complete(history)
    assert response.content == "Echo: 1234"
    assert response.usage["prompt_tokens"] == 2
    assert history.folded == ["echo-tokens"]


def test_echo_needs_no_config():
    """It can be made as it is."""
    assert EchoProvider().config.spec == "echo/echo"


# Tools, structure and scripts


async def test_a_required_tool_is_called_in_mode_function():
    """With the functions of the config, and nothing else said."""
    provider = create_llm_provider({"provider": "echo", "model": "m", "mode": "function", "functions": [TOOL]})
    response = await provider.complete("hi")
    assert [call.name for call in response.tool_calls] == ["weather"]


async def test_a_demanded_structure_is_kept():
    """Values are made up from the schema, the same each time; plain JSON holds the echo."""
    schema = {"type": "object", "properties": {"city": {"type": "string"}, "rank": {"type": "integer"}}}
    wanted = {"type": "json_schema", "json_schema": {"name": "city", "schema": schema}}
    response = await echo().complete("hi", response_format=wanted)
    assert json.loads(response.content) == {"city": "city", "rank": 1}
    assert json.loads((await echo().complete("hi", response_format="json")).content) == {"echo": "Echo: hi"}


async def test_a_scripted_text_wins_over_a_structure():
    """So that a test can answer what does not fit."""
    provider = echo().set_responses(['{"city": "Paris"}'])
    response = await provider.complete("hi", response_format="json")
    assert response.content == '{"city": "Paris"}'


async def test_a_response_can_be_scripted_as_data():
    """As its ``to_dict`` gives it, from the queue, a pattern or a function; unknown fields are named."""
    data = LLMResponse("", tool_calls=[ToolCall("add", {"a": 1}, id="c1")]).to_dict()
    response = await echo().set_responses([data]).complete("hi")
    assert (response.tool_calls, response.finish_reason) == ([ToolCall("add", {"a": 1}, id="c1")], "tool_calls")
    assert (await echo().add_pattern_response("hi", {"content": "data"}).complete("hi")).content == "data"
    assert (await echo().set_response_function(lambda _: {"content": "data"}).complete("hi")).content == "data"
    with pytest.raises(ConfigError, match=r"no field 'contents'\. Did you mean 'content'"):
        echo().set_responses([{"contents": "x"}])


@pytest.mark.parametrize("replies", ["one text", {"content": "x"}, [7]])
def test_what_cannot_be_said_is_refused(replies):
    """A text is not a list of texts."""
    with pytest.raises(ConfigError, match=r"takes a list|cannot say 7"):
        echo().set_responses(replies)


async def test_a_scripted_answer_streams_with_all_it_has():
    """Thoughts, words, calls with their arguments, counts, end; and a repeated stream is the same."""
    call = ToolCall("add", {"a": 1}, id="c1")
    scripted = LLMResponse("two words", reasoning="Hm.", tool_calls=[call])
    provider = echo().set_responses([scripted, scripted])
    for _ in range(2):
        pieces = [piece async for piece in provider.stream_complete("hi")]
        assert [piece.kind for piece in pieces] == ["reasoning", "text", "text", "tool_call", "usage", "end"]
        assert (pieces[0].reasoning, pieces[3].tool_call.arguments) == ("Hm.", '{"a": 1}')
        assert pieces[-1].response.tool_calls == [call]


async def test_a_scripted_error_says_whose_it_is():
    """As an error of a vendor would."""
    provider = create_llm_provider({"provider": "echo", "model": "m", "retry_count": 0})
    with pytest.raises(RateLimited) as caught:
        await provider.set_responses([RateLimited("slow down")]).complete("hi")
    assert (caught.value.provider, caught.value.model) == ("echo", "m")


async def test_a_delay_comes_before_each_piece(monkeypatch):
    """Of words, as long as it was told; the stream loses nothing."""
    slept = []

    async def sleep(seconds):
        slept.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    pieces = [piece async for piece in echo(stream_delay=0.01).stream_complete("a b c")]
    assert "".join(piece.delta for piece in pieces) == "Echo: a b c"
    assert slept == [0.01] * 4
