"""What is kept and raised of answers that do not come back whole is what may be shown."""

from __future__ import annotations

from typing import Any

import pytest
from conversations_help import ScriptedModel

from dknb.conversations import (
    ContentFilterMiddleware,
    ConversationManager,
    ConversationMiddleware,
    ConversationState,
    MemoryConversationStorage,
    RedactionMiddleware,
    ValidationMiddleware,
)
from dknb.errors import ValidationFailed
from dknb.llm.messages import LLMMessage, LLMResponse
from dknb.llm.parts import ToolCall

MAIL = "alice@example.com"


class Refusing(ConversationMiddleware):
    """Takes no answer."""

    async def process_request(self, messages: list[LLMMessage], state: ConversationState) -> list[LLMMessage]:
        return messages

    async def process_response(self, response: LLMResponse, state: ConversationState) -> LLMResponse:
        raise RuntimeError("no")


class _Rendered:
    def __init__(self, content: str) -> None:
        self.content = content
        self.rag_metadata = None


class Builder:
    def render_user_prompt(self, name: str, **how: Any) -> _Rendered:
        return _Rendered(str(how["params"]["response"]))


async def talk(*middleware: ConversationMiddleware, question: str = f"to {MAIL}", **more: Any) -> ConversationManager:
    model = more.pop("model", None) or ScriptedModel()
    manager = await ConversationManager.create(model, None, MemoryConversationStorage(), middleware=middleware)
    await manager.add_message(content=question)
    return manager


async def ask(manager: ConversationManager, *, stream: bool) -> None:
    if not stream:
        await manager.complete()
        return
    async for _ in manager.stream_complete():
        pass


def answers(manager: ConversationManager) -> list[str]:
    return [
        tree.data.message.content.strip() for tree in manager.state.message_tree.walk() if tree.data.role == "assistant"
    ]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("order", [1, -1])
async def test_no_placeholder_is_left_by_an_error(order: int, stream: bool) -> None:
    """Neither in what is stored nor in the error, wherever the one stands that raises."""
    manager = await talk(*[RedactionMiddleware(), Refusing()][::order])
    with pytest.raises(RuntimeError) as caught:
        await ask(manager, stream=stream)
    assert answers(manager) == [f"re: to {MAIL}"]
    assert caught.value.response.content.strip() == f"re: to {MAIL}"  # type: ignore[attr-defined]


@pytest.mark.parametrize("stream", [False, True])
async def test_no_unfiltered_word_is_left_by_an_error(stream: bool) -> None:
    """The filter's own place does not matter."""
    for order in (1, -1):
        manager = await talk(*[Refusing(), ContentFilterMiddleware(["darn"])][::order], question="darn it")
        with pytest.raises(RuntimeError):
            await ask(manager, stream=stream)
        assert answers(manager) == ["re: [FILTERED] it"]


@pytest.mark.parametrize("order", [1, -1])
async def test_rejected_answers_are_restored(order: int) -> None:
    """Those that were asked for again, and the last one in the error."""
    judge = ValidationMiddleware(ScriptedModel(*["INVALID"] * 2), Builder(), "judge", auto_retry=True, retry_limit=1)
    manager = await talk(*[RedactionMiddleware(), judge][::order])
    with pytest.raises(ValidationFailed) as caught:
        await manager.complete()
    assert answers(manager) == [f"re: to {MAIL}"] * 2
    assert caught.value.response is not None
    assert caught.value.response.content == f"re: to {MAIL}"


async def test_what_is_written_like_a_placeholder_is_restored_once() -> None:
    """On the way of an error too it comes back as it was said."""
    manager = await talk(RedactionMiddleware(), Refusing(), question=f"[EMAIL_1] is {MAIL}")
    with pytest.raises(RuntimeError) as caught:
        await manager.complete()
    assert answers(manager) == [f"re: [EMAIL_1] is {MAIL}"]
    assert caught.value.response.content == f"re: [EMAIL_1] is {MAIL}"  # type: ignore[attr-defined]


async def test_who_asks_again_sends_the_same() -> None:
    """What those behind it did to the messages is not there the second time."""
    judge = ValidationMiddleware(ScriptedModel("INVALID", "VALID"), Builder(), "judge", auto_retry=True)
    manager = await talk(judge, RedactionMiddleware(), model=(model := ScriptedModel()))
    await manager.complete()
    assert [messages[-1].content for messages in model.sent] == ["to [EMAIL_1]"] * 2


async def test_keys_in_the_data_of_tools_come_back() -> None:
    """Out as placeholders, in as they were; also in an answer that an error loses."""
    redaction = RedactionMiddleware()
    manager = await talk(redaction)
    await manager.complete()
    call = LLMResponse("", tool_calls=[ToolCall("mail", {"[EMAIL_1]": {"cc": ["[EMAIL_1]"]}}, id="1")])
    shown = redaction.shown(call, manager.state)
    assert shown.tool_calls[0].arguments == {MAIL: {"cc": [MAIL]}}
    assert call.tool_calls[0].arguments == {"[EMAIL_1]": {"cc": ["[EMAIL_1]"]}}
