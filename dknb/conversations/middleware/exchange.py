"""One turn's way through the middleware to the model, and back."""

from __future__ import annotations

import copy
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any

from ...errors import ConversationError
from ...llm.calls.telemetry import Label, labelled
from ...llm.messages import LLMMessage, LLMResponse, LLMStreamResponse
from ..ledger import CallRecord
from ..state import ConversationState
from ..turns import Arrived, ChatModel, closable
from .base import ConversationMiddleware, Outgoing
from .copies import Copies, sent
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
        given: What the model answered, as it gave it; each time, if it was asked again.
        is_answered: Whether the last of them is the answer to the last call.
        arrived: What has come of an answer that streams, as the model gave it.
        others: Rows of calls that the middleware made of other models.
    """

    middleware: Sequence[ConversationMiddleware]
    llm: ChatModel
    state: ConversationState
    settings: Mapping[str, Any] = field(default_factory=dict)
    labels: Mapping[str, Label | None] = field(default_factory=dict)
    asked: bool = False
    given: list[LLMResponse] = field(default_factory=list)
    is_answered: bool = False
    arrived: Arrived = field(default_factory=Arrived)
    others: list[CallRecord] = field(default_factory=list)

    @property
    def answer(self) -> LLMResponse | None:
        """What the model answered, the last time, as it may be shown: its text passed through all filters."""
        return self._shown(self.given[-1]) if self.is_answered else None

    @property
    def rejected(self) -> list[LLMResponse]:
        """What it answered before, when it was asked again, as it may be shown."""
        return [self._shown(response) for response in (self.given[:-1] if self.is_answered else self.given)]

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
        return self._shown(self.arrived.response())

    def _shown(self, response: LLMResponse, place: int = 0) -> LLMResponse:
        """The response with its text as the middleware from ``place`` on shows it."""
        for one in reversed(self.middleware[place:]):
            response = one.shown(response, self.state)
        return response

    def _outgoing(self, history: Sequence[LLMMessage]) -> Outgoing:
        return Outgoing(Copies(history), self.state, self.llm, dict(self.settings), book=self.others.append)

    def _through(self, place: int, request: Outgoing, *, stream: bool) -> Pieces:
        """The way from the middleware at ``place`` on."""
        if place == len(self.middleware):
            return self._calling(0, request, stream=stream)
        return self._around(place, request, stream=stream)

    async def _around(self, place: int, request: Outgoing, *, stream: bool) -> Pieces:
        one = self.middleware[place]
        from_within: list[BaseException] = []

        def ask(onward: Outgoing) -> Pieces:
            return _noted(self._through(place + 1, onward, stream=stream), from_within)

        # A list of its own: what it does to it is not there any more when somebody before it asks again.
        request = replace(request, messages=Copies(request.messages))
        try:
            async with aclosing(one.converse(request, ask)) as pieces:
                async for piece in pieces:
                    yield piece
        except Exception as error:
            if any(error is each for each in from_within):
                self._show_in(error, one)
                raise
            raise self._named(error, place, place) from error

    def _calling(self, place: int, request: Outgoing, *, stream: bool) -> Pieces:
        """The call itself, inside `around_call` of the middleware from ``place`` on."""
        if place == len(self.middleware):
            return self._model(request, stream=stream)
        return self._around_call(place, request, stream=stream)

    async def _around_call(self, place: int, request: Outgoing, *, stream: bool) -> Pieces:
        from_within: list[BaseException] = []

        def ask(onward: Outgoing) -> Pieces:
            return _noted(self._calling(place + 1, onward, stream=stream), from_within)

        try:
            async with aclosing(self.middleware[place].around_call(request, ask)) as pieces:
                async for piece in pieces:
                    yield piece
        except Exception as error:
            if any(error is each for each in from_within):
                raise
            raise self._named(error, place, len(self.middleware)) from error

    def _named(self, error: Exception, place: int, shown_from: int) -> Exception:
        """The error that names the middleware at ``place``; its answer has passed the filters from ``shown_from`` on."""
        answer = self._shown(self.given[-1], shown_from) if self.is_answered else None
        return named(error, self.middleware[place], f"{place + 1} of {len(self.middleware)}", answer)

    def _show_in(self, error: Exception, one: ConversationMiddleware) -> None:
        """Pass the answer that an error from within brings along through ``one``."""
        shown: dict[int, LLMResponse] = {}
        for name in ("response", "partial"):
            brought = vars(error).get(name)
            if isinstance(brought, LLMResponse):
                if id(brought) not in shown:
                    shown[id(brought)] = one.shown(brought, self.state)
                setattr(error, name, shown[id(brought)])

    async def _model(self, request: Outgoing, *, stream: bool) -> Pieces:
        """The model's answer; what it is given is a copy, for the middleware to change."""
        if not stream:
            response = await self._call(sent(request.messages), request.settings)
            yield LLMStreamResponse(is_final=True, response=copy.deepcopy(response))
            return
        async with aclosing(self._pieces(sent(request.messages), request.settings)) as pieces:
            async for piece in pieces:
                if piece.response is not None:
                    piece.response = copy.deepcopy(piece.response)
                yield piece

    async def _call(self, messages: Sequence[LLMMessage], settings: Mapping[str, Any]) -> LLMResponse:
        self._ask_again()
        with labelled(**self.labels):
            return self._answered(await self.llm.complete(messages, **settings))

    async def _pieces(self, messages: Sequence[LLMMessage], settings: Mapping[str, Any]) -> Pieces:
        self._ask_again()
        pieces = self.llm.stream_complete(messages, **settings)
        async with aclosing(closable(pieces, self.labels)) as closed:
            async for piece in closed:
                self.arrived.add(piece)
                if piece.is_final:
                    piece.response = self._answered(piece.response or self.arrived.response())
                yield piece
                if piece.is_final:
                    return

    def _ask_again(self) -> None:
        self.asked = True
        self.arrived = Arrived()
        self.is_answered = False

    def _answered(self, response: LLMResponse) -> LLMResponse:
        self.given.append(response)
        self.is_answered = True
        return response


async def _noted(pieces: Pieces, errors: list[BaseException]) -> Pieces:
    """``pieces``; what they raise is noted in ``errors``."""
    try:
        async with aclosing(pieces):
            async for piece in pieces:
                yield piece
    except BaseException as error:
        errors.append(error)
        raise
