"""What every provider makes of a call: its settings and prompts, what comes back, and when it is open."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest
from llm_scripted import Scripted, streamed

from dknb.errors import ConfigError
from dknb.llm import LLMMessage

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
    functions = [{"name": "add", "parameters": {}}]
    provider = Scripted("a", "b", "c", functions=functions, function_call={"name": "add"})
    await provider.complete("hi")
    await provider.complete("hi", tools=[{"name": "other", "parameters": {}}], tool_choice="auto")
    await provider.complete("hi", tools=[])
    assert [(list(one.tools), one.tool_choice) for one in provider.requests] == [
        (functions, "add"),
        ([{"name": "other", "parameters": {}}], "auto"),
        ([], None),
    ]


async def test_modes_say_what_the_object_is_for():
    """EMBEDDING refuses to complete; FUNCTION demands a call of a tool."""
    with pytest.raises(ConfigError, match="mode 'embedding'"):
        await Scripted("a", mode="embedding").complete("hi")
    provider = Scripted("a", mode="function", functions=[{"name": "add", "parameters": {}}])
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
    response = await Scripted("a").function_call("hi", [{"name": "add", "parameters": {}}])
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


async def test_lifecycle_calls_are_coroutines(recwarn):
    """A task can be made of them; a provider that is used without them leaves nothing behind."""
    provider = Scripted("a")
    assert await asyncio.create_task(provider.initialize()) is None
    assert await asyncio.create_task(provider.validate_model()) is True
    assert await asyncio.create_task(provider.close()) is None
    async with provider as same:
        assert same is provider
    assert not recwarn.list


@pytest.mark.parametrize("message", [LLMMessage("usr", "hi"), {"role": "usr", "content": "hi"}])
async def test_a_role_that_no_api_knows_is_refused(message):
    """With the nearest that there is, and before anything is sent; making the message is no error."""
    provider = Scripted("a")
    with pytest.raises(ConfigError, match=r"A message has the role 'usr'. Did you mean 'user'?"):
        await provider.complete([message])
    assert provider.requests == []


async def test_what_is_no_message_is_refused():
    """A text amid messages says not whose it is; a message's plain data alone is one message."""
    with pytest.raises(ConfigError, match="'hi' is no message"):
        await Scripted("a").complete(["hi"])
    assert (await Scripted("a").complete({"role": "user", "content": "hi"})).content == "a"
