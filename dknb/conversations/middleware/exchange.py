"""One turn's way through the middleware to the model, and back."""

from __future__ import annotations

import copy
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from ...errors import ConversationError
from ...llm.calls.telemetry import Label, labelled
from ...llm.messages import LLMMessage, LLMResponse, LLMStreamResponse
from ..state import ConversationState
from ..turns import Arrived, ChatModel, closable
from .base import ConversationMiddleware, Outgoing
from .faults import named

__all__ = ["Exchange"]

Pieces = AsyncGenerator[LLMStreamResponse, None]


@dataclass(slots=True)
class Exchange:
    """What is asked, and what came of it: of what was paid for nothing is lost, whatever the middleware does.

    Attributes:
        middleware: What it passes, in this order on the way out.
        llm: The provider that answers.
        state: The conversation.
        settings: Settings of the provider for this call.
        labels: What telemetry says of the call.
        asked: Whether the model was asked at all.
        answer: What the model answered, as it gave it; the last time, if it was asked again.
        rejected: What it answered before, when it was asked again.
        arrived: What has come of an answer that streams, as the model gave it.
    """

    middleware: Sequence[ConversationMiddleware]
    llm: ChatModel
    state: ConversationState
    settings: Mapping[str, Any] = field(default_factory=dict)
    labels: Mapping[str, Label | None] = field(default_factory=dict)
    asked: bool = False
    answer: LLMResponse | None = None
    rejected: list[LLMResponse] = field(default_factory=list)
    arrived: Arrived = field(default_factory=Arrived)

    async def complete(self, history: Sequence[LLMMessage]) -> LLMResponse:
        """The answer, as the middleware leaves it."""
        if not self.middleware:
            return await self._call(history, self.settings)
        final: LLMResponse | None = None
        async with aclosing(self._through(0, self._outgoing(history), stream=False)) as pieces:
            async for piece in pieces:
                final = piece.response or final
        if final is None:
            raise ConversationError("The middleware let no answer pass.", hint="`converse` must give a last piece")
        return final

    async def stream(self, history: Sequence[LLMMessage]) -> Pieces:
        """The answer in pieces, as the middleware leaves them; the last has it whole."""
        if not self.middleware:
            pieces = self._pieces(history, self.settings)
        else:
            pieces = self._through(0, self._outgoing(history), stream=True)
        async with aclosing(pieces):
            async for piece in pieces:
                yield piece

    def partial(self) -> LLMResponse:
        """What there is of an answer that streams, its text as it is shown, the held back end included."""
        response = self.arrived.response()
        for one in reversed(self.middleware):
            text, thought = one.text_filter(self.state), one.text_filter(self.state)
            if text is not None and thought is not None:
                response.content = text.feed(response.content) + text.finish()
                response.reasoning = (thought.feed(response.reasoning or "") + thought.finish()) or None
        return response

    def _outgoing(self, history: Sequence[LLMMessage]) -> Outgoing:
        messages = [_copied(message) for message in history]
        return Outgoing(messages, self.state, self.llm, dict(self.settings))

    def _through(self, place: int, request: Outgoing, *, stream: bool) -> Pieces:
        """The way from the middleware at ``place`` on."""
        if place == len(self.middleware):
            return self._model(request, stream=stream)
        return self._around(place, request, stream=stream)

    async def _around(self, place: int, request: Outgoing, *, stream: bool) -> Pieces:
        one = self.middleware[place]
        from_within: list[BaseException] = []

        def ask(onward: Outgoing) -> Pieces:
            return _noted(self._through(place + 1, onward, stream=stream), from_within)

        try:
            async with aclosing(one.converse(request, ask)) as pieces:
                async for piece in pieces:
                    yield piece
        except Exception as error:
            if any(error is each for each in from_within):
                raise
            raise named(error, one, f"{place + 1} of {len(self.middleware)}", self.answer) from error

    async def _model(self, request: Outgoing, *, stream: bool) -> Pieces:
        """The model's answer; what it is given is a copy, for the middleware to change."""
        if not stream:
            response = await self._call(request.messages, request.settings)
            yield LLMStreamResponse(is_final=True, response=copy.deepcopy(response))
            return
        async with aclosing(self._pieces(request.messages, request.settings)) as pieces:
            async for piece in pieces:
                if piece.response is not None:
                    piece.response = copy.deepcopy(piece.response)
                yield piece

    async def _call(self, messages: Sequence[LLMMessage], settings: Mapping[str, Any]) -> LLMResponse:
        self._ask_again()
        with labelled(**self.labels):
            self.answer = await self.llm.complete(messages, **settings)
        return self.answer

    async def _pieces(self, messages: Sequence[LLMMessage], settings: Mapping[str, Any]) -> Pieces:
        self._ask_again()
        pieces = self.llm.stream_complete(messages, **settings)
        async with aclosing(closable(pieces, self.labels)) as closed:
            async for piece in closed:
                self.arrived.add(piece)
                if piece.is_final:
                    self.answer = piece.response or self.arrived.response()
                    piece.response = self.answer
                yield piece
                if piece.is_final:
                    return

    def _ask_again(self) -> None:
        self.asked = True
        self.arrived = Arrived()
        if self.answer is not None:
            self.rejected.append(self.answer)
            self.answer = None


async def _noted(pieces: Pieces, errors: list[BaseException]) -> Pieces:
    """``pieces``; what they raise is noted in ``errors``."""
    try:
        async with aclosing(pieces):
            async for piece in pieces:
                yield piece
    except BaseException as error:
        errors.append(error)
        raise


def _copied(message: LLMMessage) -> LLMMessage:
    twin = copy.copy(message)
    # Most messages are text alone: copying what is empty would be most of the work.
    twin.metadata = copy.deepcopy(message.metadata) if message.metadata else {}
    twin.tool_calls = copy.deepcopy(message.tool_calls) if message.tool_calls else []
    twin.parts = copy.deepcopy(message.parts) if message.parts else []
    twin.function_call = copy.deepcopy(message.function_call)
    return twin
