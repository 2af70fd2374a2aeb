"""The provider that needs nothing."""

from __future__ import annotations

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
