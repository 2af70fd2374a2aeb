"""Middleware: order, copies, and the two that ship."""

from __future__ import annotations

import logging
import pickle

import pytest
from conversations_help import ScriptedModel

from dknb.conversations import (
    CacheMiddleware,
    ContentFilterMiddleware,
    ConversationManager,
    ConversationMiddleware,
    ConversationState,
    LoggingMiddleware,
    MemoryConversationStorage,
    MetadataMiddleware,
    RedactionMiddleware,
)
from dknb.errors import MiddlewareError, ServerError
from dknb.llm.messages import LLMMessage, LLMResponse


class Marking(ConversationMiddleware):
    """Adds its name to the last message and to the answer."""

    def __init__(self, name: str) -> None:
        self.name = name

    async def process_request(self, messages: list[LLMMessage], state: ConversationState) -> list[LLMMessage]:
        messages[-1].content += self.name
        messages[-1].metadata["seen"] = self.name
        return messages

    async def process_response(self, response: LLMResponse, state: ConversationState) -> LLMResponse:
        response.content += self.name
        return response


async def talk(model: ScriptedModel, *middleware: ConversationMiddleware) -> ConversationManager:
    storage = MemoryConversationStorage()
    manager = await ConversationManager.create(model, None, storage, middleware=middleware, conversation_id="talk")
    await manager.add_message(content="?")
    return manager


@pytest.mark.parametrize("stream", [False, True])
async def test_requests_in_order_responses_in_reverse(stream: bool) -> None:
    """The first in the list sees the request first and the response last; what it makes of it is stored."""
    model = ScriptedModel("x")
    manager = await talk(model, Marking("A"), Marking("B"))
    if stream:
        response = [piece async for piece in manager.stream_complete()][-1].response
        assert response is not None
    else:
        response = await manager.complete()
    assert model.sent[0][0].content == "?AB"
    assert response.content.replace(" ", "") == "xBA"
    assert manager.state.current.data.message.content == response.content


async def test_they_see_copies(model: ScriptedModel) -> None:
    """What a middleware does to a message changes nothing in the conversation."""
    manager = await talk(model, Marking("A"))
    await manager.complete()
    question = manager.state.message_tree.children[0].data.message
    assert (question.content, question.metadata) == ("?", {})


class Failing(Marking):
    """Raises on the way out, or on the way back."""

    def __init__(self, error: Exception, *, back: bool = False) -> None:
        super().__init__("")
        self.error, self.back = error, back

    async def process_request(self, messages: list[LLMMessage], state: ConversationState) -> list[LLMMessage]:
        if not self.back:
            raise self.error
        return messages

    async def process_response(self, response: LLMResponse, state: ConversationState) -> LLMResponse:
        raise self.error


async def ask(manager: ConversationManager, *, stream: bool) -> LLMResponse:
    if not stream:
        return await manager.complete()
    response = [piece async for piece in manager.stream_complete()][-1].response
    assert response is not None
    return response


async def show(manager: ConversationManager, shown: list[str]) -> None:
    async for piece in manager.stream_complete():
        shown += [piece.delta]


@pytest.mark.parametrize("stream", [False, True])
async def test_an_error_on_the_way_out_stops_the_call(model: ScriptedModel, stream: bool) -> None:
    """Nothing is sent, nothing added; the error names the middleware, and still is of its own class."""
    manager = await talk(model, Marking("A"), Failing(PermissionError("closed")))
    with pytest.raises(PermissionError) as caught:
        await ask(manager, stream=stream)
    error = caught.value
    assert isinstance(error, MiddlewareError)
    assert str(error) == "Failing (middleware 2 of 2) raised PermissionError on the way to the model: closed."
    assert (error.middleware, error.response) == ("Failing", None)
    assert type(error.__cause__) is PermissionError
    assert (model.sent, manager.current_node_id) == ([], "0")
    assert await manager.storage.list_calls() == []


@pytest.mark.parametrize("stream", [False, True])
async def test_an_error_on_the_way_back_loses_no_answer(stream: bool) -> None:
    """What was paid for is stored as the model gave it, with its price, and is in the error."""
    manager = await talk(ScriptedModel("x"), Failing(ValueError("no"), back=True), Marking("B"))
    with pytest.raises(
        ValueError, match=r"Failing \(middleware 1 of 2\) raised ValueError on the way back: no."
    ) as caught:
        await ask(manager, stream=stream)
    assert isinstance(caught.value, MiddlewareError)
    assert caught.value.response.content.strip() == "x"  # type: ignore[attr-defined]
    node = manager.state.current.data
    assert (node.message.content.strip(), node.state, node.metadata["cost_usd"]) == ("x", "complete", 0.25)
    assert [call.outcome for call in await manager.storage.list_calls()] == ["complete"]


