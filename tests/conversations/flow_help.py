"""Small flows, and a conversation to run them in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

from dknb.conversations import ConversationManager, ConversationStorage, MemoryConversationStorage
from dknb.conversations.flow import ConversationFlow, FlowState, TransitionCondition, always, keyword_condition
from dknb.llm import EchoProvider
from dknb.llm.messages import LLMMessage, LLMResponse, LLMStreamResponse


def state(text: str = "", *ways: tuple[str, TransitionCondition, str], **more: Any) -> FlowState:
    """A state that says ``text`` and goes on as ``ways`` say: name, condition, target."""
    return FlowState(
        template=text or None,
        transitions={name: target for name, _, target in ways},
        transition_conditions={name: condition for name, condition, _ in ways},
        **more,
    )


def support(**more: Any) -> ConversationFlow:
    """Greet, ask until it is solved, say good bye."""
    states = {
        "greet": state("Greet {{customer}}.", ("on", always(), "ask")),
        "ask": state(
            "They say: {{user_input}}",
            ("solved", keyword_condition(["solved"]), "bye"),
            ("again", always(), "ask"),
            waits=True,
        ),
        "bye": state("Say good bye."),
    }
    return ConversationFlow("support", states=states, initial_state="greet", **more)


def line(*names: str, **more: Any) -> ConversationFlow:
    """States in a row, each saying its name."""
    ways = zip(names, [*names[1:], "end"], strict=True)
    states = {name: state(f"I am {name}", ("next", always(), target)) for name, target in ways}
    return ConversationFlow("line", states=states, initial_state=names[0], **more)


async def talk(
    *answers: Any, storage: ConversationStorage | None = None, llm: Any = None, name: str = "talk"
) -> ConversationManager:
    """A conversation whose model answers so, then echoes."""
    model = llm or EchoProvider().set_responses(list(answers))
    return await ConversationManager.create(model, None, storage or MemoryConversationStorage(), conversation_id=name)


def said(manager: ConversationManager) -> list[tuple[str, str | None]]:
    """Text and state of each node on the way to the current one."""
    nodes = [tree.data for tree in manager.state.current.path()][1:]
    return [(node.message.content, node.metadata.get("state")) for node in nodes]


class HangingModel:
    """Says some words, and then nothing more, until it is cancelled."""

    provider = "hanging"
    model = "h-1"

    def __init__(self, *words: str) -> None:
        self.words = words
        self.cancelled = 0
        self.silent = asyncio.Event()

    async def complete(self, messages: Sequence[LLMMessage], **overrides: Any) -> LLMResponse:
        raise AssertionError("a flow streams")

    async def stream_complete(
        self, messages: Sequence[LLMMessage], **overrides: Any
    ) -> AsyncIterator[LLMStreamResponse]:
        for word in self.words:
            yield LLMStreamResponse(delta=word)
        self.silent.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
