"""Middleware: order, copies, and the two that ship."""

from __future__ import annotations

import logging

import pytest
from conversations_help import ScriptedModel

from dknb.conversations import (
    ConversationManager,
    ConversationMiddleware,
    ConversationState,
    LoggingMiddleware,
    MemoryConversationStorage,
    MetadataMiddleware,
)
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


async def test_an_error_on_the_way_out_stops_the_call(model: ScriptedModel) -> None:
    """Nothing is sent, nothing added."""

    class Closed(Marking):
        async def process_request(self, messages: list[LLMMessage], state: ConversationState) -> list[LLMMessage]:
            raise PermissionError("closed")

    manager = await talk(model, Closed(""))
    with pytest.raises(PermissionError):
        await manager.complete()
    assert (model.sent, manager.current_node_id) == ([], "0")
    assert await manager.storage.list_calls() == []


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
