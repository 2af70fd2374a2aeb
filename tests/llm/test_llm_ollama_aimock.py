"""Ollama's native API, spoken by the scripted server from npm: chats, tools, streams and faults."""

from __future__ import annotations

import pytest
from llm_aimock import aimock

from dknb.errors import ConnectionFailed, ModelNotFound, RateLimited, ServerError
from dknb.llm import ImagePart, LLMMessage, create_llm_provider

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
ADD = {"name": "add", "description": "Adds.", "parameters": {"type": "object", "properties": {"a": {}, "b": {}}}}
STORY = "Once upon a time there was a model, and it told stories."


def _error(status, kind, **more):
    return {"error": {"message": "as the script says", "type": kind}, "status": status, **more}


def _says(user, response, **more):
    match = {
        "userMessage": user,
        **{name: more.pop(name) for name in ("hasToolResult", "sequenceIndex") if name in more},
    }
    return {"match": match, "response": response, **more}


SCRIPT = [
    {"match": {"model": "llama3.2", "userMessage": "Which model?"}, "response": {"content": "llama3.2"}},
    _says("add 2 and 3", {"toolCalls": [{"name": "add", "arguments": {"a": 2, "b": 3}}]}, hasToolResult=False),
    _says("add 2 and 3", {"content": "The sum is 5."}, hasToolResult=True),
    _says(
        "twice",
        {"toolCalls": [{"name": "add", "arguments": {"a": 1, "b": 1}}, {"name": "add", "arguments": {"a": 2, "b": 2}}]},
    ),
    _says("think", {"content": "Four.", "reasoning": "Two and two make four."}),
    _says("tell a story", {"content": STORY}),
    _says("slowly", {"content": STORY}, latency=100),
    _says("break off", {"content": STORY}, truncateAfterChunks=3, latency=50),
    _says("once busy", _error(429, "rate_limit_error", retryAfter=0), sequenceIndex=0),
    _says("once busy", {"content": "Now."}),
    _says("always busy", _error(429, "rate_limit_error")),
    _says("break down", _error(500, "server_error")),
    _says("What is this?", {"content": "A dot."}),
]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with aimock(tmp_path_factory.mktemp("aimock"), SCRIPT, "-c", "7") as address:
        yield address


@pytest.fixture
async def ollama(server):
    config = {"provider": "ollama", "model": "llama3.2", "api_base": server, "retry_delay": 0.0}
    async with create_llm_provider(config) as provider:
        yield provider


async def test_a_chat(ollama):
    """Text, why it ended, usage, and a price of nothing."""
    answer = await ollama.complete("tell a story")
    assert (answer.content, answer.finish_reason, answer.model) == (STORY, "stop", "llama3.2")
    assert answer.usage.keys() == {"prompt_tokens", "completion_tokens", "total_tokens"}
    assert answer.cost_usd == 0.0


async def test_a_stream_is_the_answer_in_pieces(ollama):
    """As the server cut it, with the usage and the whole at its end."""
    pieces = [piece async for piece in ollama.stream_complete("tell a story")]
    assert [piece.delta for piece in pieces if piece.kind == "text"] == [STORY[n : n + 7] for n in range(0, 56, 7)]
    assert [piece.kind for piece in pieces[-2:]] == ["usage", "end"]
    assert pieces[-1].response.content == STORY


async def test_a_tool_is_called_and_answered(ollama):
    """Its arguments are an object; it has an id that the result refers to, though the server gave none."""
    answer = await ollama.complete("add 2 and 3", tools=[ADD])
    (call,) = answer.tool_calls
    assert (call.name, call.arguments) == ("add", {"a": 2, "b": 3})
    messages = [LLMMessage("user", "add 2 and 3"), answer.to_message(), LLMMessage("tool", "5", tool_call_id=call.id)]
    assert (await ollama.complete(messages, tools=[ADD])).content == "The sum is 5."


async def test_calls_of_one_answer_have_ids_of_their_own(ollama):
    """Streamed, each is a piece, and has the id that it has in the whole answer."""
    pieces = [piece async for piece in ollama.stream_complete("twice", tools=[ADD])]
    told = [piece.tool_call for piece in pieces if piece.kind == "tool_call"]
    assert [(one.index, one.arguments) for one in told] == [(0, '{"a": 1, "b": 1}'), (1, '{"a": 2, "b": 2}')]
    calls = pieces[-1].response.tool_calls
    assert [one.id for one in told] == [call.id for call in calls]
    assert len({call.id for call in calls}) == 2


async def test_thinking_is_apart_from_the_answer(ollama):
    """At once and in a stream."""
    answer = await ollama.complete("think", options={"think": True})
    assert (answer.content, answer.reasoning) == ("Four.", "Two and two make four.")
    pieces = [piece async for piece in ollama.stream_complete("think", options={"think": True})]
    assert "".join(piece.reasoning for piece in pieces if piece.kind == "reasoning") == "Two and two make four."


async def test_an_image_can_be_shown(ollama):
    """Its base64 goes beside the text."""
    message = LLMMessage("user", ["What is this?", ImagePart(data=PNG, media_type="image/png")])
    assert (await ollama.complete([message])).content == "A dot."


async def test_a_text_is_gone_on_with(ollama):
    """In mode text, at once and in a stream."""
    assert (await ollama.complete("tell a story", mode="text")).content == STORY
    pieces = [piece async for piece in ollama.stream_complete("tell a story", mode="text")]
    assert "".join(piece.delta for piece in pieces) == STORY


async def test_a_text_has_a_vector(ollama):
    """The same each time."""
    vector = await ollama.embed("hello")
    assert len(vector) > 1
    assert vector == await ollama.embed("hello")


async def test_its_models_are_listed(ollama):
    """And looked up."""
    assert await ollama.list_models() == ["llama3.2"]
    assert await ollama.validate_model() is True


async def test_a_server_that_is_busy_is_asked_again(ollama):
    """Once is forgiven; always is an error."""
    assert (await ollama.complete("once busy")).content == "Now."
    with pytest.raises(RateLimited, match="as the script says") as caught:
        await ollama.complete("always busy", retry_count=1)
    assert caught.value.status == 429


async def test_a_server_that_breaks_down_is_an_error(ollama):
    """With its status."""
    with pytest.raises(ServerError, match="as the script says"):
        await ollama.complete("break down", retry_count=0)


async def test_a_stream_that_breaks_off_leaves_what_came(ollama):
    """And is not begun again."""
    arrived = []

    async def listen():
        async for piece in ollama.stream_complete("break off"):
            arrived.append(piece.delta)  # noqa: PERF401 - it breaks off

    with pytest.raises(ConnectionFailed) as caught:
        await listen()
    assert "".join(arrived) == caught.value.partial.content == STORY[: 7 * len(arrived)]
    assert arrived


async def test_a_stream_is_not_waited_for_when_it_is_left(ollama):
    """Closing it ends it, though the server has more to say."""
    pieces = ollama.stream_complete("slowly")
    assert (await anext(pieces)).delta == STORY[:7]
    await pieces.aclose()


async def test_what_it_has_no_answer_to_is_not_found(ollama):
    """With the command that gets a model."""
    with pytest.raises(ModelNotFound) as caught:
        await ollama.complete("what no script knows")
    assert "ollama pull llama3.2" in caught.value.hint