async def test_an_error_of_the_model_is_its_own() -> None:
    """It is no middleware's, however many it passes."""
    manager = await talk(ScriptedModel(ServerError("down")), Marking("A"), Marking("B"))
    with pytest.raises(ServerError) as caught:
        await manager.complete()
    assert type(caught.value) is ServerError


async def test_an_error_can_be_copied() -> None:
    """As a plain one that says the same."""
    manager = await talk(ScriptedModel(), Failing(UnicodeDecodeError("utf-8", b"x", 0, 1, "bad")))
    with pytest.raises(UnicodeDecodeError) as caught:
        await manager.complete()
    twin = pickle.loads(pickle.dumps(caught.value))
    assert (type(twin), str(twin), twin.middleware) == (MiddlewareError, str(caught.value), "Failing")


@pytest.mark.parametrize("stream", [False, True])
async def test_what_is_no_answer_is_refused(stream: bool) -> None:
    """A middleware that forgets to return is told so by name."""

    class Forgets(Marking):
        async def process_response(self, response: LLMResponse, state: ConversationState) -> LLMResponse:
            return None  # type: ignore[return-value]

    manager = await talk(ScriptedModel("x"), Forgets(""))
    with pytest.raises(MiddlewareError, match=r"Forgets .* process_response returned None, not an LLMResponse"):
        await ask(manager, stream=stream)


async def test_a_stream_that_breaks_is_kept() -> None:
    """What had arrived is stored, with middleware around it too."""
    model = ScriptedModel("one two three")
    model.cut_after = 2
    manager = await talk(model, Marking("A"), ContentFilterMiddleware(["two"]))
    shown: list[str] = []
    with pytest.raises(ServerError):
        await show(manager, shown)
    node = manager.state.current.data
    assert ("".join(shown), node.message.content, node.state) == ("one [FILTERED] ", "one [FILTERED] ", "incomplete")


async def test_the_order_is_visible(model: ScriptedModel) -> None:
    """In the manager's repr, with the settings of each."""
    manager = await talk(model, LoggingMiddleware(), CacheMiddleware(max_age=60), RedactionMiddleware({"id": "x"}))
    assert repr(manager) == (
        "<ConversationManager 'talk' on 'main' through [LoggingMiddleware(), CacheMiddleware(MemoryAnswers, max_age=60), "
        "RedactionMiddleware(ID, KEY, EMAIL)]>"
    )


async def test_logging_tells_how_much_and_not_what(caplog: pytest.LogCaptureFixture) -> None:
    """The conversation's id, the number of messages, the model and the usage are logged; no text is."""
    manager = await talk(ScriptedModel("the secret is 42"), LoggingMiddleware())
    with caplog.at_level(logging.INFO, "dknb.conversations"):
        await manager.complete()
    assert "conversation talk: sending 1 messages" in caplog.text
    assert "s-1 answered with 16 characters, finish reason stop" in caplog.text
    assert "secret" not in caplog.text


async def test_metadata_is_added_to_what_passes(model: ScriptedModel) -> None:
    """To each message sent and to the stored answer; a function's keys win."""
    middleware = MetadataMiddleware(
        request_metadata={"env": "test", "id": "-"},
        response_metadata={"version": 1},
        request_metadata_fn=lambda state: {"id": state.conversation_id},
        response_metadata_fn=lambda state: {"nodes": len(state.stored)},
    )
    manager = await talk(model, middleware)
    await manager.complete()
    assert model.sent[0][0].metadata == {"env": "test", "id": "talk"}
    metadata = manager.state.current.data.metadata
    assert (metadata["version"], metadata["nodes"], metadata["model"]) == (1, 2, "s-1")


async def test_metadata_may_come_from_functions_of_nothing(model: ScriptedModel) -> None:
    """A function that takes no state is called without."""
    manager = await talk(model, MetadataMiddleware(response_metadata_fn=lambda: {"version": 2}))
    assert (await manager.complete()).metadata["version"] == 2
