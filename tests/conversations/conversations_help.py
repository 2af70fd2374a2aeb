"""A model that does what it is told, and trees to try things on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

from dknb.conversations import ConversationNode, ConversationState, ConversationStorage, Tree
from dknb.errors import ServerError
from dknb.llm.messages import LLMMessage, LLMResponse, LLMStreamResponse


class ScriptedModel:
    """Answers with the script, one item a call, then with ``re: `` and the last message; an exception is raised.

    Streams go word by word; ``cut_after`` words the connection breaks, and ``gate`` holds each call until it is set.
    """

    provider = "scripted"
    model = "s-1"

    def __init__(self, *script: str | BaseException) -> None:
        self.script = list(script)
        self.sent: list[list[LLMMessage]] = []
        self.overrides: list[dict[str, Any]] = []
        self.cut_after: int | None = None
        self.gate: asyncio.Event | None = None
        self.closed = 0

    async def _answer(self, messages: Sequence[LLMMessage], overrides: dict[str, Any]) -> str:
        self.sent.append(list(messages))
        self.overrides.append(overrides)
        said = self.script.pop(0) if self.script else f"re: {messages[-1].content}"
        if self.gate is not None:
            await self.gate.wait()
        if isinstance(said, BaseException):
            raise said
        return said

    async def complete(self, messages: Sequence[LLMMessage], **overrides: Any) -> LLMResponse:
        return answer(await self._answer(messages, overrides))

    async def stream_complete(
        self, messages: Sequence[LLMMessage], **overrides: Any
    ) -> AsyncIterator[LLMStreamResponse]:
        text = await self._answer(messages, overrides)
        words = [word + " " for word in text.split(" ")]
        try:
            for number, word in enumerate(words):
                if number == self.cut_after:
                    raise ServerError("the connection broke", provider="scripted", hint="ask again")
                yield LLMStreamResponse(delta=word)
            yield LLMStreamResponse(is_final=True, response=answer("".join(words)))
        finally:
            self.closed += 1


def answer(text: str) -> LLMResponse:
    return LLMResponse(
        text,
        model="s-1",
        finish_reason="stop",
        usage={"prompt_tokens": 3, "completion_tokens": len(text.split()), "total_tokens": 3 + len(text.split())},
        cost_usd=0.25,
        metadata={"provider": "scripted", "duration_s": 1.5},
    )


def texts(tree: Tree[ConversationNode]) -> Any:
    """What is said below a node: a dict from ``role: text`` to what is below that."""
    return {f"{child.data.role}: {child.data.message.content}": texts(child) for child in tree.children}


def chain(length: int) -> Tree[ConversationNode]:
    """The end of a chain of ``length`` messages below an empty root."""
    tip = Tree(ConversationNode(LLMMessage("system", "")))
    for number in range(length):
        tip = tip.add_child(ConversationNode(LLMMessage("assistant" if number % 2 else "user", f"m{number}")))
    return tip


def user(text: str, **more: Any) -> ConversationNode:
    return ConversationNode(LLMMessage("user", text), **more)


async def stored(storage: ConversationStorage, name: str = "c", length: int = 2) -> ConversationState:
    """A conversation of ``length`` messages in a row, in the store; one is at its end, on ``main``."""
    tip = chain(length)
    state = ConversationState(name, tip.root, metadata={"topic": "tests"})
    state.move(tip, "main")
    await storage.create_conversation(state)
    return state


async def loaded(storage: ConversationStorage, name: str = "c") -> ConversationState:
    state = await storage.load_conversation(name)
    assert state is not None
    return state
